"""Several robots asked at once, and the release that runs on one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from robenv.deploy.condition import condition
from robenv.deploy.release_state import release_state
from robenv.deploy.robot_info import RobotInfo, read_robot
from robenv.deploy.side_by_side import side_by_side, state_after
from robenv.engine.protocol import ContainerInfo
from robenv.errors import ContainerNotFound, RobenvError
from robenv.plan.names import LABEL_PROJECT, LABEL_ROLE, ROLE_RELEASE
from robenv.remote.connection import Connection, connect
from robenv.remote.inventory import Robot


@dataclass(frozen=True)
class RobotStatus:
    """What a robot said, or why it said nothing."""

    robot: Robot
    robot_info: RobotInfo | None = None
    error: RobenvError | None = None

    @property
    def state(self) -> str:
        """``reachable``, or as ``state_after``."""
        return "reachable" if self.error is None else state_after(self.error)

    def to_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {"name": self.robot.name, "host": self.robot.host, "state": self.state}
        if self.error is not None:
            words = {"message": self.error.message, "details": self.error.details, "hint": self.error.hint}
            document["error"] = words
        return document | (self.robot_info.to_json() if self.robot_info is not None else {})


def read_statuses(robots: Sequence[Robot], project: str) -> list[RobotStatus]:
    """Asks each what it is and what of ``project`` it runs, side by side; answers in the order of ``robots``."""
    return side_by_side(robots, lambda robot: _ask(robot, project))


def _ask(robot: Robot, project: str) -> RobotStatus:
    try:
        with connect(robot) as connection:
            return _answer(connection, project)
    except RobenvError as error:
        return RobotStatus(robot, error=error)


def _answer(connection: Connection, project: str) -> RobotStatus:
    try:
        return RobotStatus(connection.robot, read_robot(connection, None, project))
    except RobenvError as error:
        return RobotStatus(connection.robot, error=connection.explain(error))


def running_release(connection: Connection, project: str) -> ContainerInfo:
    """The project's release that runs there. Raises ContainerNotFound."""
    release = last_release(connection, project)
    if not release.running:
        name = connection.robot.name
        raise ContainerNotFound(
            f"{name}: nothing of {project} runs: its last release, {release.name}, is {release.status}",
            hint=f"`robenv logs -r {name}` shows what it wrote, `robenv start -r {name}` starts it",
        )
    return release


def last_release(connection: Connection, project: str) -> ContainerInfo:
    """The project's release that runs there, else the one that would, else the last. Raises ContainerNotFound."""
    found = release_state(connection.engine, project)
    release = condition(found.releases, found.running, "").release
    if release is None:
        raise not_on_robot(connection, project)
    return release


def not_on_robot(connection: Connection, project: str) -> ContainerNotFound:
    """The error for a project that is not on a robot, with those that are."""
    name = connection.robot.name
    releases = connection.engine.containers({LABEL_ROLE: ROLE_RELEASE})
    others = sorted({release.labels.get(LABEL_PROJECT, "") for release in releases} - {"", project})
    has = f"; it has {', '.join(others)}" if others else ""
    return ContainerNotFound(
        f"{name}: nothing of {project} runs: {project} is not there{has}", hint=f"`robenv deploy {name}` puts it there"
    )
