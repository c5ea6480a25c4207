"""Which layers of an image a robot lacks, in which steps they go, and what an archive says of them. Pure.

An engine knows a layer by the digest of its plain tar, the diff ID. A containerd image store keeps it as a blob, which
may be compressed and then has another digest; the other stores know it only on top of the layers below it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from robenv.engine.protocol import BlobInfo, Json
from robenv.util.bounded_json import parse_json

_OCI = "application/vnd.oci.image"
MANIFEST = f"{_OCI}.manifest.v1+json"
_CONFIG = f"{_OCI}.config.v1+json"
_PLAIN_LAYER = f"{_OCI}.layer.v1.tar"
_INDEXES = (f"{_OCI}.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True)
class Manifest:
    """What a containerd image store says of an image for one platform."""

    text: bytes
    config: BlobInfo
    layers: tuple[BlobInfo, ...]

    @property
    def digest(self) -> str:
        return digest(self.text)


@dataclass(frozen=True)
class LoadStep:
    """One load: the lowest ``count`` layers of the image, of which the blobs in ``send`` go along."""

    count: int
    send: tuple[str, ...]


@dataclass(frozen=True)
class ArchiveHead:
    """What an archive holds beside layers: files by name, and the image's ID in each kind of store."""

    files: tuple[tuple[str, bytes], ...]
    plain_id: str
    content_id: str

    def image_id(self, content_store: bool) -> str:
        return self.content_id if content_store else self.plain_id


def digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def chain_there(wanted: Sequence[str], images: Iterable[Sequence[str]]) -> int:
    """How many of the lowest layers a storage driver's store has: those that some image begins with too."""
    return max((_common(wanted, layers) for layers in images), default=0)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def chain_ids(diff_ids: Sequence[str]) -> tuple[str, ...]:
    """What the OCI image specification calls the ChainID of each layer: it stands for all below it as well."""
    chains: list[str] = []
    for diff_id in diff_ids:
        chains.append(digest(f"{chains[-1]} {diff_id}".encode()) if chains else diff_id)
    return tuple(chains)


def is_index(blob: BlobInfo) -> bool:
    return blob.media_type in _INDEXES


def in_index(text: bytes, platform: str) -> BlobInfo | None:
    """The manifest for ``platform``, as os/architecture or os/architecture/variant, in an index."""
    for one in parse_json(text).get("manifests") or ():
        said = one.get("platform") or {}
        names = [str(said.get(key) or "") for key in ("os", "architecture", "variant")]
        if platform in ("/".join(names[:2]), "/".join(names)):
            return _blob(one)
    return None


def read_manifest(text: bytes) -> Manifest:
    """Raises ValueError, KeyError where it is none."""
    said = parse_json(text)
    return Manifest(text, _blob(said["config"]), tuple(_blob(one) for one in said["layers"]))


def _blob(said: Json) -> BlobInfo:
    return BlobInfo(str(said.get("mediaType") or ""), str(said["digest"]), int(said["size"]))


def plain_blob(digest: str, size: int) -> BlobInfo:
    """A layer as `docker save` writes it on a storage driver's store."""
    return BlobInfo(_PLAIN_LAYER, digest, size)


def is_compressed(beginning: bytes) -> bool:
    return beginning.startswith((_GZIP, _ZSTD))


def steps(layers: Sequence[str], missing: Mapping[str, int], most: int) -> tuple[LoadStep, ...]:
    """Cuts a transfer into loads that each leave a whole, if partial, image: what was sent stays after a cut.

    ``layers``: the layers' blobs, lowest first; ``missing``: the sizes of those to send. A step ends once it has
    ``most`` bytes, and the last one is the whole image.
    """
    cut: list[LoadStep] = []
    send: dict[str, int] = {}
    sent: set[str] = set()
    for count, blob in enumerate(layers, 1):
        if blob not in missing or blob in sent:
            continue
        send[blob] = missing[blob]
        sent.add(blob)
        if sum(send.values()) >= most:
            cut.append(LoadStep(count, tuple(send)))
            send = {}
    if send or not cut:
        return (*cut, LoadStep(len(layers), tuple(send)))
    return (*cut[:-1], LoadStep(len(layers), cut[-1].send))


def part_of_config(config: bytes, count: int) -> bytes:
    """The config of an image of the lowest ``count`` layers; the image's own where that is all of them."""
    whole = parse_json(config)
    diff_ids = whole["rootfs"]["diff_ids"]
    if count == len(diff_ids):
        return config
    part: dict[str, Any] = {key: whole[key] for key in ("architecture", "os", "variant") if whole.get(key)}
    part["config"] = {}
    part["rootfs"] = {"type": "layers", "diff_ids": diff_ids[:count]}
    return json.dumps(part).encode()


def write_manifest(config: bytes, layers: Sequence[BlobInfo]) -> bytes:
    described = [_described(layer) for layer in layers]
    own = _described(BlobInfo(_CONFIG, digest(config), len(config)))
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": own, "layers": described}).encode()


def _described(blob: BlobInfo) -> dict[str, object]:
    return {"mediaType": blob.media_type, "digest": blob.digest, "size": blob.size}


def archive(name: str, config: bytes, layers: Sequence[BlobInfo], manifest: bytes = b"") -> ArchiveHead:
    """What says that these layers are the image ``name``, in the words of both kinds of store in one archive.

    A storage driver's store reads manifest.json, a containerd store the OCI layout. ``manifest``: the one to keep,
    where it names exactly these blobs.
    """
    manifest = manifest or write_manifest(config, layers)
    files = [(path_of(digest(blob)), blob) for blob in (config, manifest)]
    legacy = [
        {
            "Config": path_of(digest(config)),
            "RepoTags": [name],
            "Layers": [path_of(layer.digest) for layer in layers],
        }
    ]
    files.append(("manifest.json", json.dumps(legacy).encode()))
    files += oci_layout(name, manifest)
    return ArchiveHead(tuple(files), digest(config), digest(manifest))


def oci_layout(name: str, manifest: bytes) -> list[tuple[str, bytes]]:
    """The files that lead a containerd store from ``name`` to a manifest."""
    kind = parse_json(manifest).get("mediaType") or MANIFEST
    entry = {
        **_described(BlobInfo(kind, digest(manifest), len(manifest))),
        "annotations": {
            "io.containerd.image.name": f"docker.io/{name}",
            "org.opencontainers.image.ref.name": name.rpartition(":")[2],
        },
    }
    index = {"schemaVersion": 2, "manifests": [entry]}
    return [("index.json", json.dumps(index).encode()), ("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')]


def path_of(digest: str) -> str:
    """Where an archive has a blob."""
    return f"blobs/{digest.replace(':', '/')}"


def digest_at(path: str) -> str:
    """The digest of the blob at a path of an archive; "" where there is none."""
    folder, _, name = path.rpartition("/")
    return f"sha256:{name}" if folder == "blobs/sha256" and name else ""
