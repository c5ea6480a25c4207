"""Who commits: the name and the address that the user's own git has in a folder. Light."""

from __future__ import annotations

import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_PATIENCE = 2.0
"""Seconds; a home folder on a server that does not answer must not keep anybody out of a container."""
_COMMAND = ("git", "config", "--null", "--get-regexp", r"^user\.(name|email)$")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\0": None, "\r": None})


def git_identity(directory: str, environ: Mapping[str, str]) -> dict[str, str]:
    """``name`` and ``email`` as git has them in ``directory``: of the repository, the user or the machine, includes and
    all. Empty where there is no git, none is configured, or the configuration cannot be read."""
    output = _run(("git", "-C", directory, *_COMMAND[1:]), environ)
    found = {}
    for entry in output.decode("utf-8", "replace").split("\0"):
        key, _, value = entry.partition("\n")
        if value.strip():
            found[key.removeprefix("user.")] = value
    return found


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


def _run(command: tuple[str, ...], environ: Mapping[str, str]) -> bytes:
    """stdout; b"" where the command is missing, fails or takes too long. Without subprocess, whose import alone takes
    longer than git does."""
    reading, writing = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    try:
        pid = os.posix_spawnp(command[0], command, dict(environ), file_actions=actions)
    except OSError:
        os.close(reading)
        return b""
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
    return output if output and status == 0 else b""


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
