"""What the templates see: a plan's stages with all that has to be worked out done, so that they hold no logic."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from robenv.catalog.snapshots import snapshot_script
from robenv.errors import Location
from robenv.plan.image import colcon
from robenv.plan.image.cross_compilers import ENTER, ForeignBuild
from robenv.plan.image.dependencies import FOLDER
from robenv.plan.image.mirrors import NO_MIRRORS, Mirrors, pinned_name
from robenv.plan.models import (
    Base,
    BuildPlan,
    FileCopy,
    Group,
    Healthcheck,
    ImageSettings,
    Pairs,
    RosLayers,
    Stage,
    Step,
)
from robenv.plan.names import BASHRC, ENTRYPOINT
from robenv.plan.packages import AptRepository
from robenv.plan.rosdep import RosdepKeys, RosdepResult
from robenv.render.pip import Fields, PipView, secret_mount, view_pip

DEFAULT_SHELL = ("/bin/sh", "-ec")
"""What runs a step where the profile has no ``image.shell``: a failing line fails the step."""

Kinds = Mapping[str, str]
"""Context path → FILE or FOLDER, for what ``files`` names."""


@dataclass(frozen=True)
class RepositoryView:
    name: str
    key: str
    key_file: bool
    key_checksum: str
    key_paths: tuple[str, str]
    fields: tuple[tuple[str, tuple[str, ...]], ...]
    package: str
    package_checksum: str
    replaces: tuple[str, ...]
    """What is looked for in the image's own sources."""
    location: Location | None


@dataclass(frozen=True)
class FileView:
    stage: str
    source: str
    target: str
    mode: str
    """Only for what comes from a stage: a file of the context has its mode there."""
    owner: str
    location: Location | None


@dataclass(frozen=True)
class StepView:
    name: str
    argv: tuple[str, ...]
    become: str
    """The user to change to first; "" for the one that it is anyway."""
    mounts: tuple[Fields, ...]
    """What is mounted while it runs, each as the fields of a `--mount`."""
    location: Location | None


@dataclass(frozen=True)
class GroupView:
    profile: str
    args: Pairs
    repositories: tuple[RepositoryView, ...]
    https: bool
    ros: RosLayers
    rosdep_keys: RosdepKeys | None
    rosdep_paths: tuple[str, str]
    dependencies: RosdepResult | None
    bashrc_paths: tuple[str, str]
    colcon_paths: tuple[str, str]
    packages: tuple[str, ...]
    packages_location: Location | None
    pip: tuple[str, ...]
    pip_first: bool
    pip_location: Location | None
    pip_installs: tuple[PipView, ...]
    environment: Pairs
    environment_location: Location | None
    user_first: bool
    """Whether something of this group is the first in its stage to need the user."""
    files: tuple[FileView, ...]
    steps: tuple[StepView, ...]
    ends_as_user: bool


@dataclass(frozen=True)
class ToolsView:
    """A stage that only holds native tools, for others to mount."""

    name: str
    reference: str
    host: str


@dataclass(frozen=True)
class StageView:
    name: str
    base: Base
    reference: str
    tools: str
    """The stage whose native tools are there in steps; "" for none."""
    apt_login: tuple[Fields, ...]
    """The mount of what apt logs into archives with; none without."""
    apt_netrc: str
    cache: str
    """Tells apart the cache mounts of distributions and platforms."""
    snapshot_argv: tuple[str, ...]
    plain_shell: bool
    """Whether robenv's own lines would run in a shell that the stage below has chosen for its steps."""
    groups: tuple[GroupView, ...]
    settings: ImageSettings
    user_last: bool
    """Whether only the image's own settings name the user."""
    entrypoint_source: str
    entrypoint: tuple[str, ...] | None
    command: tuple[str, ...] | None
    health_argv: tuple[str, ...]


def entrypoint_source(stage: Stage) -> str:
    """Where the context has the stage's entrypoint script; "" for none."""
    settings = stage.settings
    return f"robenv/{stage.name}/entrypoint" if settings.setup_scripts or settings.shared else ""


def bashrc_source(stage: Stage) -> str:
    """Where the context has what interactive shells of the stage read; "" for nothing."""
    return f"robenv/{stage.name}/bashrc" if any(group.ros.completion for group in stage.groups) else ""


