"""A robot that answers the questions of ``robenv.host``'s probes: a POSIX shell over there, kept open.

Each question becomes one line for that shell, its answer comes back between marks: one round trip each, and nothing is
written or installed. Busybox is enough.
"""

from __future__ import annotations

import contextlib
import secrets
import shlex
import stat
import subprocess
from collections.abc import Callable
from typing import Any

from robenv.errors import RobenvError, RobotRefused, RobotUnreachable
from robenv.host.host import MAX_BYTES, Host, first_line
from robenv.util.bounded_json import OUTPUT

_LINE = 64 * 1024
"""Bytes that are read at a time."""
_GLOB = "*?[]"
_KINDS = {"f": "file", "d": "folder", "S": "socket", "c": "char", "b": "block", "p": "fifo"}


def _broke(printed: bytes, answered: bool) -> RobenvError:
    return RobotUnreachable("the connection broke", hint="is the robot still in reach?")


class RemoteHost(Host):
    """``argv`` starts a POSIX shell that reads commands from its stdin. ``name``: of the robot, for errors. ``ended``:
    the error for a shell that has ended, by what it printed and whether it had answered anything; by default
    RobotUnreachable.

    What is printed between answers is dropped: a login shell may greet before it runs this one.
    """

    def __init__(self, argv: list[str], name: str = "", ended: Callable[[bytes, bool], RobenvError] = _broke) -> None:
        self._whose = f"{name}: " if name else ""
        self._ended = ended
        self._answered = False
        self._mark = secrets.token_hex(8)
        pipe = subprocess.PIPE
        self._shell = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, start_new_session=True)

    def close(self) -> None:
        """Ends the shell over there."""
        with contextlib.suppress(OSError):
            if self._shell.stdin is not None:
                self._shell.stdin.close()
        self._shell.terminate()
        self._shell.wait()
        if self._shell.stdout is not None:
            self._shell.stdout.close()

    def ask(self, verb: str, *arguments: str) -> Any:
        try:
            return _ANSWERS[verb](self, *arguments)
        except (ValueError, IndexError) as error:
            details = f"{verb} {' '.join(arguments)}: {error}"
            raise RobotRefused(f"{self._whose}its answers cannot be understood", details=details) from error

    def shell(self, script: str) -> tuple[int, bytes]:
        """(exit code, output) of a script of one line; what it writes to stderr is dropped."""
        stdin, stdout = self._shell.stdin, self._shell.stdout
        if stdin is None or stdout is None or "\n" in script:
            raise ValueError(script)
        try:
            begin, end = f"printf '\\n%s\\n' {self._mark}", f"printf '\\n%s %s\\n' {self._mark} $?"
            stdin.write(f"{begin}; ( {script} ) </dev/null 2>/dev/null; {end}\n".encode())
            stdin.flush()
        except OSError as error:
            raise self._ended(str(error).encode(), self._answered) from error
        return self._read(stdout)

    def _read(self, stdout: Any) -> tuple[int, bytes]:
        mark = self._mark.encode()
        self._lines(stdout, mark + b"\n")
        self._answered = True
        line, output = self._lines(stdout, mark + b" ")
        return int(line.split()[1]), output

    def _lines(self, stdout: Any, start: bytes) -> tuple[bytes, bytes]:
        """(the next line that begins so, what came before it, less one line break)"""
        output, begun = bytearray(), True
        while True:
            line = stdout.readline(_LINE)
            if not line:
                raise self._ended(bytes(output), self._answered)
            if begun and line.startswith(start):
                return line, bytes(output[:-1])
            begun = line.endswith(b"\n")
            output += line
            if len(output) > OUTPUT:
                details = f"one has more than {OUTPUT >> 20} MiB"
                raise RobotRefused(f"{self._whose}its answers are too long", details=details)


def pattern(text: str) -> str:
    """A shell pattern with everything but its ``*``, ``?`` and ``[…]`` quoted."""
    return "".join(character if character in _GLOB else shlex.quote(character) for character in text)


def _texts_of(output: bytes) -> list[str]:
    return [part.decode("utf-8", "replace") for part in output.split(b"\0")[:-1]]


def _read(host: RemoteHost, path: str) -> str | None:
    code, output = host.shell(f"head -c {MAX_BYTES} {shlex.quote(path)}")
    return None if code else output.decode("utf-8", "replace")


def _glob(host: RemoteHost, text: str) -> list[str]:
    _, output = host.shell(
        f'for f in {pattern(text)}; do if [ -e "$f" ] || [ -L "$f" ]; then printf "%s\\0" "$f"; fi; done'
    )
    return sorted(_texts_of(output))


