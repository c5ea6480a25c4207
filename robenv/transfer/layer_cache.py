"""Layers on their way, compressed, on this machine's disk.

An engine's archive has layers in any order, and they must go lowest first; so they wait here. They stay a day: a second
robot, and a transfer that goes on after it was cut, need neither `docker save` nor compression again.
"""

from __future__ import annotations

import errno
import fcntl
import gzip
import hashlib
import os
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robenv.errors import DiskFull, OperationFailed
from robenv.paths import cache_folder
from robenv.transfer.layers import is_compressed

ZSTD, GZIP, PLAIN = "zst", "gz", "raw"
_LEVELS = {ZSTD: 3, GZIP: 3}
"""What was quickest over 20 Mbit/s on an apt layer of 200 MB, compression and sending together."""
_THOROUGH = {ZSTD: 9, GZIP: 6}
"""For layers of less than _SMALL bytes, at most a second of work: a tenth smaller on sources."""
_SMALL = 32 << 20
_FAST = {ZSTD: 1, GZIP: 1}
"""For what is compressed already."""
_KEPT = 24 * 3600
_PIECE = 1 << 20


@dataclass(frozen=True)
class PackedBlob:
    """A blob in the spool: ``size`` bytes with this digest, ``packed`` bytes in the file."""

    digest: str
    size: int
    path: Path
    packed: int

    def pieces(self) -> Iterator[bytes]:
        """The file, as it is. Raises OperationFailed."""
        try:
            with self.path.open("rb") as file:
                while piece := file.read(_PIECE):
                    yield piece
        except OSError as error:
            raise OperationFailed("A layer that waited to be sent is gone.", details=str(error)) from error


class LayerCache:
    """A folder of blobs packed in one form. Entries are whole or not there; several may use it at once."""

    def __init__(self, form: str, folder: Path | None = None) -> None:
        self.form = form
        self.folder = folder or Path(cache_folder(), "layers")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)  # what it holds is of images, whoever made the folder
            (self.folder / "lock").touch()
        except OSError as error:
            raise _not_kept(error, self.folder) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one fills it at a time: who comes second mostly finds all that it came for."""
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def find(self, digest: str) -> PackedBlob | None:
        for path in self.folder.glob(f"{digest.removeprefix('sha256:')}.*.{self.form}"):
            with suppress(FileNotFoundError):  # swept this moment
                os.utime(path)
                return PackedBlob(digest, int(path.suffixes[-2][1:]), path, path.stat().st_size)
        return None

    def put(self, pieces: Iterable[bytes], size: int = 0) -> PackedBlob:
        """Packs a blob of about ``size`` bytes as it passes, and names it by what it was found to be.

        Raises DiskFull, OperationFailed.
        """
        new = self.folder / f"{uuid.uuid4().hex}.new"
        try:
            with new.open("xb") as file:
                digest, size = self._pack(pieces, size, file.write)
            path = self.folder / f"{digest.removeprefix('sha256:')}.{size}.{self.form}"
            new.replace(path)
            return PackedBlob(digest, size, path, path.stat().st_size)
        except OSError as error:
            raise _not_kept(error, self.folder) from error
        finally:
            new.unlink(missing_ok=True)

    def _pack(self, pieces: Iterable[bytes], about: int, write: Callable[[bytes], object]) -> tuple[str, int]:
        digest, size, packer = hashlib.sha256(), 0, None
        usual = _THOROUGH if about < _SMALL else _LEVELS
        for piece in pieces:
            packer = packer or _packer(self.form, (_FAST if is_compressed(piece) else usual).get(self.form, 0))
            digest.update(piece)
            size += len(piece)
            write(packer.compress(piece))
        write((packer or _packer(self.form, 1)).flush())
        return f"sha256:{digest.hexdigest()}", size

    def text(self, packed: PackedBlob) -> bytes:
        """A small blob, unpacked."""
        whole = b"".join(packed.pieces())
        if self.form == ZSTD:
            import zstandard

            return zstandard.ZstdDecompressor().decompressobj().decompress(whole)
        return gzip.decompress(whole) if self.form == GZIP else whole

    def frame(self, text: bytes) -> bytes:
        """A few bytes in the spool's form: packed parts one after the other unpack to one stream."""
        if self.form == GZIP:
            return gzip.compress(text, 1, mtime=0)
        packer = _packer(self.form, 1)
        return bytes(packer.compress(text) + packer.flush())

    def drop(self, digests: Iterable[str]) -> None:
        """Forgets these: one of them was found to be damaged."""
        for digest in digests:
            if (packed := self.find(digest)) is not None:
                packed.path.unlink(missing_ok=True)

    def sweep(self, older: float = _KEPT) -> None:
        """Removes what nobody has used for that many seconds."""
        for path in self.folder.iterdir():
            with suppress(FileNotFoundError):
                if path.name != "lock" and path.stat().st_mtime < time.time() - older:
                    path.unlink()


class _Plain:
    def compress(self, piece: bytes) -> bytes:
        return piece

    def flush(self) -> bytes:
        return b""


def _packer(form: str, level: int) -> Any:
    if form == ZSTD:
        import zstandard

        return zstandard.ZstdCompressor(level=level).compressobj()
    if form == GZIP:
        return zlib.compressobj(level, zlib.DEFLATED, 31)
    return _Plain()


def _not_kept(error: OSError, folder: Path) -> OperationFailed:
    kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else OperationFailed
    return kind(
        f"Could not keep the image's layers on this machine: {error.strerror}.",
        details=f"They wait in {folder} until they are sent.",
        hint="Free some space there, or let XDG_CACHE_HOME name a folder on a disk with more room.",
    )
