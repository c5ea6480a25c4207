"""Whether a release can run on a robot, judged before a byte is sent: every problem of every robot at once. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from robenv.catalog.jetpack import (
    JETPACKS,
    JetPack,
    Version,
    dotted,
    family,
    jetpack_of,
    l4t_of_image,
    nearest_jetpack,
    parse_l4t,
    runs_on,
)
from robenv.catalog.platforms import parse_platform
from robenv.deploy.release import local_mounts
from robenv.errors import Problem, RobotRefused, UsageError
from robenv.plan.host.requirements import MissingRequirement
from robenv.plan.models import BuildPlan, RunPlan
from robenv.transfer.disk_space import DiskNeeds

if TYPE_CHECKING:
    from robenv.deploy.robot_info import RobotInfo
    from robenv.profile.resolve.resolved import Resolved

OLDEST_API = (1, 41)
"""Docker Engine 20.10, the oldest that robenv is tested against."""
MARGIN = 256 * 1024 * 1024
"""Bytes that stay free on a robot's disk."""


@dataclass(frozen=True)
class IntendedRelease:
    """What is to be put on one robot. ``platform``: the image's. ``base``: the reference that it is made from."""

    platform: str
    base: str = ""
    room: DiskNeeds = field(default_factory=DiskNeeds)
    unmet: tuple[MissingRequirement, ...] = ()
    """What of the profile's wishes the robot has not: devices, GPU, limits."""
    local_mounts: tuple[str, ...] = ()
    needed: frozenset[str] = frozenset()
    programs: frozenset[str] | None = None
    """Those that the image has, of ``needed``; None where nobody could look."""
    jetpacks: tuple[JetPack, ...] = JETPACKS
    """With the user's corrections."""


def intended_release(
    resolved: Resolved,
    build: BuildPlan,
    plan: RunPlan,
    unmet: tuple[MissingRequirement, ...],
    room: DiskNeeds,
    needed: frozenset[str],
    programs: frozenset[str] | None,
) -> IntendedRelease:
    """``plan``: the release's."""
    root = str(resolved.files.root) if resolved.files is not None else ""
    return IntendedRelease(
        platform=build.platform,
        base=base_image(build),
        room=room,
        unmet=unmet,
        local_mounts=tuple(local_mounts(plan, root)) if root else (),
        needed=needed,
        programs=programs,
        jetpacks=resolved.jetpacks,
    )


def base_image(build: BuildPlan) -> str:
    """The reference of the image that the last stage stands on in the end; "" where it is made from a package
    archive."""
    stages = {stage.name: stage for stage in build.stages}
    base = build.stages[-1].base
    while base.stage and base.stage in stages:
        base = stages[base.stage].base
    return base.asked or base.image


def check_robot(robot_info: RobotInfo, want: IntendedRelease, resolved: Resolved | None = None) -> tuple[Problem, ...]:
    """Everything that keeps the release off that robot. ``resolved``: to tell the places in the profile."""
    found = [
        *_engine(robot_info),
        *_platform(robot_info, want),
        *_l4t(robot_info, want),
        *_disk(robot_info, want),
        *_lacks(want, resolved),
        *_mounts(want),
        *_programs(want),
    ]
    name = robot_info.robot.name
    return tuple(replace(problem, message=f"{name}: {problem.message}") for problem in found)


def refuse_if_any(problems: Mapping[str, Sequence[Problem]]) -> None:
    """Raises RobotRefused with all problems of all robots, by their names, where there is any."""
    every = tuple(problem for found in problems.values() for problem in found)
    if not every:
        return
    names = ", ".join(name for name, found in problems.items() if found)
    raise RobotRefused(f"nothing was sent: this cannot run on {names}", problems=_said_once(every))


