"""Single blobs out of a containerd image store, of which the Engine API gives whole images only.

A tiny image is loaded whose "layers" are those blobs, by digest, with nothing of them in the archive; saved again it
brings them. Their media type is none of a layer's, so the engine does not unpack them. So the manifest of an image is
read without its layers, and of an image those layers alone that are wanted.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress

from robenv.engine.protocol import BlobInfo, Engine, ImageInfo
from robenv.errors import ImageNotFound, OperationFailed
from robenv.transfer.docker_archive import Member, members
from robenv.transfer.layers import (
    Manifest,
    digest,
    in_index,
    is_index,
    oci_layout,
    path_of,
    read_manifest,
    write_manifest,
)
from robenv.transfer.load_stream import small_tar

_MOST = 4 << 20
"""Bytes that a manifest or config may have: what the OCI distribution specification has registries take at least."""
_NO_LAYER = "application/octet-stream"


def read_blobs(engine: Engine, blobs: Sequence[BlobInfo], name: str) -> Generator[Member, None, None]:
    """The blobs, in an order of the engine's; read each one's pieces at once. ``name``: a tag that nobody uses.

    Raises OperationFailed where the engine lacks one of them.
    """
    config = b"{}"
    manifest = write_manifest(config, [BlobInfo(_NO_LAYER, blob.digest, blob.size) for blob in blobs])
    files = [(path_of(digest(text)), text) for text in (config, manifest)]
    wanted = {blob.digest for blob in blobs}
    try:
        engine.load_images([small_tar([*files, *oci_layout(name, manifest)])])
        for member in members(engine.save_images([name]), ()):
            if member.digest in wanted:
                wanted.discard(member.digest)
                yield member
    finally:
        with suppress(ImageNotFound):
            engine.remove_image(name)
    if wanted:
        raise OperationFailed("The engine lacks a part of an image that it has.", details=", ".join(sorted(wanted)))


def read_texts(engine: Engine, blobs: Sequence[BlobInfo], name: str) -> dict[str, bytes]:
    """Small blobs, by digest. Raises OperationFailed."""
    texts: dict[str, bytes] = {}
    for member in read_blobs(engine, blobs, name):
        if member.size <= _MOST:
            texts[member.digest] = b"".join(member.pieces)
            if digest(texts[member.digest]) != member.digest:
                raise OperationFailed("A part of an image is damaged in the engine's store.", details=member.digest)
    return texts


def read_manifests(engine: Engine, images: Sequence[ImageInfo], name: str) -> dict[str, Manifest]:
    """The manifests of these images, by the images' IDs; without those that the engine does not tell of."""
    tops = {image.id: image.blob for image in images if image.blob is not None}
    texts = _texts(engine, list(tops.values()), name)
    single: dict[str, BlobInfo] = {}
    for image in images:
        blob = tops.get(image.id)
        if blob is not None and is_index(blob):
            blob = in_index(texts[blob.digest], image.platform) if blob.digest in texts else None
        if blob is not None:
            single[image.id] = blob
    texts |= _texts(engine, [blob for blob in single.values() if blob.digest not in texts], name)
    return {image: read_manifest(texts[blob.digest]) for image, blob in single.items() if blob.digest in texts}


def _texts(engine: Engine, blobs: Sequence[BlobInfo], name: str) -> dict[str, bytes]:
    return read_texts(engine, blobs, name) if blobs else {}
