"""Reading the files of a profile: small, regular, UTF-8 text, or one plain sentence that says what is wrong."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

MAX_BYTES = 1024 * 1024
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What the YAML parser counts as a line break (not what str.splitlines() does)."""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass
class BadFile(Exception):
    """Why a file cannot be used. ``offset``: the character where that shows, in ``text``; None: the file as a whole."""

    message: str
    hint: str = ""
    absent: bool = False
    text: str = ""
    offset: int | None = None


def read_text(path: Path, limit: int = MAX_BYTES) -> str:
    """The file's text without a byte order mark. A file of more than ``limit`` bytes is not read. Raises BadFile."""
    return decode(read_bytes(path, limit))


def kind_of(path: Path) -> Literal["absent", "file", "folder", "other"]:
    """What is at ``path``, links followed; what this user may not look at counts as absent. Never raises."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return "absent"
    return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other"


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes:
    """A regular file of at most ``limit`` bytes. Raises BadFile."""
    try:
        # Non-blocking, or opening a named pipe would wait for a writer.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        raise BadFile("there is no such file", absent=True) from None
    except OSError as error:
        raise BadFile(f"the file cannot be read: {_reason(error)}", _way_out(error)) from error
    except ValueError:
        raise BadFile("there is no such file: a path cannot hold a NUL character", absent=True) from None
    try:
        return _read_open(handle, limit)
    except OSError as error:
        raise BadFile(f"the file cannot be read: {_reason(error)}") from error
    finally:
        os.close(handle)


def _read_open(handle: int, limit: int) -> bytes:
    about = os.fstat(handle)
    if stat.S_ISDIR(about.st_mode):
        raise BadFile("this is a folder, not a file")
    if not stat.S_ISREG(about.st_mode):
        raise BadFile("this is not a regular file")
    size = about.st_size
    if size <= limit:
        # One byte more than allowed, in case it grows meanwhile.
        with os.fdopen(handle, "rb", closefd=False) as stream:
            data = stream.read(limit + 1)
        size = len(data)
    if size > limit:
        raise BadFile(f"the file is too large: {size:,} bytes, where at most {limit:,} are read")
    return data


def decode(data: bytes) -> str:
    """UTF-8 text from a file's bytes, a byte order mark dropped. Raises BadFile where it is not text."""
    if data.startswith(_UTF16):
        raise BadFile("the file is UTF-16, not UTF-8", "save it as UTF-8")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        replaced = data.decode("utf-8", "replace")
        message = f"the file is not UTF-8: byte 0x{data[error.start]:02x} does not belong there"
        raise BadFile(message, "save it as UTF-8", text=replaced, offset=len(before)) from None
    text = text.removeprefix("\ufeff")
    odd = _UNPRINTABLE.search(text)
    if odd:
        name = "a NUL character: it is binary, not text" if odd[0] == "\0" else f"the character U+{ord(odd[0]):04X}"
        raise BadFile(f"the file holds {name}", "remove it", text=text, offset=odd.start())
    return text


def line_starts(text: str) -> list[int]:
    """Where each line begins, by what YAML counts as a line break."""
    return [0, *(found.end() for found in LINE_BREAK.finditer(text))]


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Counting from 1."""
    starts = line_starts(text[:offset])
    return len(starts), offset - starts[-1] + 1


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _way_out(error: OSError) -> str:
    return "make it readable for your user: chmod u+r FILE" if isinstance(error, PermissionError) else ""
