"""What nothing refers to any more, and its removal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from robenv.catalog.platforms import parse_platform
from robenv.engine.protocol import ContainerInfo, Engine, ImageInfo
from robenv.errors import ContainerNotFound, ImageNotFound, OperationFailed
from robenv.paths import cache_folder
from robenv.plan.image.mirrors import PINNED
from robenv.plan.names import (
    LABEL_DIRECTORY,
    LABEL_NETWORK,
    LABEL_PLAN_JSON,
    LABEL_PROJECT,
    LABEL_ROLE,
    LABEL_STAGE,
    LABEL_TOOLS,
    ROLE_BASE,
    ROLE_TOOLS,
    tools_volume,
)
from robenv.project.containers.orphans import FolderStates, Note
from robenv.project.image.staging_names import find_abandoned


@dataclass(frozen=True)
class Removable:
    """One thing that may go. ``size`` is in bytes, 0 where it is not known."""

    kind: str
    """image, base, pinned, tools, container, network, volume or cache"""
    name: str
    reference: str
    size: int
    why: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def find_removables(engine: Engine, keep_images: frozenset[str], volumes: bool, note: Note) -> list[Removable]:
    """Everything that nothing refers to: decided here from what the engine lists, removed by ``remove``.

    ``keep_images`` are references that the present project is about to need. ``note`` is told what stays, and why.
    """
    folders = FolderStates(note, engine.info().root_dir)
    containers = engine.containers({LABEL_PROJECT: None})
    images = engine.images({LABEL_PROJECT: None})
    gone = [found for found in containers if not found.running and folders.is_gone(found.labels)]
    left = [container for container in containers if container not in gone]
    old = unused_images(images, left, keep_images)
    rubbish = [
        Removable("container", found.name, found.id, 0, f"stopped, and its folder is gone: {_folder(found)}")
        for found in gone
    ]
    rubbish += [
        Removable("image", _name(image), image.id, image.size, "its project has another one now") for image in old
    ]
    rubbish += [
        Removable("base", _name(base), base.id, base.size, "no image stands on it")
        for base in unused_bases(engine, [image for image in images if image not in old], keep_images)
    ]
    stay = [image for image in images if image not in old]
    rubbish += [
        Removable("pinned", name, image.id, image.size, "no image stands on it")
        for image, name in unused_pinned(engine.images(named=f"{PINNED}:*"), stay, left, keep_images)
    ]
    rubbish += [
        Removable("image", name, name, 0, "left by a `save` or `load` that was killed")
        for name in find_abandoned(engine)
    ]
    rubbish += _tools(engine, stay, left)
    live = {_folder(container) for container in left}
    rubbish += [
        Removable(
            "network", network.name, network.name, 0, f"its folder is gone: {network.labels.get(LABEL_DIRECTORY, '')}"
        )
        for network in engine.networks({LABEL_NETWORK: None})
        if network.labels.get(LABEL_DIRECTORY) not in live and folders.is_gone(network.labels)
    ]
    rubbish += [
        Removable("volume", one.name, one.name, 0, f"its folder is gone: {one.labels.get(LABEL_DIRECTORY, '')}")
        for one in (engine.volumes({LABEL_PROJECT: None}) if volumes else ())
        if one.labels.get(LABEL_DIRECTORY) not in live and folders.is_surely_gone(one.name, one.labels)
    ]
    return rubbish + _caches()


def unused_images(
    images: Sequence[ImageInfo], containers: Sequence[ContainerInfo], keep: frozenset[str]
) -> list[ImageInfo]:
    """Images that no container uses and of whose project a newer one is there.

    Of the projects with an image in ``keep`` only that one stays, of others the newest; run images likewise.
    """
    stay = {container.image_id for container in containers}
    stay |= {image.id for image in images if keep.intersection(image.tags)}
    decided = {one for image in images if keep.intersection(image.tags) for one in _series(image)}
    newest: dict[tuple[str, str], str] = {}
    tagged = [image for image in images if image.tags]
    for image in tagged:
        for project in _series(image):
            newest[project] = max(newest.get(project, ""), image.created)
    for image in tagged:
        # The engine's times are in seconds: of several that are equally new, none is known to be out of date.
        if any(image.created == newest[project] for project in _series(image) if project not in decided):
            stay.add(image.id)
    return [image for image in images if image.id not in stay]


def _series(image: ImageInfo) -> set[tuple[str, str]]:
    """A project's images to work in are one series, its run images another. Projects without a name may share one."""
    named = {tag.partition(":")[0].rpartition("/")[2] for tag in image.tags if tag.startswith("robenv/")}
    return {(project, image.labels.get(LABEL_STAGE, "")) for project in named | {image.labels.get(LABEL_PROJECT, "")}}


