"""What `deploy`, `deploy --dry-run` and `plan -r` judge of one robot: its release, and what keeps that off it."""

from __future__ import annotations

from typing import NamedTuple

from robenv import __version__
from robenv.deploy.preflight import check_robot, intended_release
from robenv.deploy.release import Release, plan_release
from robenv.deploy.robot_info import RobotInfo
from robenv.engine.protocol import Engine, ImageInfo
from robenv.errors import Problem
from robenv.plan.host.host import plan_host
from robenv.plan.host.requirements import Grant
from robenv.project.planned import PlannedProject
from robenv.remote.connection import Connection
from robenv.remote.image_probe import needed
from robenv.transfer.disk_space import DiskNeeds
from robenv.transfer.staging import room_for


class Assessment(NamedTuple):
    release: Release
    grant: Grant
    """What the robot grants of the profile's requirements; ``grant.unmet`` are among the problems."""
    problems: tuple[Problem, ...]


def assess(
    planned: PlannedProject,
    robot_info: RobotInfo,
    image: ImageInfo | None,
    room: DiskNeeds,
    programs: frozenset[str] | None,
) -> Assessment:
    """Plan the release for a robot by its own facts, and find every reason why it cannot run there. Pure.

    ``image``: None where it is not built; then it is taken to have no entrypoint. ``room``: what it takes of the
    robot's disk. ``programs``: those that the image has; None where nobody could look. Raises ProfileError.
    """
    grant = plan_host(planned.resolved.profile, robot_info.facts)
    release = plan_release(
        planned.resolved,
        planned.image,
        robot_info.facts,
        content_hash=planned.content_hash,
        grant=grant,
        platform=planned.build.platform,
        entrypoint=image.entrypoint if image is not None else (),
        image_command=image.command if image is not None else (),
        version=__version__,
    )
    required = needed(planned.resolved.profile.deploy)
    want = intended_release(planned.resolved, planned.build, release.plan, grant.unmet, room, required, programs)
    return Assessment(release, grant, check_robot(robot_info, want, planned.resolved))


def room_on(
    here: Engine, connection: Connection, planned: PlannedProject, image: ImageInfo, there: ImageInfo | None
) -> DiskNeeds:
    """Return what an image of ``here`` takes of the robot's disk; nothing where the robot has it, as ``there``."""
    return DiskNeeds() if there is not None else room_for(here, connection, image, planned.build.project)
