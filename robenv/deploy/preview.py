"""What a deploy to one robot would do, without doing it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from robenv.deploy.assessment import assess, room_on
from robenv.deploy.release import Release
from robenv.deploy.release_state import runs_already, stored_plan
from robenv.deploy.robot_info import RobotInfo, read_robot
from robenv.engine.protocol import Engine
from robenv.plan.container.create_request import request_to_show
from robenv.plan.container.diff import describe, diff_plans
from robenv.plan.container.exclusive import conflicting_use
from robenv.plan.container.own_machine import redacted
from robenv.plan.names import LABEL_HASH, LABEL_PLAN_JSON, LABEL_RELEASE
from robenv.plan.trust import HostAccess
from robenv.profile.resolve.env_files import hidden_variables
from robenv.project.gate import robot_claims
from robenv.project.planned import PlannedProject
from robenv.project.trust.judge import AccessClaim, RunLocation
from robenv.remote.connection import Connection
from robenv.remote.image_probe import find_programs
from robenv.transfer.disk_space import DiskNeeds


@dataclass(frozen=True)
class RobotPreview:
    """The answer of `robenv plan -r ROBOT`."""

    robot: str
    project: str
    platform: str
    image: str
    content_hash: str
    image_here: bool
    image_there: bool
    release: str
    """Its ID; "" as long as the image, whose entrypoint is a part of it, is not built."""
    container: str
    running: str
    """The release that runs there now; "" for none."""
    running_hash: str
    changes: tuple[str, ...]
    action: str
    problems: tuple[dict[str, str], ...]
    """What would keep it off the robot: message, place, hint."""
    notes: tuple[str, ...]
    powers: tuple[HostAccess, ...]
    """What the release may do to the robot that an ordinary container may not."""
    not_allowed: tuple[AccessClaim, ...]
    """Of these powers those that `deploy` will ask about."""
    create_request: dict[str, Any]
    run: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def preview_release(here: Engine | None, connection: Connection, planned: PlannedProject) -> RobotPreview:
    """``here``: the engine on which images are built; None where none answers. Changes nothing.

    Raises ProfileError, RobotRefused, RobotUnreachable.
    """
    found = read_robot(connection, planned)
    image = here.find_image(planned.image, planned.build.platform) if here is not None else None
    there = connection.engine.find_image(planned.image)
    room, programs = DiskNeeds(), None
    if here is not None and image is not None:
        room = room_on(here, connection, planned, image, there)
        programs = find_programs(here, image)
    release, grant, problems = assess(planned, found, image or there, room, programs)
    known = image is not None or there is not None
    changes = _changes(found, release)
    shown = replace(release, plan=redacted(release.plan, hidden_variables(planned.resolved)))
    return RobotPreview(
        robot=connection.robot.name,
        project=planned.build.project,
        platform=planned.build.platform,
        image=planned.image,
        content_hash=planned.content_hash,
        image_here=image is not None,
        image_there=there is not None,
        release=release.id if known else "",
        container=release.name if known else "",
        running=_label(found, LABEL_RELEASE),
        running_hash=_label(found, LABEL_HASH),
        changes=changes,
        action=_action(found, release if known else None, image is not None, there is not None),
        problems=tuple(
            {
                "message": problem.message,
                "place": str(problem.location) if problem.location else "",
                "hint": problem.hint,
            }
            for problem in problems
        ),
        notes=grant.notes,
        powers=RunLocation(found.facts, robot=True).powers(planned.resolved, release.plan),
        not_allowed=robot_claims(planned, found.facts),
        create_request=request_to_show(shown.plan),
        run=shown.plan.to_json(),
    )


def _label(found: RobotInfo, name: str) -> str:
    return found.running.labels.get(name, "") if found.running is not None else ""


def _changes(found: RobotInfo, release: Release) -> tuple[str, ...]:
    """From the release that runs there to this one, as of their plans."""
    if found.running is None:
        return ()
    old = stored_plan(found.running)
    new = json.loads(dict(release.plan.labels)[LABEL_PLAN_JSON])
    return tuple(describe(change) for change in diff_plans(old, new))


def _action(found: RobotInfo, release: Release | None, here: bool, there: bool) -> str:
    if release is not None and runs_already(found.running, release.id):
        return "nothing: this release runs there"
    steps = [] if here or there else ["build the image"]
    steps += [] if there else ["send what the robot lacks of it"]
    if found.running is None:
        return ", ".join([*steps, "start the release"])
    reasons = conflicting_use(release.plan.to_json(), stored_plan(found.running)) if release is not None else ()
    stop = f"stop the running release (only one at a time can have {', '.join(reasons)}), start the new one"
    return ", ".join([*steps, stop if reasons else "switch to the new release"])
