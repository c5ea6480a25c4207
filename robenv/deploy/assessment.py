"""What `deploy`, `deploy --dry-run` and `plan -r` judge of one robot: its release, and what keeps that off it."""

from __future__ import annotations

from typing import NamedTuple

from robenv import __version__
from robenv.deploy.preflight import check_robot, wanted
from robenv.deploy.release import Release, plan_release
from robenv.deploy.robot_info import Survey
from robenv.engine.protocol import Engine, ImageInfo
from robenv.errors import Problem
from robenv.plan.host.host import plan_host
from robenv.plan.host.requirements import Grant
from robenv.project.planned import Loaded
from robenv.remote.connection import Connection
from robenv.remote.image_probe import needed
from robenv.transfer.disk_space import Room
from robenv.transfer.staging import room_for


class Assessment(NamedTuple):
    release: Release
    grant: Grant
    """What the robot grants of the profile's requirements; ``grant.lacks`` are among the problems."""
    problems: tuple[Problem, ...]


def assess(
    loaded: Loaded, survey: Survey, image: ImageInfo | None, room: Room, programs: frozenset[str] | None
) -> Assessment:
    """Plan the release for a robot by its own facts, and find every reason why it cannot run there. Pure.

    ``image``: None where it is not built; then it is taken to have no entrypoint. ``room``: what it takes of the
    robot's disk. ``programs``: those that the image has; None where nobody could look. Raises ProfileError.
    """
    grant = plan_host(loaded.resolved.profile, survey.facts)
    release = plan_release(
        loaded.resolved,
        loaded.image,
        survey.facts,
        content_hash=loaded.content_hash,
        grant=grant,
        platform=loaded.build.platform,
        entrypoint=image.entrypoint if image is not None else (),
        image_command=image.command if image is not None else (),
        version=__version__,
    )
    required = needed(loaded.resolved.profile.deploy)
    want = wanted(loaded.resolved, loaded.build, release.plan, grant.lacks, room, required, programs)
    return Assessment(release, grant, check_robot(survey, want, loaded.resolved))


def room_on(here: Engine, connection: Connection, loaded: Loaded, image: ImageInfo) -> Room:
    """Return what an image of ``here`` takes of the robot's disk; nothing where the robot has it already."""
    if connection.engine.find_image(loaded.image) is not None:
        return Room()
    return room_for(here, connection, image, loaded.build.project)