def rosdep_source(stage: Stage) -> str:
    """Where the context has the rosdep keys that the stage resolves, and the script that does it; "" for nothing."""
    return f"robenv/{stage.name}/rosdep" if any(group.rosdep_keys for group in stage.groups) else ""


def colcon_source(stage: Stage, group: Group) -> str:
    """Where the context has colcon's defaults as they are from that group on; "" for nowhere."""
    text = group.ros.colcon_defaults
    return f"robenv/{stage.name}/colcon-{hashlib.sha256(text.encode()).hexdigest()[:12]}" if text else ""


def view_tools(foreign: ForeignBuild | None) -> tuple[ToolsView, ...]:
    if foreign is None:
        return ()
    images = dict.fromkeys(image for _, image in foreign.tools)
    return tuple(ToolsView(_tools_stage(image), image, foreign.host) for image in images)


def _tools_stage(image: str) -> str:
    return f"robenv-tools-{image.rpartition(':')[2]}"


def view_stages(
    plan: BuildPlan,
    kinds: Kinds,
    foreign: ForeignBuild | None = None,
    mirrors: Mirrors = NO_MIRRORS,
    enter: tuple[str, ...] = (),
) -> tuple[StageView, ...]:
    tools = dict(foreign.tools) if foreign else {}
    roots = plan.roots
    with_user: set[str] = set()
    views = []
    for stage in plan.stages:
        image = tools.get(roots[stage.name].reference, "")
        builder = _StageViewer(
            plan, stage, kinds, stage.base.stage in with_user, _tools_stage(image) if image else "", mirrors, enter
        )
        views.append(builder.view(_cache(roots[stage.name], plan.platform), {other.name for other in plan.stages}))
        if builder.has_user:
            with_user.add(stage.name)
    return tuple(views)


def _cache(base: Base, platform: str) -> str:
    """Readable, and different for every two bases and platforms: packages of one must not serve another."""
    name = base.bootstrap.suite if base.bootstrap else base.reference
    digest = hashlib.sha256(json.dumps([name, platform, base.bootstrap is None]).encode()).hexdigest()[:8]
    return f"{name.rpartition('/')[2]}-{platform}-{digest}"


def _reference(base: Base, stages: set[str], mirrors: Mirrors) -> str:
    if base.image and mirrors.image(base.reference) != base.reference:
        return pinned_name(base.reference)
    if base.stage or base.reference.lower() not in stages:
        return base.reference
    # FROM would take an image of that name for the stage of that name.
    return f"{base.reference}:latest"


