"""What a robot is and has, asked over one connection before anything is sent there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from robenv.deploy.condition import ReleaseCondition, condition
from robenv.deploy.release_state import ReleaseState, release_state
from robenv.engine.protocol import ContainerInfo, EngineInfo
from robenv.host.facts import Facts
from robenv.host.probes.board import read_board
from robenv.host.probes.facts import read_facts
from robenv.host.probes.gpu import read_tegra
from robenv.plan.host.host import wanted_facts
from robenv.plan.names import LABEL_HASH, LABEL_RELEASE
from robenv.project.facts import engine_facts
from robenv.remote.connection import Connection
from robenv.remote.inventory import Robot

if TYPE_CHECKING:
    from robenv.project.planned import PlannedProject

_CONTAINERD = "/var/lib/containerd"
"""Where the system's containerd keeps images, for engines that leave them to it."""


@dataclass(frozen=True)
class RobotInfo:
    """``facts`` are of the robot's own probes, and have the sections that the project's plan depends on."""

    robot: Robot
    facts: Facts
    engine: EngineInfo
    disk_free: int | None
    """Bytes where its engine keeps images, as an ordinary user counts them; None: it could not be found out."""
    board: str = ""
    """``NVIDIA Jetson AGX Orin Developer Kit``; "" where it does not say."""
    l4t: str = ""
    """As in ``36.4.0``; "" where it is no Jetson."""
    releases: tuple[ContainerInfo, ...] = ()
    """Of the project, newest first."""
    running: ContainerInfo | None = None
    """That one of them whose command runs."""

    @property
    def condition(self) -> ReleaseCondition:
        return condition(self.releases, self.running, str(self.engine.raw.get("SystemTime") or ""))

    def to_json(self) -> dict[str, Any]:
        """For `robenv robots --json`."""
        running, how = self.running, self.condition
        return {
            "platform": self.engine.platform,
            "board": self.board,
            "l4t": self.l4t,
            "engine": {"product": self.engine.product, "version": self.engine.version, "api": self.engine.api_version},
            "disk_free": self.disk_free,
            "release": _release(running) if running is not None else None,
            "releases": [_release(release) for release in self.releases],
            "well": how.well,
            "condition": how.words,
            "rollback": how.rollback or None,
        }


def _release(info: ContainerInfo) -> dict[str, Any]:
    return {
        "id": info.labels.get(LABEL_RELEASE, ""),
        "hash": info.labels.get(LABEL_HASH, ""),
        "container": info.name,
        "status": info.status,
        "since": info.started_at if info.running else "",
        "created": info.created,
        "health": info.health,
        "restarts": info.restarts,
        "exit_code": None if info.running else info.exit_code,
        "ended": "" if info.running else info.finished_at,
    }


def read_robot(connection: Connection, planned: PlannedProject | None, project: str = "") -> RobotInfo:
    """``planned``: the project that is to go there; without one only what the robot is, and ``project``'s releases.

    Raises RobotRefused, RobotUnreachable, EngineLost.
    """
    engine = connection.engine
    info = engine.info()
    name = planned.build.project if planned is not None else project
    found = release_state(engine, name) if name else ReleaseState()
    tegra = read_tegra(connection.host)
    return RobotInfo(
        robot=connection.robot,
        facts=robot_facts(connection, info, planned),
        engine=info,
        disk_free=disk_free(connection, info),
        board=(tegra.board if tegra else "") or read_board(connection.host),
        l4t=tegra.l4t if tegra else "",
        releases=found.releases,
        running=found.running,
    )


def robot_facts(connection: Connection, info: EngineInfo, planned: PlannedProject | None) -> Facts:
    """Read the facts that the project's plan for this robot depends on. ``info``: of its engine."""
    # To the robot its engine is local, and listens where the robot says; the socket on this machine is only a way.
    known = replace(engine_facts(info), local=True, endpoint=f"unix://{connection.robot.docker_host}")
    wanted = wanted_facts(planned.resolved.profile) if planned is not None else frozenset[str]()
    return read_facts(info.platform, rootless=known.rootless, wanted=wanted, engine=known, host=connection.host)


def disk_free(connection: Connection, info: EngineInfo) -> int | None:
    """Bytes free where images go; the least of the places where that is more than one."""
    folders = [info.root_dir] + ([_CONTAINERD] if uses_containerd(info) else [])
    free = [_free(connection, folder) for folder in folders if folder]
    return min((size for size in free if size is not None), default=None)


def uses_containerd(info: EngineInfo) -> bool:
    """Whether images lie in containerd's store: ``/info``'s DriverStatus names its snapshotter then."""
    status = info.raw.get("DriverStatus") or ()
    return any(list(pair) == ["driver-type", "io.containerd.snapshotter.v1"] for pair in status)


def _free(connection: Connection, folder: str) -> int | None:
    """By POSIX's df: ``Filesystem 1024-blocks Used Available Capacity Mounted-on``."""
    done = connection.run("df", "-Pk", folder)
    words = done.output.decode(errors="replace").rpartition("%")[0].split()
    return int(words[-2]) * 1024 if done.code == 0 and len(words) > 2 and words[-2].isdigit() else None
