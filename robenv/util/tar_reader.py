"""Tar streams from outside, read with bounds, member by member.

tarfile takes an extended header into memory whole, whatever its size; it calls itself for each one that follows on
another, and for a sparse file takes in a list as long as that says it is. Here a header costs what a header may, and no
member is ever in memory.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from typing import IO, Any

MAX_MEMBERS = 200_000
_MAX_HEADER = 1 << 20
"""Bytes of one extended header: two paths, an owner, some times; and from engines a file's own attributes, of which
Linux allows 64 KiB each."""
_MAX_IN_A_ROW = 4
"""Extended headers of one member: GNU tar writes a name's and a link's, others one for both."""
_MAX_NAME = 4096
_MAX_SIZE = 1 << 50
_PIECE = 1 << 18
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_GNU = {tarfile.GNUTYPE_LONGNAME: "path", tarfile.GNUTYPE_LONGLINK: "linkpath"}
_REFUSED = (tarfile.XGLTYPE, tarfile.GNUTYPE_SPARSE)

Member = tuple[tarfile.TarInfo, "IO[bytes] | None"]


class BadTar(tarfile.ReadError):
    """A tar that ends too early, is none, or has more of something than any tool writes."""


def members(source: IO[bytes], most: int = MAX_MEMBERS) -> Iterator[Member]:
    """The members of a tar, with the bytes of regular files; each one's must be read before the next is asked for.

    Their names, kinds, sizes and modes are as tarfile gives them; times to the second. Raises BadTar.
    """
    for _ in range(most):
        info = _next(source)
        if info is None:
            return
        body = _Body(source, info.size if info.isreg() or info.type not in tarfile.SUPPORTED_TYPES else 0)
        yield info, io.BufferedReader(body, min(_PIECE, info.size + 1)) if info.isreg() else None
        body.skip()
        _take(source, -info.size % tarfile.BLOCKSIZE if body.size else 0)
    raise BadTar(f"more than {most} members")


def _next(source: IO[bytes]) -> tarfile.TarInfo | None:
    said: dict[str, str] = {}
    for _ in range(_MAX_IN_A_ROW + 1):
        try:
            info = tarfile.TarInfo.frombuf(_take(source, tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            return None
        except tarfile.HeaderError as error:
            raise BadTar(str(error)) from error
        if info.type in _PAX:
            said = {**_records(_header(source, info)), **said}
        elif info.type in _GNU:
            text = _header(source, info).partition(b"\0")[0].decode("utf-8", "surrogateescape")
            said.setdefault(_GNU[info.type], text)
        elif info.type in _REFUSED:
            raise BadTar(f"a member of type {info.type!r}")
        else:
            return _applied(info, said)
    raise BadTar("extended headers without end")


def _header(source: IO[bytes], info: tarfile.TarInfo) -> bytes:
    if not 0 <= info.size <= _MAX_HEADER:
        raise BadTar(f"an extended header of {info.size} bytes")
    data = _take(source, info.size)
    _take(source, -info.size % tarfile.BLOCKSIZE)
    return data


def _records(data: bytes) -> dict[str, str]:
    """``LENGTH KEY=VALUE`` and a line break, again and again (pax(1))."""
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        end = data.find(b" ", at, at + 8)
        digits = data[at:end] if end > 0 else b""
        after = at + int(digits) if digits.isdigit() else 0
        key, equals, value = data[end + 1 : after - 1].partition(b"=")
        if after <= end or after > len(data) or not equals or data[after - 1 : after] != b"\n":
            raise BadTar("a broken extended header")
        if key.startswith(b"GNU.sparse."):
            raise BadTar("a sparse file")
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        at = after
    return found


def _applied(info: tarfile.TarInfo, said: dict[str, str]) -> tarfile.TarInfo:
    if "path" in said:
        info.name = said["path"].rstrip("/")
    info.linkname = said.get("linkpath", info.linkname)
    if (size := said.get("size")) is not None:
        if not (size.isascii() and size.isdigit() and len(size) < 20):
            raise BadTar(f"a size of {size[:40]!r}")
        info.size = int(size)
    for text in (info.name, info.linkname):
        if len(text) > _MAX_NAME or "\0" in text:
            raise BadTar(f"a name of more than {_MAX_NAME} bytes, or with a NUL")
    if not 0 <= info.size <= _MAX_SIZE:
        raise BadTar(f"a size of {info.size} bytes")
    return info


def _take(source: IO[bytes], size: int) -> bytes:
    pieces = []
    while size:
        piece = source.read(size)
        if not piece:
            raise BadTar("it ends too early")
        size -= len(piece)
        pieces.append(piece)
    return b"".join(pieces)


class _Body(io.RawIOBase):
    """The next ``size`` bytes of a stream."""

    def __init__(self, source: IO[bytes], size: int) -> None:
        self.size = self._left = size
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            return 0
        piece = _take_some(self._source, min(self._left, len(buffer)))
        self._left -= len(piece)
        buffer[: len(piece)] = piece
        return len(piece)

    def skip(self) -> None:
        while self._left:
            self._left -= len(_take_some(self._source, min(self._left, _PIECE)))


def _take_some(source: IO[bytes], size: int) -> bytes:
    piece = source.read(size)
    if not piece:
        raise BadTar("it ends too early")
    return piece
