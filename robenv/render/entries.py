"""What a build context holds, entry by entry: values that say where each one's bytes come from."""

from __future__ import annotations

from dataclasses import dataclass

from robenv.errors import Location

FILE, FOLDER, SYMLINK = "file", "folder", "symlink"


@dataclass(frozen=True)
class FileStat:
    """What tells whether a file has changed since it was looked at."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True)
class ContextEntry:
    name: str
    """Its path inside the context, without a leading or trailing slash."""
    kind: str
    """``FILE``, ``FOLDER`` or ``SYMLINK``."""
    mode: int
    data: bytes = b""
    """A file's bytes, where robenv itself wrote them."""
    host_path: str = ""
    """Where a file's bytes are read from; "" for one that ``data`` holds."""
    stat: FileStat | None = None
    link: str = ""
    """Where a symbolic link points."""
    location: Location | None = None

    @property
    def size(self) -> int:
        """Bytes."""
        return self.stat.size if self.stat else len(self.data)
