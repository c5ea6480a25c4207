"""For which machine the programs of a file, a folder or an image are."""

from __future__ import annotations

import io
import struct
import tarfile
from collections.abc import Iterator
from typing import IO, Any

AARCH64, X86_64 = 183, 62


def machine_of(start: bytes) -> int:
    """ELF's number of the architecture; 0 for what is no ELF file. ``start``: a file's first 20 bytes."""
    if not start.startswith(b"\x7fELF") or len(start) < 20:
        return 0
    return int(struct.unpack_from("<H" if start[5] == 1 else ">H", start, 18)[0])


def image_files(api: Any, image: str) -> Iterator[tuple[str, int]]:
    """Path and ELF machine of every entry of every layer of an image, as the engine saves it."""
    saved = _Stream(api.get_image(image))
    with tarfile.open(fileobj=saved, mode="r|") as outer:
        for one in outer:
            if one.isfile() and (content := outer.extractfile(one)) is not None:
                yield from _layer_files(content, one.name)


def _layer_files(content: IO[bytes], name: str) -> Iterator[tuple[str, int]]:
    if name.endswith((".json", "VERSION", "repositories", "oci-layout")):
        return
    try:
        layer = tarfile.open(fileobj=content, mode="r|*")  # noqa: SIM115
    except tarfile.ReadError:  # a blob that describes the image
        return
    with layer:
        for entry in layer:
            file = layer.extractfile(entry) if entry.isreg() else None
            yield entry.name.removeprefix("./"), machine_of(file.read(20)) if file else 0


class _Stream(io.RawIOBase):
    """Chunks as a file that can only be read on."""

    def __init__(self, chunks: Any) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._rest) < size:
            more = next(self._chunks, None)
            if more is None:
                break
            self._rest += more
        size = len(self._rest) if size < 0 else size
        found, self._rest = self._rest[:size], self._rest[size:]
        return found
