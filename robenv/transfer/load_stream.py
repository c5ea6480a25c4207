"""The body of a load: a tar whose layers come packed from the spool, with a few packed bytes between them."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator, Sequence

from robenv.transfer.layer_cache import LayerCache, PackedBlob
from robenv.transfer.layers import path_of

_END = bytes(2 * tarfile.BLOCKSIZE)


class LoadStream:
    """Iterates over pieces of bytes; ``size`` is how many there will be, ``gone`` whether all were taken."""

    def __init__(
        self, layer_cache: LayerCache, layers: Iterable[PackedBlob], files: Sequence[tuple[str, bytes]]
    ) -> None:
        self.gone = False
        self._parts: list[bytes | PackedBlob] = []
        for layer in layers:
            self._parts.append(layer_cache.frame(_header(path_of(layer.digest), layer.size)))
            self._parts.append(layer)
            if layer.size % tarfile.BLOCKSIZE:
                self._parts.append(layer_cache.frame(_padding(layer.size)))
        self._parts.append(layer_cache.frame(small_tar(files)))
        self.size = sum(part.packed if isinstance(part, PackedBlob) else len(part) for part in self._parts)

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            if isinstance(part, PackedBlob):
                yield from part.pieces()
            else:
                yield part
        self.gone = True


def small_tar(files: Iterable[tuple[str, bytes]]) -> bytes:
    """A whole tar of small files."""
    parts = [part for name, text in files for part in (_header(name, len(text)), text, _padding(len(text)))]
    return b"".join([*parts, _END])


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)
