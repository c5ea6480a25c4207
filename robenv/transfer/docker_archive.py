"""Reads what `docker save` streams, once and in pieces: layers are looked at as they pass, and never held in memory.

Docker Engine 25 and later name a layer by its digest. Earlier ones name its folder by an ID of old and tell only at the
end which layer that is, so that all would have to be kept until then; but that ID is a digest over what is known.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from robenv.engine.protocol import Json
from robenv.errors import OperationFailed
from robenv.transfer.layers import chain_ids, digest_at
from robenv.util.bounded_json import parse_json
from robenv.util.chunk_reader import ChunkReader

_PIECE = 1 << 20
_EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_CONFIG = re.compile(r"[0-9a-f]{64}\.json")


@dataclass(frozen=True)
class Member:
    """A file of the stream. ``digest``: of what it must hold, "" where that is not known. Read ``pieces`` at once."""

    name: str
    size: int
    digest: str
    pieces: Iterator[bytes]


def members(stream: Iterable[bytes], diff_ids: Sequence[str]) -> Generator[Member, None, None]:
    """The files of an image's archive, in the stream's order. ``diff_ids``: the image's layers.

    Raises OperationFailed where the stream is no whole tar.
    """
    legacy = _Legacy(diff_ids)
    try:
        with tarfile.open(fileobj=ChunkReader(stream), mode="r|", bufsize=_PIECE, tarinfo=_Info) as tar:
            for one in tar:
                if not one.isreg():
                    continue
                pieces = _pieces(tar.extractfile(one))
                if legacy.describes_a_layer(one):
                    legacy.learn(b"".join(pieces))
                    continue
                known = digest_at(one.name) or legacy.digest_of(one.name)
                yield Member(one.name, one.size, known, pieces)
    except (tarfile.TarError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(error) from error


class _Info(tarfile.TarInfo):
    """A member whose extended headers, which tarfile reads whole, are short."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Info:
        found = super().frombuf(buf, encoding, errors)
        if found.type in _EXTENDED and found.size > _PIECE:
            raise tarfile.ReadError(f"a header has {found.size} bytes")
        return found


def _damaged(error: Exception) -> OperationFailed:
    return OperationFailed("The engine's archive of the image ends early or is damaged.", details=str(error))


def _pieces(file: IO[bytes] | None) -> Iterator[bytes]:
    try:
        while file is not None and (piece := file.read(_PIECE)):
            yield piece
    except tarfile.TarError as error:
        raise _damaged(error) from error


class _Legacy:
    """The folders ``ID/{VERSION,json,layer.tar}`` of engines before 25, in the order in which they pass."""

    def __init__(self, diff_ids: Sequence[str]) -> None:
        self._layers = dict(zip(chain_ids(diff_ids), diff_ids, strict=True))
        self._known: dict[str, str] = {}

    def describes_a_layer(self, member: tarfile.TarInfo) -> bool:
        return member.name.endswith("/json") and member.size < _PIECE

    def learn(self, text: bytes) -> None:
        """Finds the layer whose ID comes out where it is put into the description, as the engine made that ID."""
        said = parse_json(text)
        name, parent = str(said.pop("id")), said.pop("parent", "")
        if parent:
            said["parent"] = f"sha256:{parent}"
        bare = {key: value for key, value in said.items() if key != "os"}  # below the topmost, it came in later
        for chain, diff_id in self._layers.items():
            if name in (_legacy_id(said, chain), _legacy_id(bare, chain)):
                self._known[f"{name}/layer.tar"] = diff_id

    def digest_of(self, path: str) -> str:
        """The config is named by its own digest."""
        return f"sha256:{path[:64]}" if _CONFIG.fullmatch(path) else self._known.get(path, "")


def _legacy_id(described: Json, chain: str) -> str:
    ordered = dict(sorted({**described, "layer_id": chain}.items()))  # only the topmost level, as Go does with maps
    line = json.dumps(ordered, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":  # Go's encoding/json escapes these, which Python's does not
        line = line.replace(character, f"\\u{ord(character):04x}")
    return hashlib.sha256(line.encode()).hexdigest()