class _StageViewer:
    def __init__(
        self,
        plan: BuildPlan,
        stage: Stage,
        kinds: Kinds,
        has_user: bool,
        tools: str,
        mirrors: Mirrors,
        enter: tuple[str, ...],
    ) -> None:
        self.plan = plan
        self.stage = stage
        self.kinds = kinds
        self.has_user = has_user
        self.tools = tools
        self.mirrors = mirrors
        self.enter = enter
        self.has_pip = False

    def view(self, cache: str, stages: set[str]) -> StageView:
        stage, settings = self.stage, self.stage.settings
        groups = tuple(self._group(group) for group in stage.groups)
        user_last = self._needs_user(settings.user)
        self.has_user |= user_last
        source = entrypoint_source(stage)
        return StageView(
            name=stage.name,
            base=stage.base,
            reference=stage.base.stage or _reference(stage.base, stages, self.mirrors),
            tools=self.tools,
            apt_login=(secret_mount(stage.apt_login),) if stage.apt_login else (),
            apt_netrc=stage.apt_login.target if stage.apt_login else "",
            cache=cache,
            snapshot_argv=(*DEFAULT_SHELL, snapshot_script(self.stage.base.snapshot)) if stage.base.snapshot else (),
            plain_shell=bool(rosdep_source(stage)) and self._below_has_shell(),
            groups=groups,
            settings=settings,
            user_last=user_last,
            entrypoint_source=source,
            entrypoint=(ENTRYPOINT, *(settings.entrypoint or ())) if source else settings.entrypoint,
            # A new entrypoint empties the base's command; a shell is what an environment is for.
            command=("bash",) if source and not settings.entrypoint and settings.command is None else settings.command,
            health_argv=_health_argv(settings.healthcheck, settings.shell),
        )

    def _below_has_shell(self) -> bool:
        return any(stage.settings.shell for stage in self.plan.stages if stage.name == self.stage.base.stage)

    def _needs_user(self, *names: str) -> bool:
        """Whether one of ``names`` is the plan's user, who is not in the image yet and is to be."""
        return (
            self.plan.create_user
            and not self.has_user
            and any(name.partition(":")[0] == self.plan.user for name in names)
        )

    def _group(self, group: Group) -> GroupView:
        users = [self.plan.user for step in group.steps if step.as_user]
        user_first = self._needs_user(*users, *(file.owner for file in group.files))
        self.has_user |= user_first
        pip_first = bool(group.pip or group.pip_installs) and not self.has_pip
        self.has_pip |= pip_first
        return GroupView(
            profile=group.profile,
            args=group.args,
            repositories=tuple(_repository(repository) for repository in group.repositories),
            https=any(
                "https://" in text for found in group.repositories for text in (found.url, found.key, found.package)
            ),
            ros=group.ros,
            rosdep_keys=group.rosdep_keys,
            rosdep_paths=(rosdep_source(self.stage), f"{FOLDER}/"),
            dependencies=group.dependencies,
            bashrc_paths=(bashrc_source(self.stage), BASHRC),
            colcon_paths=(colcon_source(self.stage, group), colcon.DEFAULTS),
            packages=tuple(sorted(set(group.packages))),
            packages_location=group.packages_location,
            pip=group.pip,
            pip_first=pip_first,
            pip_location=group.pip_location,
            pip_installs=tuple(map(view_pip, group.pip_installs)),
            environment=group.environment,
            environment_location=group.environment_location,
            user_first=user_first,
            files=tuple(self._file(file) for file in group.files),
            steps=tuple(self._steps(group)),
            ends_as_user=bool(group.steps) and group.steps[-1].as_user,
        )

    def _file(self, file: FileCopy) -> FileView:
        target = file.target
        if not file.stage and target.endswith("/") and self.kinds.get(file.source) == "file":
            # Inside the context it has another name than on this machine.
            target += posixpath.basename(file.host_path)
        return FileView(file.stage, file.source, target, file.mode if file.stage else "", file.owner, file.location)

    def _steps(self, group: Group) -> Iterator[StepView]:
        own = self.stage.shell or self.stage.settings.shell or DEFAULT_SHELL
        shell = (*self.enter, *((ENTER,) if self.tools else ()), *own)
        as_user = False
        for step in group.steps:
            become = "" if step.as_user == as_user else (self.plan.user if step.as_user else "root")
            as_user = step.as_user
            yield StepView(step.name, (*step.front, *shell, step.run), become, tuple(_mounts(step)), step.location)


def _mounts(step: Step) -> Iterator[Fields]:
    yield from map(secret_mount, step.secrets)
    if step.ssh:
        yield (("type", "ssh"), ("mode", "0666" if step.as_user else "0600"), ("required", "true"))


def _repository(repository: AptRepository) -> RepositoryView:
    fields = (
        ("URIs", (repository.url,)),
        ("Suites", (repository.suite,)),
        ("Components", repository.components),
        ("Architectures", repository.architectures),
    )
    return RepositoryView(
        name=repository.name,
        key=repository.key,
        key_file=bool(repository.key) and not re.match(r"https?://", repository.key),
        key_checksum=repository.key_checksum,
        key_paths=(repository.key, f"/etc/apt/keyrings/{repository.name}.key"),
        fields=tuple((name, values) for name, values in fields if values),
        package=repository.package,
        package_checksum=repository.package_checksum,
        replaces=tuple(f"://{address}" for address in repository.replaces),
        location=repository.location,
    )


def _health_argv(check: Healthcheck | None, shell: tuple[str, ...]) -> tuple[str, ...]:
    """The check as an argument list, which carries what a line of a Dockerfile cannot."""
    if check is None or check.test[:1] == ("NONE",):
        return ()
    kind, *arguments = check.test
    if kind == "CMD-SHELL":
        return (*(shell or ("/bin/sh", "-c")), *arguments)
    return tuple(arguments)