def _said_once(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(dict.fromkeys(problems))


def _engine(robot_info: RobotInfo) -> Iterator[Problem]:
    version = robot_info.engine.api_version
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < OLDEST_API:
        engine = f"{robot_info.engine.product} {robot_info.engine.version}".strip()
        yield Problem(
            f"its engine, {engine} (API {version}), is older than Docker Engine 20.10 (API 1.41)",
            hint="on the robot: `sudo apt-get install docker.io`, or Docker's own packages",
        )


def _platform(robot_info: RobotInfo, want: IntendedRelease) -> Iterator[Problem]:
    if same_processor(robot_info.engine.platform, want.platform):
        return
    hint = f"add {robot_info.engine.platform} to `platforms` in the profile"
    yield Problem(
        f"it is {robot_info.engine.platform}, and the image is for {want.platform}: it would not run there, or only in "
        "emulation",
        hint=hint,
    )


def same_processor(robot: str, image: str) -> bool:
    """Whether an image runs on an engine's own processor. Of ARM's variants a robot runs its own and earlier ones; of
    amd64's an engine does not tell which it has."""
    try:
        there, asked = parse_platform(robot), parse_platform(image)
    except UsageError:
        return robot == image
    if there.architecture != asked.architecture:
        return False
    return there.architecture != "arm" or asked.variant <= there.variant


def _l4t(robot_info: RobotInfo, want: IntendedRelease) -> Iterator[Problem]:
    image = l4t_of_image(want.base)
    if image is None:
        return
    needs = family(image, want.jetpacks)
    if not robot_info.l4t:
        yield Problem(
            f"the base {want.base} is for a Jetson with L4T {needs}, and this is none",
            hint="a Jetson has /etc/nv_tegra_release; choose another base for this robot",
        )
        return
    has = parse_l4t(robot_info.l4t)
    if not runs_on(image, has, want.jetpacks):
        yield Problem(
            f"it has L4T {robot_info.l4t}, and the base {want.base} runs with {needs} alone",
            hint=f"{_base_for(has, want.jetpacks)}, or bring the robot to {needs} by JetPack; where robenv's table is "
            "wrong, a line of your own corrects it: docs/catalogue.md",
        )


def _base_for(l4t: Version, jetpacks: tuple[JetPack, ...]) -> str:
    row = jetpack_of(l4t, jetpacks)
    if row is not None and row.base:
        return f"extend jetson/{row.name}, or choose another base for L4T {row.range}"
    nearest = nearest_jetpack(l4t, jetpacks)
    near = f": the nearest is jetson/{nearest.name}, for L4T {nearest.range}" if nearest is not None else ""
    return f"no base image is known for L4T {dotted(l4t)}{near}; choose one for it"


def _disk(robot_info: RobotInfo, want: IntendedRelease) -> Iterator[Problem]:
    if robot_info.disk_free is None or not want.room.needed:
        return
    free, need = robot_info.disk_free + want.room.freed, want.room.needed + MARGIN
    if free < need:
        cleared = " once what abandoned transfers left is removed" if want.room.freed else ""
        yield Problem(
            f"its disk has {free / 1e9:.1f} GB free at {robot_info.engine.root_dir}{cleared}, and this takes "
            f"{need / 1e9:.1f} GB while it is being unpacked",
            hint="on the robot: `docker system df -v` shows what takes the space",
        )


def _lacks(want: IntendedRelease, resolved: Resolved | None) -> Iterator[Problem]:
    for requirement in want.unmet:
        yield Problem(
            requirement.message, resolved.locate(requirement.path) if resolved is not None else None, requirement.hint
        )


def _mounts(want: IntendedRelease) -> Iterator[Problem]:
    for folder in want.local_mounts:
        yield Problem(
            f"{folder} is to be mounted, and is on this machine alone",
            hint="put it into the image with `files`, or mount a folder of the robot's or a volume",
        )


_PACKAGES = {"flock": "util-linux", "timeout": "coreutils", "sleep": "coreutils", "cat": "coreutils"}


def _programs(want: IntendedRelease) -> Iterator[Problem]:
    if want.programs is None:
        return
    for name in sorted(want.needed - want.programs):
        package = _PACKAGES.get(name, name)
        if " or " in name:
            yield Problem(
                f"deploy.healthcheck asks for ROS, and the image has no {name}",
                hint="check with a command instead: `healthcheck: {test: …}`",
            )
        else:
            yield Problem(f"the image has no {name}, which a release needs", hint=f"`apt: {{packages: [{package}]}}`")