def unused_bases(engine: Engine, images: Sequence[ImageInfo], keep: frozenset[str]) -> list[ImageInfo]:
    """Bootstrapped bases whose lowest layers are in none of these images, and that are not in ``keep``."""
    bases = engine.images({LABEL_ROLE: ROLE_BASE})
    starts = {image.layers[:1] for image in images}
    return [base for base in bases if base.layers[:1] not in starts and not keep.intersection(base.tags)]


def unused_pinned(
    pinned: Sequence[ImageInfo], images: Sequence[ImageInfo], containers: Sequence[ContainerInfo], keep: frozenset[str]
) -> Iterator[tuple[ImageInfo, str]]:
    """Of what came from mirrors by digest, with its name here, that on which none of these images stands, which no
    container uses, and which is not in ``keep``."""
    used = {container.image_id for container in containers}
    for image in pinned:
        on_it = any(one.layers[: len(image.layers)] == image.layers for one in images)
        for name in image.tags:
            if name.startswith(f"{PINNED}:") and name not in keep and image.id not in used and not on_it:
                yield image, name


def _tools(engine: Engine, images: Sequence[ImageInfo], containers: Sequence[ContainerInfo]) -> Iterator[Removable]:
    """Native tools for other architectures: what filled their volumes, the volumes, the images."""
    ours = {LABEL_ROLE: ROLE_TOOLS}
    mounted = {name for container in containers for name in _mounts(container)}
    for filler in engine.containers(ours):
        if filler.name not in mounted:
            yield Removable("container", filler.name, filler.id, 0, "no container has the native tools that it is for")
    for volume in engine.volumes(ours):
        if volume.name not in mounted:
            yield Removable("volume", volume.name, volume.name, 0, "native tools, and no container has them")
    foreign = {parse_platform(image.platform).debian for image in images}
    for image in unused_tools(engine.images(ours), foreign, mounted):
        yield Removable("tools", _name(image), image.id, image.size, "native tools that no image left here needs")


def unused_tools(
    tools: Sequence[ImageInfo], architectures: Collection[str], mounted: Collection[str]
) -> list[ImageInfo]:
    """Images with native tools for architectures of which no image is left, and those that a newer robenv has made
    anew; whose volume a container has, stays. ``architectures``: as Debian calls them. ``mounted``: names of volumes.
    """
    newest: dict[str, str] = {}
    for image in tools:
        kind = image.labels.get(LABEL_TOOLS, "")
        newest[kind] = max(newest.get(kind, ""), image.created)
    return [
        image
        for image in tools
        if not any(tools_volume(tag) in mounted for tag in image.tags)
        and (
            (kind := image.labels.get(LABEL_TOOLS, "")).partition(" ")[0] not in architectures
            or image.created != newest[kind]
        )
    ]


def _mounts(container: ContainerInfo) -> Iterator[str]:
    """The volumes and folders that a container of a project was made with."""
    plan = json.loads(container.labels.get(LABEL_PLAN_JSON) or "{}")
    yield from (str(mount.get("source")) for mount in plan.get("mounts") or ())


def _caches() -> list[Removable]:
    found = []
    for name in ("warm", "logs", "bases"):
        folder = Path(cache_folder()) / name
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else 0
        if size:
            found.append(Removable("cache", str(folder), str(folder), size, "made again when it is needed"))
    return found


def remove(engine: Engine, rubbish: Sequence[Removable]) -> list[tuple[Removable, OperationFailed]]:
    """Removes what ``find_removables`` found. What meanwhile came into use stays: the engine refuses, and that is what
    comes back. Raises EngineLost."""
    left = []
    for thing in rubbish:
        try:
            _remove(engine, thing)
        except (ImageNotFound, ContainerNotFound):
            continue  # somebody else was faster
        except OperationFailed as error:
            left.append((thing, error))
    return left


def _remove(engine: Engine, thing: Removable) -> None:
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
