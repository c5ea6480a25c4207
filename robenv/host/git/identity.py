"""Who commits: the name and the address that the user's own git has in a folder. Light."""

from __future__ import annotations

import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PATIENCE = 2.0
"""Seconds; a home folder on a server that does not answer must not keep anybody out of a container."""
_QUIET = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_KEYS = ("--null", "--get-regexp", r"^user\.(name|email)$")
_SCOPES = ("system", "global", "local", "command")
"""Git's names for where a setting is from; the later go before the earlier."""
_OWN = "file:.git/config"
"""How git calls the configuration of the repository that it is in. A linked working tree, and a submodule, has another
one, whose name looks like that of any file."""
_USAGE = 129
"""Git's exit code for an option that it does not know."""
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\0": None, "\r": None})


def git_identity(directory: str, environ: Mapping[str, str]) -> dict[str, str]:
    """``name`` and ``email`` as git has them in ``directory``: of the repository, the user or the machine. Empty where
    there is no git, none is configured, or the configuration cannot be read.

    Includes of the user's and the machine's configuration count. Those of the repository's do not: a command in the
    container can write that, and would be told what is in another file of the user's.
    """
    ask = ("git", "-C", directory, *_QUIET, "config")
    status, output = _run((*ask, "--includes", "--show-scope", "--show-origin", *_KEYS), environ)
    found: dict[str, dict[str, str]] = {scope: {} for scope in _SCOPES}
    if status == _USAGE:  # git before 2.26
        for scope in ("system", "global"):
            found[scope] = _entries(_run((*ask, f"--{scope}", "--includes", *_KEYS), environ)[1].split("\0"))
    fields = output.split("\0")
    is_told = status != _USAGE
    for scope, origin, entry in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
        if scope == "local" and origin != _OWN:
            is_told = False
        elif scope in found:
            found[scope].update(_entries((entry,)))
    if not is_told:
        found["local"] = _entries(_run((*ask, "--local", "--no-includes", *_KEYS), environ)[1].split("\0"))
    return {key: value for scope in _SCOPES for key, value in found[scope].items()}


def _entries(texts: Iterable[str]) -> dict[str, str]:
    parts = [text.partition("\n") for text in texts]
    return {key.removeprefix("user."): value for key, _, value in parts if value.strip()}


def git_config(identity: Mapping[str, str], safe: tuple[str, ...] = (), include: str = "") -> str:
    """The text of a configuration with that identity, in which the folders ``safe`` may belong to another user.

    ``include``: another configuration that counts less.
    """
    lines = ["# robenv writes this anew for every command."]
    if include:
        lines += ["[include]", f"\tpath = {_quoted(include)}"]
    if identity:
        lines += ["[user]", *(f"\t{key} = {_quoted(value)}" for key, value in sorted(identity.items()))]
    if safe:
        lines += ["[safe]", *(f"\tdirectory = {_quoted(path)}" for path in safe)]
    return "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    return f'"{value.translate(_ESCAPES)}"'


def _run(command: tuple[str, ...], environ: Mapping[str, str]) -> tuple[int, str]:
    """The exit code and stdout; (-1, "") where the command is missing or takes too long. Without subprocess, whose
    import alone takes longer than git does."""
    reading, writing = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    try:
        pid = os.posix_spawnp(command[0], command, dict(environ), file_actions=actions)
    except OSError:
        os.close(reading)
        return -1, ""
    finally:
        os.close(writing)
        os.close(null)
    try:
        output = _read(reading)
    finally:
        os.close(reading)
    if output is None:
        os.kill(pid, 9)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return (code, output.decode("utf-8", "replace") if code == 0 else "") if output is not None else (-1, "")


def _read(fd: int) -> bytes | None:
    """All that comes until the end; None where that takes too long."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    until = time.monotonic() + _PATIENCE
    parts: list[bytes] = []
    while poll.poll(max(0.0, until - time.monotonic()) * 1000):
        data = os.read(fd, 65536)
        if not data:
            return b"".join(parts)
        parts.append(data)
    return None
