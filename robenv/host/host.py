"""How probes look at a machine: a handful of questions, each with a plain JSON answer.

``Host`` puts them in Python's words on top of one method, ``ask``. So the same probes read this machine
(``LocalHost``), one that was recorded or described (``robenv.host.recorded``) and, through whoever implements ``ask``,
one far away; ``HostRecorder`` keeps what was asked. Light: the quick way in asks again what the last `up` asked.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from robenv.host.facts import DeviceNode

MAX_BYTES = 1 << 20
"""Of a file, no more is read."""
_MEMORY = frozenset(("/dev/shm", "/dev/mqueue", "/dev/hugepages"))  # noqa: S108
_NUMBERS = frozenset(("/dev/block", "/dev/char"))
"""A second name by number for every node. Nobody asks for these, and they would take as long as all the rest."""
_TERMINALS = "/dev/pts"
_MAX_LINKS = 8
_PATIENCE = 1.0
"""Seconds that a program on another host gets to take a connection."""


class Host:
    """A machine that answers. Whatever is not there, or not for this user to read, is absent: nothing raises."""

    def ask(self, verb: str, *arguments: str) -> Any:
        """The answer to one question, as JSON has it. The verbs are the names of the methods below."""
        raise NotImplementedError

    def apart(self) -> Host:
        """The same machine for questions on which no plan depends: a Recorder does not keep them."""
        return self

    def read(self, path: str) -> str | None:
        """A file's text (UTF-8, anything else replaced)."""
        answer: str | None = self.ask("read", path)
        return answer

    def line(self, path: str, start: str) -> str | None:
        """The first line of a file that begins with ``start``: for files in which other lines change by the second."""
        answer: str | None = self.ask("line", path, start)
        return answer

    def texts(self, pattern: str) -> dict[str, str]:
        """The texts of all files that match a shell pattern, by path, in order."""
        answer: dict[str, str] = self.ask("texts", pattern)
        return answer

    def glob(self, pattern: str) -> tuple[str, ...]:
        """All paths that match a shell pattern, in order."""
        return tuple(self.ask("glob", pattern))

    def link(self, path: str) -> str | None:
        """What a symbolic link says, unresolved."""
        answer: str | None = self.ask("link", path)
        return answer

    def kind(self, path: str) -> str:
        """``file``, ``folder``, ``socket``, ``char``, ``block`` or ``fifo``, links followed; "": nothing there."""
        answer: str = self.ask("kind", path)
        return answer

    def node(self, path: str) -> DeviceNode | None:
        """The device node at ``path``, links followed."""
        answer = self.ask("node", path)
        return _node(answer) if answer else None

    def holding(self, pattern: str, text: str) -> tuple[str, ...]:
        """All paths that match a shell pattern and are files with just this text, but for white space at its ends."""
        return tuple(self.ask("holding", pattern, text))

    def tree(self, folder: str) -> tuple[tuple[DeviceNode, ...], tuple[str, ...]]:
        """Of a folder for devices and all below: every device node and every link to one, and what else is there
        (folders with ``/`` at the end, plain files, sockets). Both by path."""
        answer = self.ask("tree", folder)
        return tuple(_node(node) for node in answer["nodes"]), tuple(answer["others"])

    def can_hold(self, folder: str, home: str = "") -> bool:
        """Whether the user may write in a folder; see ``robenv.paths``."""
        return bool(self.ask("can_hold", folder, home))

    def variable(self, name: str) -> str:
        """An environment variable; "" too where it is not set."""
        return self.ask("variable", name) or ""

    def listens(self, path: str) -> bool:
        """Whether somebody accepts a connection at a Unix socket."""
        return bool(self.ask("listens", path))

    def reaches(self, name: str, port: int) -> bool:
        """Whether somebody accepts a connection at a port of a host."""
        return bool(self.ask("reaches", name, str(port)))

    def uname(self) -> tuple[str, str, str]:
        """(release, version, machine)"""
        release, version, machine = self.ask("uname")
        return release, version, machine

    def user(self) -> tuple[int, int, str]:
        """(UID, GID, name) of whom the probes run as; the name is the number where no account has it."""
        uid, gid, name = self.ask("user")
        return uid, gid, name

    def run(self, *command: str) -> tuple[int, str] | None:
        """(exit code, standard output) of a command; None where there is no such command."""
        answer = self.ask("run", *command)
        return None if answer is None else (answer[0], answer[1])


class LocalHost(Host):
    """This machine, as this process sees it."""

    def ask(self, verb: str, *arguments: str) -> Any:
        return _ANSWERS[verb](*arguments)


