"""Opening what a context is made of: along the very path that was judged, following no link.

Whoever may write into a folder on the way, such as a container that has the workspace, can put a link in its place
between a look at it and the reading.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def _open_below(top: int, path: str, flags: int, shown: str) -> int:
    """Open ``path`` below the folder ``top``, component by component; an OSError names ``shown``."""
    *steps, last = path.split("/")
    at = top
    try:
        for step in steps:
            below = os.open(step, _STEP, dir_fd=at)
            if at != top:
                os.close(at)
            at = below
        return os.open(last or ".", flags, dir_fd=at)
    except OSError as error:
        error.filename = shown
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            error.strerror = "a link or another file has come into its path"
        raise
    finally:
        if at != top:
            os.close(at)


@contextmanager
def open_folder(path: str, top: int | None = None, shown: str = "") -> Iterator[int]:
    """Open a folder for listing: ``path`` from the root, or relative to the folder ``top``. Raises OSError."""
    root = os.open("/", _STEP) if top is None else top
    try:
        descriptor = _open_below(root, path.lstrip("/"), _FOLDER, shown or path)
    finally:
        if top is None:
            os.close(root)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


class Opener:
    """Opens files by absolute paths; the folder of the latest one stays open, for the next is mostly in it too."""

    def __init__(self) -> None:
        self._root = os.open("/", _STEP)
        self._folder, self._descriptor = "", -1

    def open(self, path: str) -> int:
        """A descriptor for reading, which never blocks. Raises OSError."""
        folder, _, name = path.rpartition("/")
        if self._descriptor < 0 or folder != self._folder:
            self._close_folder()
            self._descriptor = _open_below(self._root, folder.lstrip("/"), _STEP, path)
            self._folder = folder
        return os.open(name, _FILE, dir_fd=self._descriptor)

    def _close_folder(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Opener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_folder()
        os.close(self._root)
