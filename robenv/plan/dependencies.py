"""What the packages of the workspace depend on → stages: resolved aside from the image, and put in where that changes.

The keys of all package.xml are a sorted list, and so is what rosdep makes of them. Each goes from stage to stage by its
content, so that packages are installed anew only where there are others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from robenv.catalog.ros import find_distro
from robenv.plan.rosdep import Found, RosdepKeys
from robenv.plan.values import Base, Group, ImageSettings, Stage

if TYPE_CHECKING:
    from robenv.errors import Location
    from robenv.profile.resolved import Resolved

FOLDER = "/opt/robenv/dependencies"
"""Where the image has what rosdep found: ``apt`` and ``pip``, a name a line."""
_BELOW, _ROSDEP = "workspace-base", "workspace-rosdep"


def rosdep_keys(resolved: Resolved) -> tuple[tuple[str, Location], ...]:
    """The keys of the workspace that the profile wants resolved, with their places."""
    wanted = resolved.profile.workspace.dependencies
    if wanted is None:
        return ()
    return resolved.packages.keys(wanted.types, wanted.skip_keys, _variables(resolved))


def _variables(resolved: Resolved) -> dict[str, str]:
    """What conditions in a package.xml ask for."""
    distro = find_distro(resolved.profile.ros.distro)
    known = {"ROS_DISTRO": distro.name, "ROS_VERSION": str(distro.version)} if distro else {}
    return {"ROS_PYTHON_VERSION": "3", **known, **resolved.profile.environment}


def split_stage(resolved: Resolved, stage: Stage, at: int, groups: Sequence[Group]) -> tuple[Stage, ...]:
    """``stage`` in two at the group ``at``, with one between them that resolves; as it is where nothing is wanted."""
    keys = rosdep_keys(resolved)
    if not keys:
        return (stage,)
    location = resolved.locate(("workspace", "dependencies"))
    taken = {*resolved.profile.stages, stage.name}
    below, aside = _free(_BELOW, taken), _free(_ROSDEP, taken)
    ros = resolved.profile.ros
    wanted = RosdepKeys(keys, location, ros.distro, ros.rosdep)
    cut = groups[at]
    # What steps may change or need comes after; ARG lasts no longer than a stage.
    first = (*groups[:at], replace(cut, files=(), steps=()))
    rest = Group(cut.profile, args=cut.args, files=cut.files, steps=cut.steps, dependencies=Found(aside, location))
    shell = stage.settings.shell
    upon = Base(below, stage=below)
    return (
        Stage(below, stage.base, _not_empty(first), ImageSettings(), shell),
        Stage(aside, upon, (Group(cut.profile, rosdep_keys=wanted),)),
        replace(stage, base=upon, groups=_not_empty((rest, *groups[at + 1 :]))),
    )


def _not_empty(groups: Sequence[Group]) -> tuple[Group, ...]:
    return tuple(group for group in groups if group != Group(group.profile))


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "-2"
    return name
