"""``run_image`` → a stage that builds the workspace on top of the dev image, and what the slim one takes of it. Pure.

The slim image has of the profile what also counts when nobody develops: variables, files and package archives. Packages
and steps of the dev image are for building; what is there at run time says ``run_image`` itself.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from robenv.errors import Problem
from robenv.plan.image.colcon import defaults_text, without_links
from robenv.plan.models import DEV, RUN, Base, FileCopy, Group, ImageSettings, RosLayers, Stage, Step
from robenv.plan.names import ENTRYPOINT
from robenv.plan.secrets import step_secrets

if TYPE_CHECKING:
    from robenv.profile.resolve.resolved import BuildPart, Level, Resolved
    from robenv.profile.schema.profile import Profile, ProfileBody

_SOURCES = ("src",)
_SYSTEM = re.compile(r"(?:.*/)?(?:debian|ubuntu)(?::[^/]*)?")
"""Distributions' own images."""
_SETUP = "setup.bash"
_NO_SETUP = (
    "robenv: the build has left no %s; colcon makes setup.bash where python3-colcon-bash is, and `run_image.setup` "
    "names what else is to be sourced"
)
_INSIDE = ("/bin/sh", "-c", 'cd "$0" && exec "$@"')
"""With a folder as the first argument: runs the rest there."""


def has_run_image(profile: ProfileBody) -> bool:
    return bool(profile.run_image.build.strip())


def deploy_purpose(profile: ProfileBody) -> str:
    """Which image robots run."""
    return profile.deploy.stage or (RUN if has_run_image(profile) else DEV)


def slim_part(level: Level) -> BuildPart:
    """What a level adds to the slim image: its own part of that, over what it says for both images."""
    both, own = level.part, level.run_image
    named = {placed.name for placed in own.repositories}
    return replace(
        own,
        repositories=(
            *(repository for repository in both.repositories if repository.name not in named),
            *own.repositories,
        ),
        environment=tuple({**dict(both.environment), **dict(own.environment)}.items()),
        environment_location=own.environment_location or both.environment_location,
        files=(*both.files, *own.files),
    )


def run_setup(profile: Profile) -> tuple[str, ...]:
    """What the slim image's entrypoint sources: the underlay's scripts, then those of what was built."""
    workspace = profile.workspace.target
    section = profile.run_image
    scripts = (posixpath.join(workspace, script) for script in profile.setup)
    underlay = [script for script in scripts if not script.startswith(f"{workspace}/")]
    overlay = section.setup or tuple(posixpath.join(folder, _SETUP) for folder in section.install)
    return tuple(dict.fromkeys((*underlay, *overlay)))


def lacks_python(resolved: Resolved) -> tuple[Problem, ...]:
    """A warning where nothing brings the python3 into the slim image that colcon's setup scripts ask what to set.

    Said only of bases that are known to have none, and where nothing may bring it unseen.
    """
    profile = resolved.profile
    section = profile.run_image
    base = section.base or profile.base
    bare = base.bootstrap is not None or _SYSTEM.fullmatch(base.image)
    unseen = section.dependencies is not None or section.steps or section.pip
    named = any(package.startswith(("python3", "ros-")) for package in section.apt.packages) or profile.ros.variant
    if not re.search(r"\bcolcon\b", section.build) or not bare or unseen or named:
        return ()
    message = "colcon's setup scripts need python3, and nothing here brings it into the run image"
    hint = "`run_image: {apt: {packages: [python3-minimal]}}`; else what was built is found by its whole path alone"
    return (Problem(message, resolved.locate(("run_image", "build")), hint),)


def build_stage(resolved: Resolved, name: str, dev: Stage, path_of: Callable[[str], str]) -> Stage:
    """Builds the workspace where it is when somebody works in it. ``path_of``: where the context has a source."""
    profile = resolved.profile
    section, workspace = profile.run_image, profile.workspace
    root = workspace.source or (str(resolved.files.root) if resolved.files else "")
    files = []
    for index, source in enumerate(section.sources or _SOURCES):
        target = posixpath.normpath(posixpath.join(workspace.target, source))
        place = resolved.locate(("run_image", "sources", index)) or resolved.locate(("run_image", "build"))
        host_path = posixpath.normpath(posixpath.join(root, source))
        files.append(FileCopy(path_of(target), host_path, target, location=place, tree=True))
    entrypoint = (ENTRYPOINT,) if dev.settings.setup_scripts or dev.settings.shared else ()
    step = Step(
        name="build the workspace",
        run=section.build,
        as_user=False,
        location=resolved.locate(("run_image", "build")),
        front=(*_INSIDE, workspace.target, *entrypoint),
        secrets=step_secrets(section.secrets),
        ssh=section.ssh,
    )
    steps = (step, *_look_for_setup(resolved))
    group = Group("run_image", ros=_defaults(resolved), files=tuple(files), steps=steps)
    return Stage(name, Base(dev.name, stage=dev.name), (group,), ImageSettings(shell=dev.settings.shell))


def _look_for_setup(resolved: Resolved) -> tuple[Step, ...]:
    """Fails where the build has left no setup script that the slim image's entrypoint is to source: it passes over one
    that is not there, and nodes would be missing at run time without a word."""
    section = resolved.profile.run_image
    ros = re.search(r"\b(?:colcon|catkin)", section.build)
    scripts = section.setup or tuple(posixpath.join(folder, _SETUP) for folder in section.install if ros)
    folders = [posixpath.normpath(folder) for folder in section.install]
    built = [script for script in scripts if any(script.startswith(f"{folder}/") for folder in folders)]
    if not built:
        return ()
    place = resolved.locate(("run_image", "setup")) or resolved.locate(("run_image", "install"))
    lines = [
        f"test -e {shlex.quote(script)} || {{ echo {shlex.quote(_NO_SETUP % script)} >&2; exit 1; }}"
        for script in built
    ]
    return (Step(name="look for its setup", run="\n".join(lines), as_user=False, location=place),)


def _defaults(resolved: Resolved) -> RosLayers:
    """colcon's defaults, where those of the dev image do not do."""
    defaults = resolved.profile.ros.colcon_defaults
    copied = without_links(defaults)
    if copied == defaults:
        return RosLayers()
    return RosLayers(
        colcon_defaults=defaults_text(copied), colcon_defaults_location=resolved.locate(("ros", "colcon_defaults"))
    )


def installed(resolved: Resolved, build: Stage) -> Group:
    """What was built, the last layers of the slim image."""
    copies = tuple(
        FileCopy(folder, "", folder, stage=build.name, location=resolved.locate(("run_image", "install", index)))
        for index, folder in enumerate(resolved.profile.run_image.install)
    )
    return Group("run_image", files=copies)