class HostRecorder(Host):
    """Hands questions on to another host, and keeps each with its answer."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.answers: dict[tuple[str, ...], Any] = {}

    def apart(self) -> Host:
        return self._host

    def ask(self, verb: str, *arguments: str) -> Any:
        answer = self._host.ask(verb, *arguments)
        self.answers[(verb, *arguments)] = answer
        return answer


def _node(answer: list[Any]) -> DeviceNode:
    from robenv.host.facts import DeviceNode

    return DeviceNode(*answer)


def _read(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return None


def _line(path: str, start: str) -> str | None:
    return first_line(_read(path), start)


def first_line(text: str | None, start: str) -> str | None:
    """The first line of ``text`` that begins with ``start``."""
    if text is None:
        return None
    return next((line for line in text.split("\n") if line.startswith(start)), None)


def _glob(pattern: str) -> list[str]:
    from glob import glob

    return sorted(glob(pattern))


def _texts(pattern: str) -> dict[str, str]:
    texts = ((path, _read(path)) for path in _glob(pattern))
    return {path: text for path, text in texts if text is not None}


def _holding(pattern: str, text: str) -> list[str]:
    return [path for path, found in _texts(pattern).items() if found.strip() == text]


def _link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None


_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
}
_DEVICE = (stat.S_IFCHR, stat.S_IFBLK)


def _kind(path: str) -> str:
    try:
        return _KINDS.get(stat.S_IFMT(os.stat(path).st_mode), "")
    except (OSError, ValueError):
        return ""


def _one_node(path: str) -> list[Any] | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    if stat.S_IFMT(status.st_mode) not in _DEVICE:
        return None
    target = os.path.realpath(path) if os.path.islink(path) else ""
    return _describe(path, status, target)


def _describe(path: str, status: os.stat_result, target: str) -> list[Any]:
    kind = _KINDS[stat.S_IFMT(status.st_mode)]
    numbers = os.major(status.st_rdev), os.minor(status.st_rdev)
    return [path, kind, *numbers, status.st_gid, stat.S_IMODE(status.st_mode), target]


def _tree(folder: str) -> dict[str, Any]:
    nodes: dict[str, os.stat_result] = {}
    links: dict[str, str] = {}
    others: list[str] = []
    _walk(folder, nodes, links, others)
    found = [_describe(path, status, "") for path, status in nodes.items()]
    for path in links:
        target = resolve_links(path, links)
        if target in nodes:
            found.append(_describe(path, nodes[target], target))
    return {"nodes": sorted(found), "others": sorted(others)}


def resolve_links(path: str, links: dict[str, str]) -> str:
    """Where ``path`` leads in the end. Read from the links already seen: a call for each would take the most time."""
    for _ in range(_MAX_LINKS):
        if path not in links:
            break
        path = os.path.normpath(os.path.join(os.path.dirname(path), links[path]))
    return path


def _walk(folder: str, nodes: dict[str, os.stat_result], links: dict[str, str], others: list[str]) -> None:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        try:
            if entry.is_symlink():
                links[entry.path] = os.readlink(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                _enter(entry.path, nodes, links, others)
            else:
                status = entry.stat(follow_symlinks=False)
                if stat.S_IFMT(status.st_mode) in _DEVICE:
                    nodes[entry.path] = status
                else:
                    others.append(entry.path)
        except OSError:
            continue  # unplugged meanwhile


def _enter(folder: str, nodes: dict[str, os.stat_result], links: dict[str, str], others: list[str]) -> None:
    if folder in _MEMORY:
        return
    if folder != _TERMINALS:
        others.append(f"{folder}/")
    if folder not in _NUMBERS:
        _walk(folder, nodes, links, others)


def _variable(name: str) -> str | None:
    return os.environ.get(name)


def _listens(path: str) -> bool:
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        # Never waits: a server whose queue is full is there, and busy.
        client.setblocking(False)
        try:
            client.connect(path)
        except BlockingIOError:
            return True
        except (OSError, ValueError):
            return False
    return True


def reaches(name: str, port: int | str) -> bool:
    """Whether somebody accepts a connection at a port of a host, within a second."""
    import socket

    try:
        socket.create_connection((name, int(port)), timeout=_PATIENCE).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True


def _uname() -> list[str]:
    names = os.uname()
    return [names.release, names.version, names.machine]


def _user() -> list[Any]:
    import pwd

    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)  # a container, or a directory service that is down
    return [uid, os.getegid(), name]


def _run(*command: str) -> list[Any] | None:
    import subprocess

    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=10, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return [done.returncode, done.stdout.decode("utf-8", errors="replace")]


def _can_hold(folder: str, home: str) -> bool:
    from robenv.paths import can_hold

    return can_hold(folder, home)


_ANSWERS: dict[str, Any] = {
    "can_hold": _can_hold,
    "glob": _glob,
    "holding": _holding,
    "kind": _kind,
    "line": _line,
    "link": _link,
    "listens": _listens,
    "node": _one_node,
    "reaches": reaches,
    "read": _read,
    "run": _run,
    "texts": _texts,
    "tree": _tree,
    "uname": _uname,
    "user": _user,
    "variable": _variable,
}
