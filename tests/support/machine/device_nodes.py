"""Device nodes of the host that a test makes and takes away again. Their numbers are of drivers that every kernel has:
virtual consoles (4), their memory (7)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TERMINAL = (4, 60)
"""A virtual console that nobody looks at: a terminal as a serial port is one."""
SCREEN = (7, 0)
"""/dev/vcs: reading it gives what is on the present console, so that there is something to read."""


class Nodes:
    def __init__(self) -> None:
        self._made: list[Path] = []

    def node(self, path: str, numbers: tuple[int, int], *, gid: int = 0, mode: int = 0o660) -> str:
        self._parents(Path(path))
        os.mknod(path, stat.S_IFCHR | mode, os.makedev(*numbers))
        self._made.append(Path(path))
        os.chown(path, 0, gid)
        Path(path).chmod(mode)  # whatever the umask is
        return path

    def link(self, path: str, target: str) -> str:
        self._parents(Path(path))
        Path(path).symlink_to(target)
        self._made.append(Path(path))
        return path

    def file(self, path: str) -> str:
        Path(path).touch(exist_ok=False)
        self._made.append(Path(path))
        return path

    def _parents(self, path: Path) -> None:
        for folder in reversed(path.parents):
            if not folder.exists():
                folder.mkdir(mode=0o755)
                self._made.append(folder)

    def remove(self) -> None:
        for path in reversed(self._made):
            with suppress(OSError):  # a folder in which another test has something by now
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        self._made.clear()


@contextmanager
def device_nodes() -> Iterator[Nodes]:
    nodes = Nodes()
    try:
        yield nodes
    finally:
        nodes.remove()
