"""Files of `save` member by member, as robenv itself would write none: tests/corpus/bundles holds such as JSON.

A member is ``{"name", "type": "file|folder|link|hard|pipe|device|sparse|global", "data", "link", "pax": {key: value},
"size": what its header says, "times": how often, "zeros": bytes of data}``, all but the name by default.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from typing import Any

import zstandard

TYPES = {
    "file": tarfile.REGTYPE, "folder": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE,
    "pipe": tarfile.FIFOTYPE, "device": tarfile.CHRTYPE, "sparse": tarfile.GNUTYPE_SPARSE, "pax": tarfile.XHDTYPE,
    "global": tarfile.XGLTYPE, "longname": tarfile.GNUTYPE_LONGNAME, "longlink": tarfile.GNUTYPE_LONGLINK,
}  # fmt: skip

HEAD: dict[str, Any] = {
    "version": 1,
    "robenv": "0.1.0",
    "project": "picker",
    "file": "robenv.yaml",
    "images": [
        {
            "project": "picker",
            "content_hash": "ab" * 32,
            "platform": "linux/amd64",
            "staging": "robenv/saved:one",
            "layers": ["sha256:1", "sha256:2"],
            "size": 100,
            "stage": "dev",
        }
    ],
    "sources": [{"url": "https://e.org/p", "commit": "c" * 40, "member": "git/0.pack"}],
    "repositories": [
        {
            "at": {"url": "https://e.org/l", "commit": "d" * 40, "ref": "refs/heads/main", "target": "d" * 40},
            "path": "src/lidar",
            "member": "git/1.pack",
        }
    ],
}
"""What a sound file says of itself."""


def head_member(head: Any = None) -> dict[str, Any]:
    return {"name": "robenv.json", "data": json.dumps(HEAD if head is None else head)}


def tar_of(members: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    for member in members:
        for _ in range(member.get("times", 1)):
            yield from _member(member)
    yield bytes(1024)


def _member(member: dict[str, Any]) -> Iterator[bytes]:
    info = tarfile.TarInfo(member["name"])
    data = member.get("data", "").encode()
    zeros = member.get("zeros", 0)
    info.type, info.linkname = TYPES[member.get("type", "file")], member.get("link", "")
    info.size = member.get("size", len(data) + zeros)
    if "pax" in member:
        info.pax_headers = dict(member["pax"])
    yield info.tobuf(tarfile.PAX_FORMAT if "pax" in member else tarfile.GNU_FORMAT)
    yield data
    for _ in range(zeros >> 20):
        yield bytes(1 << 20)
    yield bytes(zeros & ((1 << 20) - 1))
    yield bytes(-(len(data) + zeros) % 512)


def packed(members: Iterable[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    with zstandard.ZstdCompressor(level=3).stream_writer(buffer, closefd=False) as sink:
        for piece in tar_of(members):
            sink.write(piece)
    return buffer.getvalue()
