"""When a file or folder was made: what tells it from a later one with the same inode.

A file system gives the inode of what was removed to what is made next. os.stat(3) of Python does not have this time.
"""

from __future__ import annotations

import os

_AT_FDCWD = -100
_STATX_BTIME = 0x800
_SIZE, _MASK, _SECONDS, _NANOSECONDS = 256, slice(0, 4), slice(80, 88), slice(88, 92)
"""Of struct statx: statx(2)."""


def birth_of(path: str) -> int:
    """Nanoseconds since 1970; 0 where the file system or the C library does not know, and for what is not there."""
    try:
        import ctypes
        import sys

        answer = ctypes.create_string_buffer(_SIZE)
        if ctypes.CDLL(None).statx(_AT_FDCWD, os.fsencode(path), 0, _STATX_BTIME, answer):
            return 0
    except (ImportError, OSError, AttributeError):
        return 0
    mask, seconds, nanoseconds = (
        int.from_bytes(answer.raw[part], sys.byteorder) for part in (_MASK, _SECONDS, _NANOSECONDS)
    )
    return seconds * 1_000_000_000 + nanoseconds if mask & _STATX_BTIME else 0
