"""A project's images in a registry: which name they have there, and what is taken from it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from robenv.engine.protocol import BuildEvent, Engine, ImageInfo, StepEvent
from robenv.errors import OperationFailed
from robenv.plan.names import LABEL_HASH, TAG_DIGITS, image_reference
from robenv.util.concurrency import forward

OnEvent = Callable[[BuildEvent], object]


class WrongImage(OperationFailed):
    """A registry, or a file, has something else under the name of a project's image."""


@dataclass(frozen=True)
class ProjectImage:
    """The image that a project wants. ``content_hash``: the whole hash, which the image carries as a label."""

    project: str
    content_hash: str
    platform: str
    repository: str = ""
    """What it is called in a registry, where not by the project's name."""

    @property
    def reference(self) -> str:
        """Its name on an engine: ``robenv/PROJECT:HASH12``."""
        return image_reference(self.project, self.content_hash)

    def pushed(self, registry: str) -> str:
        """Its name in a registry: ``REGISTRY/PROJECT:HASH12``."""
        return f"{registry}/{self.repository or self.project}:{self.content_hash[:TAG_DIGITS]}"


def push_image(engine: Engine, wanted: ProjectImage, registry: str, on_event: OnEvent) -> str:
    """Pushes the image, which the engine must have; the digest that it has in the registry.

    Raises ImageNotFound, RegistryDenied, RegistryUnreachable, EngineLost.
    """
    remote = wanted.pushed(registry)
    there_before = engine.find_image(remote) is not None
    engine.tag(wanted.reference, remote)
    try:
        forward(engine.push(remote), on_event)
        return engine.registry_image(remote).digest
    finally:
        if not there_before:
            engine.remove_image(remote)


def index_tag(every: Sequence[ProjectImage]) -> str:
    """The tag of the index of these images: the beginning of a hash over theirs, whatever their order."""
    lines = sorted(f"{one.platform} {one.content_hash}\n" for one in every)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:TAG_DIGITS]


def push_index(
    engine: Engine, pushed: Mapping[ProjectImage, str], registry: str, tag: str, on_event: OnEvent
) -> tuple[str, str]:
    """Gives the images, by their digests in the registry, one name for all platforms: REGISTRY/PROJECT:``tag``.

    The name, and the index's digest. Raises ImageNotFound, RegistryDenied, RegistryUnreachable, OperationFailed.
    """
    first = next(iter(pushed))
    name = f"{registry}/{first.repository or first.project}:{tag}"
    step = StepEvent(f"index {name}", f"index of {len(pushed)} platforms", started=time.time())
    on_event(step)
    digest = engine.push_index(name, {one.platform: its for one, its in pushed.items()})
    on_event(replace(step, completed=time.time()))
    return name, digest


def pull_image(engine: Engine, wanted: ProjectImage, registry: str, on_event: OnEvent) -> ImageInfo:
    """Pulls the image and gives it its name on the engine, if it is what its name says.

    Raises ImageNotFound, RegistryDenied, RegistryUnreachable, DiskFull, EngineLost; WrongImage, and nothing is left.
    """
    remote = wanted.pushed(registry)
    there_before = engine.find_image(remote) is not None
    forward(engine.pull(remote, wanted.platform), on_event)
    try:
        return adopt_image(engine, remote, wanted)
    finally:
        if not there_before:
            engine.remove_image(remote)


def adopt_image(engine: Engine, came_as: str, wanted: ProjectImage) -> ImageInfo:
    """Gives an image that came from elsewhere its name, once it is what was wanted. Raises WrongImage."""
    image = engine.find_image(came_as, wanted.platform)
    if image is None:
        raise WrongImage(f"{came_as} is not for {wanted.platform}")
    found = image.labels.get(LABEL_HASH, "")
    if found != wanted.content_hash:
        raise WrongImage(
            f"{came_as} is not this project's image, and is not used",
            details=f"its label {LABEL_HASH} is {found or 'not there'}, and should be {wanted.content_hash}",
            hint="`robenv push`, from a machine that has the right one, puts it there",
        )
    engine.tag(image.id, wanted.reference)
    return image