def _texts(host: RemoteHost, text: str) -> dict[str, str]:
    # A text holds no NUL, so that two of them part path, text and path.
    each = f'if [ -f "$f" ]; then printf "%s\\0" "$f"; head -c {MAX_BYTES} "$f"; printf "\\0"; fi'
    _, output = host.shell(f"for f in {pattern(text)}; do {each}; done")
    parts = _texts_of(output)
    return dict(sorted(zip(parts[::2], parts[1::2], strict=False)))


def _kind(host: RemoteHost, path: str) -> str:
    tests = " || ".join(f"{{ [ -{flag} {shlex.quote(path)} ] && printf {flag}; }}" for flag in _KINDS)
    return _KINDS.get(host.shell(tests)[1].decode(), "")


def _link(host: RemoteHost, path: str) -> str | None:
    code, output = host.shell(f"readlink {shlex.quote(path)}")
    return None if code else output.decode("utf-8", "replace").rstrip("\n")


_STAT = "stat -c '%f %t %T %g %n'"
"""Type and permissions, major and minor in hexadecimal, group, name: GNU's stat and busybox's alike."""


def _described(line: str, path: str = "", target: str = "") -> list[Any] | None:
    mode, major, minor, gid, name = line.split(" ", 4)
    kind = {stat.S_IFCHR: "char", stat.S_IFBLK: "block"}.get(stat.S_IFMT(int(mode, 16)))
    if kind is None:
        return None
    return [path or name, kind, int(major, 16), int(minor, 16), int(gid), stat.S_IMODE(int(mode, 16)), target]


def _node(host: RemoteHost, path: str) -> list[Any] | None:
    quoted = shlex.quote(path)
    code, output = host.shell(f'real=$(readlink -f {quoted}) && {_STAT} "$real"')
    if code or not output.strip():
        return None
    found = _described(output.decode("utf-8", "replace").rstrip("\n"))
    if found is None:
        return None
    return [path, *found[1:6], found[0] if found[0] != path else ""]


def _tree(host: RemoteHost, folder: str) -> dict[str, Any]:
    quoted = shlex.quote(folder)
    prune = " -o ".join(
        f"-path {shlex.quote(f'{folder}/{name}')}" for name in ("shm", "mqueue", "hugepages", "pts", "block", "char")
    )
    find = f"find {quoted} \\( {prune} \\) -prune -o"
    _, nodes = host.shell(f"{find} \\( -type c -o -type b \\) -exec {_STAT} {{}} +")
    _, links = host.shell(
        f'{find} -type l -print | while read -r f; do printf "%s\\0%s\\0" "$f" "$(readlink -f "$f")"; done'
    )
    _, others = host.shell(f"{find} -type d -print; echo //; {find} \\( -type f -o -type s \\) -print")
    found = [node for line in nodes.decode("utf-8", "replace").splitlines() if (node := _described(line)) is not None]
    by_path = {node[0]: node for node in found}
    pairs = _texts_of(links)
    for path, target in zip(pairs[::2], pairs[1::2], strict=False):
        if target in by_path:
            found.append([path, *by_path[target][1:6], target])
    folders, _, files = others.decode("utf-8", "replace").partition("//\n")
    rest = [f"{name}/" for name in folders.splitlines() if name != folder] + files.splitlines()
    return {"nodes": sorted(found), "others": sorted(rest)}


def _uname(host: RemoteHost) -> list[str]:
    _, output = host.shell("uname -r; uname -v; uname -m")
    lines = [*output.decode("utf-8", "replace").splitlines(), "", "", ""]
    return lines[:3]


def _user(host: RemoteHost) -> list[Any]:
    _, output = host.shell("id -u; id -g; id -un")
    uid, gid, name = [*output.decode("utf-8", "replace").split(), "0", "0", "root"][:3]
    return [int(uid), int(gid), name]


def _run(host: RemoteHost, *command: str) -> list[Any] | None:
    code, output = host.shell(shlex.join(command))
    return None if code == 127 else [code, output.decode("utf-8", "replace")]


_ANSWERS: dict[str, Callable[..., Any]] = {
    "glob": _glob,
    "holding": lambda host, text, wanted: [
        path for path, found in _texts(host, text).items() if found.strip() == wanted
    ],
    "kind": _kind,
    "line": lambda host, path, start: first_line(_read(host, path), start),
    "link": _link,
    # A robot has no login session of the user's: nothing of one is passed through there.
    "listens": lambda host, path: False,
    "variable": lambda host, name: None,
    "node": _node,
    "read": _read,
    "run": _run,
    "texts": _texts,
    "tree": _tree,
    "uname": _uname,
    "user": _user,
}
