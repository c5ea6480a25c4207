"""The engine that an image is sent to: what it has already, and whether what arrived is whole."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from robenv.engine.protocol import BlobInfo, Engine, ImageInfo
from robenv.errors import ContainerNotFound, EngineUnreachable, ImageNotFound, OperationFailed
from robenv.transfer.blobs import read_manifests
from robenv.transfer.layers import Manifest, chain_there
from robenv.transfer.source import SourceImage

_LOOKED_INTO = 6
"""Images whose manifests are read at most: each must bring layers that those before it lack."""
_PAUSE = 0.5


@dataclass(frozen=True)
class TargetContents:
    """What the target has: the image itself, or the blobs of its layers by number."""

    image: str
    """An ID; "" where the whole image is not there."""
    blobs: Mapping[int, BlobInfo]
    staged: tuple[str, ...] = ()
    """Tags of the staging repository that an earlier transfer left."""


def read_target(target: Engine, source: SourceImage, repository: str, trusting: bool = True) -> TargetContents:
    """What is there of the image, whoever brought it: earlier releases, base images, a transfer that was cut.

    A containerd store may have images whose blobs are gone; ``trusting`` its word is what finds out. A storage driver's
    store takes a layer as there where it thinks so, whatever it is sent.
    """
    images = target.images()
    staged = tuple(tag for image in images for tag in image.tags if tag.rpartition(":")[0] == repository)
    if target.info().content_store and not trusting:
        found = TargetContents("", {})
    elif target.info().content_store:
        found = _in_content_store(target, images, source, f"{repository}:look")
    else:
        found = _in_driver_store(images, source)
    return replace(found, staged=staged)


def _in_driver_store(images: Iterable[ImageInfo], source: SourceImage) -> TargetContents:
    wanted = source.image.layers
    whole = next((image.id for image in images if image.id == source.config_digest), "")
    count = len(wanted) if whole else chain_there(wanted, (image.layers for image in images))
    return TargetContents(whole, {number: source.blob(number, None) for number in range(count)})


def _in_content_store(target: Engine, images: Iterable[ImageInfo], source: SourceImage, scratch: str) -> TargetContents:
    wanted = source.image.layers
    chosen = _covering(images, frozenset(wanted))
    manifests: dict[str, Manifest] = {}
    with suppress(OperationFailed):  # an image may be broken there: then all that is not known is sent
        manifests = read_manifests(target, chosen, scratch)
    known: dict[str, BlobInfo] = {}
    own = frozenset(source.layers)
    for one in chosen:
        manifest = manifests.get(one.id)
        if manifest is None or len(manifest.layers) != len(one.layers):
            continue
        if one.layers == wanted and manifest.config.digest == source.config_digest:
            return TargetContents(one.id, dict(enumerate(manifest.layers)))
        for diff_id, blob in zip(one.layers, manifest.layers, strict=True):
            if diff_id not in known or blob.digest in own:
                known[diff_id] = blob
    return TargetContents("", {number: known[diff_id] for number, diff_id in enumerate(wanted) if diff_id in known})


def _covering(images: Iterable[ImageInfo], wanted: frozenset[str]) -> list[ImageInfo]:
    """Few images that have as many of the wanted layers as all have together."""
    chosen: list[ImageInfo] = []
    covered: set[str] = set()
    waiting = [image for image in images if image.blob is not None and wanted.intersection(image.layers)]
    whole = [one for one in waiting if wanted == set(one.layers)]
    waiting.sort(key=lambda one: -len(wanted.intersection(one.layers)))
    for one in waiting:
        if len(chosen) < _LOOKED_INTO and wanted.intersection(one.layers) - covered:
            chosen.append(one)
            covered.update(one.layers)
    return [*whole[:_LOOKED_INTO], *(one for one in chosen if one not in whole[:_LOOKED_INTO])]


def has_arrived(target: Engine, reference: str, layers: tuple[str, ...], patience: float = 0) -> bool:
    """Whether the image is there with exactly these layers; asked again while there is ``patience``, in seconds."""
    end = time.monotonic() + patience
    while True:
        with suppress(EngineUnreachable):
            image = target.find_image(reference)
            if image is not None and image.layers == layers:
                return True
        if time.monotonic() >= end:
            return False
        time.sleep(_PAUSE)


def prove_unpacked(target: Engine, reference: str, layers: tuple[str, ...], container: str) -> None:
    """Makes a container of the image and removes it: what was not unpacked shows there. Raises OperationFailed."""
    image = target.find_image(reference)
    if image is None or image.layers != layers:
        raise OperationFailed(
            "The image that arrived is not the one that was sent.",
            details=f"Its layers are {', '.join(image.layers) if image else 'not there'}.",
            hint="Run the same command again.",
        )
    forget_container(target, container)
    try:
        target.create_container(container, {"Image": reference, "Entrypoint": ["true"], "NetworkDisabled": True})
    finally:
        with suppress(EngineUnreachable):
            forget_container(target, container)


def forget_container(target: Engine, name: str) -> None:
    with suppress(ContainerNotFound):
        target.remove_container(name, force=True)


def forget_images(target: Engine, tags: Iterable[str]) -> None:
    for tag in tags:
        with suppress(ImageNotFound):
            target.remove_image(tag)
