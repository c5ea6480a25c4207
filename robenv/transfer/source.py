"""The image on the engine that has it: what it consists of, and its layers into the spool, no more than are wanted."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Set
from contextlib import closing
from dataclasses import dataclass

from robenv.engine.protocol import BlobInfo, Engine, ImageInfo
from robenv.errors import ImageNotFound, OperationFailed
from robenv.transfer.blobs import read_blobs, read_manifests, read_texts
from robenv.transfer.docker_archive import Member, members
from robenv.transfer.layer_cache import LayerCache, PackedBlob
from robenv.transfer.layers import Manifest, plain_blob
from robenv.transfer.push_capture import push_into

Counted = Callable[[int], None]
Save = Callable[[str, Set[str]], Iterator[bytes]]
"""From an image's ID and the digests of the layers that are wanted to an archive that has at least these."""


@dataclass(frozen=True)
class SourceImage:
    """An image where it is. ``manifest`` and ``config_text``: where the engine has a containerd image store."""

    engine: Engine
    image: ImageInfo
    scratch: str
    """A tag that nobody uses."""
    manifest: Manifest | None = None
    config_text: bytes = b""
    save: Save | None = None

    @property
    def config_digest(self) -> str:
        return self.manifest.config.digest if self.manifest else self.image.id

    @property
    def layers(self) -> tuple[str, ...]:
        """The digest of each layer's blob here, lowest first."""
        return tuple(blob.digest for blob in self.manifest.layers) if self.manifest else self.image.layers

    def blob(self, number: int, packed: PackedBlob | None) -> BlobInfo:
        """What describes a layer; ``packed`` tells the size where the engine does not."""
        if self.manifest:
            return self.manifest.layers[number]
        return plain_blob(self.image.layers[number], packed.size if packed else 0)

    def config(self, layer_cache: LayerCache) -> bytes:
        """Call it after ``fetch``."""
        if self.config_text:
            return self.config_text
        packed = layer_cache.find(self.config_digest)
        if packed is None:
            raise _incomplete({self.config_digest})
        return layer_cache.text(packed)

    def fetch(self, wanted: Iterable[str], layer_cache: LayerCache, count: Counted) -> dict[str, PackedBlob]:
        """Brings these layers into the spool, but for those that lie there; ``count`` is told of the bytes read.

        Raises OperationFailed where a layer is damaged or left out, DiskFull, EngineLost.
        """
        digests = tuple(dict.fromkeys(wanted))
        with layer_cache.locked():
            layer_cache.sweep()
            missing = {digest for digest in digests if layer_cache.find(digest) is None}
            if not self.config_text and layer_cache.find(self.config_digest) is None:
                missing.add(self.config_digest)
            if missing and not self.manifest and self.save is None:
                missing -= push_into(self.engine, self.image, missing, layer_cache, count)
            if missing:
                self._fill(missing, layer_cache, count)
            return {digest: packed for digest in digests if (packed := layer_cache.find(digest)) is not None}

    def _fill(self, missing: set[str], layer_cache: LayerCache, count: Counted) -> None:
        with closing(self._members(missing)) as stream:
            for member in stream:
                if member.digest in missing or (member.name.endswith("/layer.tar") and not member.digest):
                    packed = layer_cache.put(_counted(member.pieces, count), member.size)
                    _judge(member, packed, missing)
                    missing.discard(packed.digest)
                if not missing:
                    return  # the rest is left where it is
        raise _incomplete(missing)

    def _members(self, missing: Set[str]) -> Generator[Member, None, None]:
        if self.manifest:
            blobs = [blob for blob in self.manifest.layers if blob.digest in missing]
            return read_blobs(self.engine, list(dict.fromkeys(blobs)), self.scratch)
        saved = self.save(self.image.id, missing) if self.save else self.engine.save_images([self.image.id])
        return members(saved, self.image.layers)


def find_source(engine: Engine, reference: str, scratch: str, save: Save | None = None) -> SourceImage:
    """``save``: how a storage driver's store gives parts of an image. Raises ImageNotFound, OperationFailed."""
    image = engine.find_image(reference)
    if image is None:
        raise ImageNotFound(f"There is no image {reference} here to send.", hint="Build it first: `robenv build`.")
    if not engine.info().content_store:
        return SourceImage(engine, image, scratch, save=save)
    manifest = read_manifests(engine, [image], scratch).get(image.id)
    if manifest is None or len(manifest.layers) != len(image.layers):
        raise OperationFailed(
            f"The engine here does not tell what {reference} consists of.",
            details="Its images lie in a containerd image store, which tells that since Docker Engine 28.",
            hint="Update the engine here, or build with one that has the overlay2 image store.",
        )
    config = read_texts(engine, [manifest.config], scratch)
    return SourceImage(engine, image, scratch, manifest, config[manifest.config.digest])


def _judge(member: Member, packed: PackedBlob, missing: Set[str]) -> None:
    """A layer of an old archive that could not be told may be one that nobody asked for: then it goes again."""
    if member.digest and packed.digest != member.digest:
        packed.path.unlink(missing_ok=True)
        raise OperationFailed(
            "A layer of the image is damaged on the engine here.",
            details=f"{member.digest} was read as {packed.digest}.",
            hint="Build the image anew: `robenv build --no-cache`.",
        )
    if packed.digest not in missing:
        packed.path.unlink(missing_ok=True)


def _incomplete(missing: Set[str]) -> OperationFailed:
    return OperationFailed(
        "The engine here did not give the whole image.",
        details=f"Its archive lacks {', '.join(sorted(missing))}.",
        hint="Build the image anew: `robenv build --no-cache`.",
    )


def _counted(pieces: Iterable[bytes], count: Counted) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        count(len(piece))
