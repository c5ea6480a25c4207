"""What is on a robot's disk of images that were on their way, and the room there is without them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from robenv.engine.protocol import Engine, ImageInfo
from robenv.errors import OperationFailed
from robenv.plan.names import image_reference
from robenv.remote.connection import Connection
from robenv.remote.remote_lock import projects_at_work
from robenv.transfer.disk_space import (
    STAGING,
    DiskNeeds,
    abandoned,
    layer_sizes,
    missing_layers,
    room_freed,
    room_needed,
)
from robenv.transfer.send import staging_repository
from robenv.transfer.target import forget_images


def room_for(here: Engine, connection: Connection, image: ImageInfo, project: str) -> DiskNeeds:
    """What the image of ``here`` takes on that robot, and what is freed before it goes there."""
    engine = connection.engine
    there = engine.images()
    left = _abandoned(connection, there, image, project)
    kept = [one for one in there if one not in left]
    content_store = engine.info().content_store
    missing = missing_layers(image, kept, content_store)
    needed = room_needed(_sizes(here)(image), missing, content_store)
    return DiskNeeds(needed, room_freed(left, there, _sizes(engine)))


def clear(connection: Connection, image: ImageInfo, project: str, say: Callable[[str], None]) -> None:
    """Removes what abandoned transfers have left. While the project's lock is held: then none of its own goes on."""
    there = connection.engine.images(named=f"{STAGING}*")
    left = _abandoned(connection, there, image, project)
    if left:
        say(f"removing {len(left)} images of transfers that were given up")
    for one in left:
        with suppress(OperationFailed):  # somebody made a container of it
            forget_images(connection.engine, one.tags)


def _abandoned(connection: Connection, there: list[ImageInfo], image: ImageInfo, project: str) -> tuple[ImageInfo, ...]:
    if not any(tag.startswith(STAGING) for one in there for tag in one.tags):
        return ()
    others = projects_at_work(connection) - {project}
    repositories = {staging_repository(image_reference(other, "")) for other in others}
    return abandoned(there, image.layers, repositories)


def _sizes(engine: Engine) -> Callable[[ImageInfo], tuple[int, ...]]:
    return lambda image: layer_sizes(engine.history(image.id), len(image.layers))
