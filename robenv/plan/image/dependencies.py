"""What the packages of the workspace depend on → stages: resolved aside from the image, and put in where that changes.

The keys of all package.xml are a sorted list, and so is what rosdep makes of them. Each goes from stage to stage by its
content, so that packages are installed anew only where there are others.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from robenv.catalog.ros import find_distro
from robenv.plan.models import Base, Group, ImageSettings, Stage
from robenv.plan.rosdep import RosdepKeys, RosdepResult

if TYPE_CHECKING:
    from robenv.profile.resolve.resolved import Resolved
    from robenv.profile.schema.dependencies import Dependencies, RunDependencies

FOLDER = "/opt/robenv/dependencies"
"""Where the image has what rosdep found: ``apt`` and ``pip``, a name a line."""
ROSDEP_CACHE = "/var/cache/robenv-rosdep"
"""Where rosdep's index is while it is asked, from one build to the next."""
_LISTS = "/etc/ros/rosdep/"
IN_DEV, IN_RUN = ("workspace", "dependencies"), ("run_image", "dependencies")
"""Where a profile says that they are wanted."""
_BELOW, _ROSDEP, _RUN_ROSDEP = "workspace-base", "workspace-rosdep", "run-rosdep"


def rosdep_keys(
    resolved: Resolved, wanted: Dependencies | RunDependencies | None, path: tuple[str, ...]
) -> RosdepKeys | None:
    """The keys of the workspace that the profile wants resolved, with their places; None for none. ``path``: where it
    says so."""
    keys = resolved.packages.keys(wanted.types, wanted.skip_keys, _variables(resolved)) if wanted else ()
    ros = resolved.profile.ros
    return RosdepKeys(keys, resolved.locate(path), ros.distro, ros.rosdep, _underlays(resolved)) if keys else None


def _underlays(resolved: Resolved) -> tuple[str, ...]:
    """The prefixes of ``setup`` that are in the image, but for those of packages that rosdep knows anyway."""
    found = (posixpath.dirname(posixpath.normpath(script)) for script in resolved.profile.setup)
    workspace = f"{resolved.profile.workspace.target}/"
    return tuple(
        dict.fromkeys(
            prefix
            for prefix in found
            if prefix.startswith("/") and not f"{prefix}/".startswith(("/opt/ros/", "/usr/", workspace))
        )
    )


def _variables(resolved: Resolved) -> dict[str, str]:
    """What conditions in a package.xml ask for."""
    distro = find_distro(resolved.profile.ros.distro)
    known = {"ROS_DISTRO": distro.name, "ROS_VERSION": str(distro.version)} if distro else {}
    return {"ROS_PYTHON_VERSION": "3", **known, **resolved.profile.environment}


def split_stage(resolved: Resolved, stage: Stage, at: int, groups: Sequence[Group]) -> tuple[Stage, ...]:
    """``stage`` in two at the group ``at``, with one between them that resolves; as it is where nothing is wanted."""
    wanted = rosdep_keys(resolved, resolved.profile.workspace.dependencies, IN_DEV)
    if wanted is None:
        return (stage,)
    taken = {*resolved.profile.stages, stage.name}
    below, aside = _free(_BELOW, taken), _free(_ROSDEP, taken)
    cut = groups[at]
    # What steps may change or need comes after, but for what rosdep reads; ARG lasts no longer than a stage.
    lists = tuple(file for file in cut.files if file.target.startswith(_LISTS))
    files = tuple(file for file in cut.files if file not in lists)
    first = (*groups[:at], replace(cut, files=lists, steps=()))
    rest = Group(
        cut.profile, args=cut.args, files=files, steps=cut.steps, dependencies=RosdepResult(aside, wanted.location)
    )
    shell = stage.settings.shell
    upon = Base(below, stage=below)
    return (
        Stage(below, stage.base, _not_empty(first), ImageSettings(), shell, stage.apt_login),
        Stage(aside, upon, (Group(cut.profile, rosdep_keys=wanted),), apt_login=stage.apt_login),
        replace(stage, base=upon, groups=_not_empty((rest, *groups[at + 1 :]))),
    )


def resolved_for_run(resolved: Resolved, dev: Stage, profile: str) -> tuple[Stage, RosdepResult] | None:
    """A stage on top of the dev image, which has the target's rosdep, and what it finds for the run image."""
    wanted = rosdep_keys(resolved, resolved.profile.run_image.dependencies, IN_RUN)
    if wanted is None:
        return None
    name = _free(_RUN_ROSDEP, {*resolved.profile.stages, dev.name})
    group = Group(profile, rosdep_keys=wanted)
    stage = Stage(name, Base(dev.name, stage=dev.name), (group,), apt_login=dev.apt_login)
    return stage, RosdepResult(name, wanted.location)


def _not_empty(groups: Sequence[Group]) -> tuple[Group, ...]:
    return tuple(group for group in groups if group != Group(group.profile))


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "-2"
    return name
