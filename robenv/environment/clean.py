"""What nothing refers to any more, and its removal."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from robenv.engine.protocol import ContainerInfo, Engine, ImageInfo, NetworkInfo, VolumeInfo
from robenv.paths import cache_folder
from robenv.plan.names import LABEL_DIRECTORY, LABEL_NETWORK, LABEL_PROJECT, LABEL_ROLE, LABEL_STAGE, ROLE_BASE


@dataclass(frozen=True)
class Rubbish:
    """One thing that may go. ``size`` is in bytes, 0 where it is not known."""

    kind: str
    """image, base, container, network, volume or cache"""
    name: str
    reference: str
    size: int
    why: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def find_rubbish(engine: Engine, keep_images: frozenset[str], volumes: bool) -> list[Rubbish]:
    """Everything that nothing refers to: decided here from what the engine lists, removed by ``remove``.

    ``keep_images`` are references that the present project is about to need.
    """
    containers = engine.containers({LABEL_PROJECT: None})
    images = engine.images({LABEL_PROJECT: None})
    gone = orphans(containers)
    left = [container for container in containers if container not in gone]
    old = unused_images(images, left, keep_images)
    rubbish = [
        Rubbish("container", found.name, found.id, 0, f"stopped, and its folder is gone: {_folder(found)}")
        for found in gone
    ]
    rubbish += [
        Rubbish("image", _name(image), image.id, image.size, "its project has another one now") for image in old
    ]
    rubbish += [
        Rubbish("base", _name(base), base.id, base.size, "no image stands on it")
        for base in unused_bases(engine, [image for image in images if image not in old])
    ]
    rubbish += _ownerless("network", engine.networks({LABEL_NETWORK: None}), left)
    if volumes:
        rubbish += _ownerless("volume", engine.volumes({LABEL_PROJECT: None}), left)
    return rubbish + _caches()


def orphans(containers: Sequence[ContainerInfo]) -> list[ContainerInfo]:
    """Stopped containers of folders that are no longer there."""
    return [found for found in containers if not found.running and not Path(_folder(found)).is_dir()]


def unused_images(
    images: Sequence[ImageInfo], containers: Sequence[ContainerInfo], keep: frozenset[str]
) -> list[ImageInfo]:
    """Images that no container uses and of whose project a newer one is there.

    Of the projects with an image in ``keep`` only that one stays, of others the newest; run images likewise.
    """
    stay = {container.image_id for container in containers}
    stay |= {image.id for image in images if keep.intersection(image.tags)}
    decided = {_series(image) for image in images if keep.intersection(image.tags)}
    newest: dict[tuple[str, str], str] = {}
    tagged = [image for image in images if image.tags]
    for image in tagged:
        project = _series(image)
        newest[project] = max(newest.get(project, ""), image.created)
    for image in tagged:
        project = _series(image)
        # The engine's times are in seconds: of several that are equally new, none is known to be out of date.
        if project not in decided and image.created == newest[project]:
            stay.add(image.id)
    return [image for image in images if image.id not in stay]


def _series(image: ImageInfo) -> tuple[str, str]:
    """A project's images to work in are one series, its run images another."""
    return image.labels.get(LABEL_PROJECT, ""), image.labels.get(LABEL_STAGE, "")


def unused_bases(engine: Engine, images: Sequence[ImageInfo]) -> list[ImageInfo]:
    """Bootstrapped bases whose lowest layers are in none of these images."""
    bases = engine.images({LABEL_ROLE: ROLE_BASE})
    starts = {image.layers[:1] for image in images}
    return [base for base in bases if base.layers[:1] not in starts]


def _ownerless(
    kind: str, things: Sequence[VolumeInfo] | Sequence[NetworkInfo], containers: Sequence[ContainerInfo]
) -> list[Rubbish]:
    live = {_folder(container) for container in containers}
    return [
        Rubbish(kind, thing.name, thing.name, 0, f"its folder is gone: {folder}")
        for thing in things
        if (folder := thing.labels.get(LABEL_DIRECTORY, "")) not in live and not Path(folder).is_dir()
    ]


def _caches() -> list[Rubbish]:
    found = []
    for name in ("warm", "logs", "bases"):
        folder = Path(cache_folder()) / name
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else 0
        if size:
            found.append(Rubbish("cache", str(folder), str(folder), size, "made again when it is needed"))
    return found


def remove(engine: Engine, rubbish: Sequence[Rubbish]) -> None:
    """Removes what ``find_rubbish`` found. What meanwhile came into use stays: the engine refuses."""
    for thing in rubbish:
        if thing.kind == "container":
            engine.remove_container(thing.reference)
        elif thing.kind == "network":
            engine.remove_network(thing.reference)
        elif thing.kind == "volume":
            engine.remove_volume(thing.reference)
        elif thing.kind == "cache":
            shutil.rmtree(thing.reference, ignore_errors=True)
        else:
            engine.remove_image(thing.name)


def _folder(container: ContainerInfo) -> str:
    return container.labels.get(LABEL_DIRECTORY, "")


def _name(image: ImageInfo) -> str:
    return image.tags[0] if image.tags else image.id
