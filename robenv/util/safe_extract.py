"""Writes a tree from elsewhere below a folder, and nowhere else, whatever anybody does to that folder meanwhile.

Each component of a path is opened by itself, from the folder that was opened before it, and never through a link; files
are made new or not at all; links come last, when the whole tree is known (``robenv.util.safe_tree``).
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

from robenv.util.safe_tree import CLOSED, FILE, FOLDER, LIMITS, LINK, BadTree, Item, Limits, Tree, shown_path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MEDDLED = (errno.EEXIST, errno.ELOOP, errno.ENOENT, errno.ENOTDIR, errno.EISDIR)


class Extractor:
    """``root``: a folder that is there, and empty. All methods raise BadTree for what is refused, and OSError."""

    def __init__(self, root: Path, limits: Limits = LIMITS) -> None:
        self._tree = Tree(limits)
        self._left = limits.size
        self._root = os.open(root, _FOLDER)

    def __enter__(self) -> Extractor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._root)

    def folder(self, path: str) -> None:
        self._tree.add(Item(path, FOLDER))
        with _told(path):
            os.close(self._open(path.split("/")))

    def closed(self, path: str) -> None:
        """Keeps ``path`` free for what something else makes there; the folders above it are made."""
        self._tree.add(Item(path, CLOSED))
        with _told(path):
            os.close(self._open(path.split("/")[:-1]))

    def file(self, path: str, pieces: Iterable[bytes], mode: int) -> None:
        self._tree.add(Item(path, FILE))
        *above, name = path.split("/")
        with _told(path):
            folder = self._open(above)
            try:
                file = os.open(name, _NEW_FILE, 0o600, dir_fd=folder)
            finally:
                os.close(folder)
        with os.fdopen(file, "wb") as target:
            for piece in pieces:
                self._left -= len(piece)
                if self._left < 0:
                    raise BadTree(f"more than {self._tree.limits.size} bytes")
                target.write(piece)
            os.fchmod(file, mode)

    def link(self, path: str, target: str) -> None:
        """Made by ``finish``."""
        self._tree.add(Item(path, LINK, target))

    def finish(self) -> None:
        """Judges the links, and makes them."""
        self._tree.check_links()
        for path, target in self._tree.targets.items():
            *above, name = path.split("/")
            with _told(path):
                folder = self._open(above)
                try:
                    os.symlink(target, name, dir_fd=folder)
                finally:
                    os.close(folder)

    def seal(self) -> None:
        """Takes the right to write from all folders: 0555."""
        for path in sorted(self._tree.folders(), reverse=True):
            with _told(path):
                folder = self._open(path.split("/"))
                os.fchmod(folder, 0o555)
                os.close(folder)
        os.fchmod(self._root, 0o555)

    def _open(self, parts: Iterable[str]) -> int:
        """The folder of that path, made where it is not there."""
        folder = os.dup(self._root)
        for part in parts:
            try:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=folder)
                below = os.open(part, _FOLDER, dir_fd=folder)
            finally:
                os.close(folder)
            folder = below
        return folder


@contextlib.contextmanager
def _told(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _MEDDLED:
            raise BadTree(f"{shown_path(path)}, at which something else was put while it was being written") from error
        raise


def remove_tree(path: Path) -> None:
    """Removes a sealed tree, as far as it can be; no link in it is followed."""
    if path.is_symlink():
        path.unlink()
    with contextlib.suppress(OSError, RecursionError):
        for _, _, _, folder in os.fwalk(path):
            os.fchmod(folder, 0o700)
    with contextlib.suppress(RecursionError):
        shutil.rmtree(path, ignore_errors=True)
