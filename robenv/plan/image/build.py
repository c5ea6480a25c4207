"""Resolved profile → BuildPlan: one group of layers for each level of the chain. Pure."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from robenv.catalog.platforms import parse_platform
from robenv.catalog.snapshots import snapshot_url
from robenv.catalog.suites import find_suite, nearest_suite
from robenv.errors import Location, Problem, ProfileError
from robenv.plan.image.dependencies import IN_DEV, IN_RUN, resolved_for_run, split_stage
from robenv.plan.image.ros import plan_ros, plan_ros_to_run, shared_of, with_sources_first
from robenv.plan.image.run_image import build_stage, installed, run_setup, slim_part
from robenv.plan.models import (
    DEV,
    RUN,
    Base,
    Bootstrap,
    BuildPlan,
    FileCopy,
    Group,
    Healthcheck,
    ImageSettings,
    Stage,
    Step,
)
from robenv.plan.names import base_reference
from robenv.plan.packages import AptRepository, ContextFile, PipInstall
from robenv.plan.secrets import login_secret, step_secrets

if TYPE_CHECKING:
    from robenv.profile.resolve.resolved import BuildPart, Level, Located, Resolved
    from robenv.profile.schema.build import AptRepository as RepositorySection
    from robenv.profile.schema.build import Base as BaseSection
    from robenv.profile.schema.build import FileCopy as FileSection
    from robenv.profile.schema.build import Image
    from robenv.profile.schema.pip import PipInstall as PipSection
    from robenv.profile.schema.run.parts import Healthcheck as HealthcheckSection

_LAST_STAGE = "image"


def plan_build(resolved: Resolved, platform: str, purpose: str = DEV) -> BuildPlan:
    """The image of a profile for ``platform`` (Docker's ``os/arch[/variant]``); the RUN image, if it has one.

    The same profile gives the same plan on every machine, but for the paths of this machine's files in it. Raises
    ProfileError for a bootstrapped suite that nobody knows, UsageError for a platform that nobody knows.
    """
    return _Planner(resolved, platform, purpose).plan()


def pinned_reference(reference: str, digest: str) -> str:
    """``NAME@sha256:…`` in place of ``NAME:TAG``; as it was without a digest, or where it has one already."""
    if not digest or "@" in reference:
        return reference
    folder, slash, last = reference.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}@{digest}"


def snapshot_of(resolved: Resolved) -> str:
    """The moment to which the package archives are to lead, ``20261101T000000Z``; "" for the present."""
    asked = resolved.profile.apt.snapshot
    return resolved.pins.snapshot if asked == "locked" else asked


class _Planner:
    def __init__(self, resolved: Resolved, platform: str, purpose: str) -> None:
        self.resolved = resolved
        self.profile = resolved.profile
        self.platform = platform
        self.purpose = purpose

    def plan(self) -> BuildPlan:
        profile = self.profile
        base = self._base(profile.base, ("base",))
        stages = []
        for name, section in profile.stages.items():
            own = section.base
            found = base if own is None else self._base(own, ("stages", name, "base"), own.stage)
            groups = [_group(name, level, level.stage(name)) for level in self.resolved.levels]
            login = login_secret(section.apt.login)
            stages.append(Stage(name, found, _not_empty(groups), _settings(section.image, ()), apt_login=login))
        groups = self._with_sudo([_group("", level, level.part) for level in self.resolved.levels])
        ros = plan_ros(self.resolved, base)
        groups = [replace(group, ros=layers) for group, layers in zip(groups, ros, strict=True)]
        groups = with_sources_first(groups)
        # A relative one is below the workspace, wherever that is.
        setup = tuple(posixpath.join(profile.workspace.target, script) for script in profile.setup)
        settings = replace(_settings(profile.image, setup), shared=shared_of(ros))
        login = login_secret(profile.apt.login)
        last = Stage(self._free_name(_LAST_STAGE), base, _not_empty(groups), settings, apt_login=login)
        stages += split_stage(self.resolved, last, self._level_of(IN_DEV), groups)
        if self.purpose == RUN:
            stages += self._run_image(stages[-1], base)
        return BuildPlan(
            project=profile.name or "profile",
            platform=self.platform,
            stages=tuple(stages),
            user=profile.user.name,
            create_user=any(map(self._needs_user, stages)),
            directory=str(self.resolved.files.root) if self.resolved.files else "",
            purpose=self.purpose,
            confined=tuple(
                sorted({str(document.source.root) for document in self.resolved.documents if document.source.foreign})
            ),
        )

    def _run_image(self, dev: Stage, root: Base) -> tuple[Stage, ...]:
        """The stage that builds the workspace on top of the image, one that resolves what it needs to run where that is
        wanted, and the slim one, by default on the profile's base: what ``dev`` itself stands on may have what is there
        for building."""
        profile, section = self.profile, self.profile.run_image
        own = section.base
        base = root if own is None else self._base(own, ("run_image", "base"), own.stage)
        paths = _ContextPaths("run_image", "sources")
        build = build_stage(self.resolved, self._free_name("build"), dev, lambda target: paths.next("sources", target))
        groups = [_group("", level, slim_part(level)) for level in self.resolved.levels]
        ros = plan_ros_to_run(self.resolved, base)
        groups = [replace(group, ros=layers) for group, layers in zip(groups, ros, strict=True)]
        groups = with_sources_first(groups)
        at = self._level_of(IN_RUN)
        aside = resolved_for_run(self.resolved, dev, groups[at].profile)
        if aside:
            groups[at] = replace(groups[at], dependencies=aside[1])
        settings = _settings(section.image, run_setup(profile))
        groups = [*_not_empty(groups), installed(self.resolved, build)]
        login = login_secret(section.apt.login or profile.apt.login)
        slim = Stage(self._free_name("run"), base, tuple(groups), settings, apt_login=login)
        return (build, aside[0], slim) if aside else (build, slim)

    def _free_name(self, name: str) -> str:
        while name in self.profile.stages:
            name += "-last"
        return name

    def _needs_user(self, stage: Stage) -> bool:
        owners = [file.owner for group in stage.groups for file in group.files]
        names = {owner.partition(":")[0] for owner in (*owners, stage.settings.user)}
        return self.profile.user.name in names or any(step.as_user for group in stage.groups for step in group.steps)

    def _base(self, base: BaseSection, path: tuple[str, ...], stage: str = "") -> Base:
        location = self.resolved.locate(path)
        if stage:
            return Base(stage, stage=stage, location=location)
        if base.bootstrap is None:
            if not base.image:
                raise ProfileError("there is no base", hint="a profile that is whole says `base: {image: …}`")
            pinned = pinned_reference(base.image, self.resolved.pins.digest(base.image, self.platform))
            return Base(pinned, image=pinned, location=location, asked=base.image, snapshot=self._snapshot())
        given = base.bootstrap
        suite = find_suite(given.suite)
        if suite is None and not given.mirror:
            raise _unknown_suite(given.suite, location)
        official = suite.mirror_for(parse_platform(self.platform).debian) if suite else ""
        bootstrap = Bootstrap(
            suite=given.suite,
            mirror=self._past(given.mirror or official),
            components=given.components or (suite.components if suite else ("main",)),
            variant=given.variant,
            include=tuple(sorted(set(given.include))),
            platform=self.platform,
        )
        reference = base_reference(
            bootstrap.suite,
            bootstrap.mirror,
            bootstrap.components,
            bootstrap.variant,
            bootstrap.include,
            bootstrap.platform,
        )
        return Base(reference, bootstrap=bootstrap, location=location)

    def _snapshot(self) -> str:
        return snapshot_of(self.resolved)

    def _past(self, mirror: str) -> str:
        """The archive as it was at the snapshot's moment. A mirror whose past nobody keeps stays as it is."""
        moment = self._snapshot()
        return (snapshot_url(mirror, moment) if moment else "") or mirror

    def _with_sudo(self, groups: list[Group]) -> list[Group]:
        """sudo where the profile wants it, in the group of the level that says so: those below stay as they are."""
        if not self.profile.user.sudo:
            return groups
        location = self.resolved.locate(("user", "sudo"))
        index = self._level_of(("user", "sudo"))
        group = groups[index]
        with_sudo = replace(
            group,
            packages=tuple(dict.fromkeys((*group.packages, "sudo"))),
            packages_location=group.packages_location or location,
        )
        return [*groups[:index], with_sudo, *groups[index + 1 :]]

    def _level_of(self, path: tuple[str, ...]) -> int:
        """The index of the level that says a value; the last where none does."""
        location, levels = self.resolved.locate(path), self.resolved.levels
        return next((at for at, level in enumerate(levels) if location and _is_of(location, level)), len(levels) - 1)


def _not_empty(groups: Iterable[Group]) -> tuple[Group, ...]:
    return tuple(group for group in groups if group != Group(group.profile))


def _is_of(location: Location, level: Level) -> bool:
    return location.file in (level.name, str(level.file))


def _shown(level: Level) -> str:
    """The level's name without what is of this machine only."""
    return posixpath.basename(level.name) if level.name.startswith("/") else level.name


def _unknown_suite(suite: str, location: Location | None) -> ProfileError:
    near = nearest_suite(suite)
    hint = f"did you mean {near}?" if near else "say where its packages are: `base.bootstrap.mirror`"
    message = f"robenv does not know where the suite {suite} is"
    return ProfileError(message, problems=(Problem(message, location, hint),))


def _group(stage: str, level: Level, part: BuildPart) -> Group:
    profile = _shown(level)
    paths = _ContextPaths(stage, profile)
    return Group(
        profile=profile,
        args=part.args,
        repositories=tuple(_repository(placed, paths) for placed in part.repositories),
        packages=part.packages,
        packages_location=part.packages_location,
        pip=part.pip,
        pip_location=part.pip_location,
        pip_installs=tuple(_pip_install(placed, paths) for placed in part.pip_installs),
        environment=part.environment,
        environment_location=part.environment_location,
        files=tuple(_file(placed, paths) for placed in part.files),
        steps=tuple(
            Step(
                placed.value.name,
                placed.value.run,
                placed.value.run_as == "user",
                placed.location,
                secrets=step_secrets(placed.value.secrets, placed.value.run_as),
                ssh=placed.value.ssh,
            )
            for placed in part.steps
        ),
    )


class _ContextPaths:
    """Paths inside the context: made from what stays the same when other files come and go, and on every machine."""

    def __init__(self, stage: str, profile: str) -> None:
        self._stage = stage
        self._profile = profile
        self._taken: set[str] = set()

    def next(self, folder: str, what: str) -> str:
        """A path in ``folder`` of the context for ``what``: a repository's name, or where a file is to be."""
        count = 0
        while True:
            digest = hashlib.sha256("\0".join((self._stage, self._profile, what, str(count))).encode()).hexdigest()
            path = f"{folder}/{digest[:12]}"
            if path not in self._taken:
                self._taken.add(path)
                return path
            count += 1


def _repository(placed: Located[RepositorySection], paths: _ContextPaths) -> AptRepository:
    repository = placed.value
    key_file = "" if "://" in repository.key else repository.key
    return AptRepository(
        name=placed.name,
        url=repository.url,
        suite=repository.suite,
        components=repository.components,
        key=paths.next("keys", placed.name) if key_file else repository.key,
        key_checksum=repository.key_checksum,
        architectures=repository.architectures,
        location=placed.location,
        key_host_path=key_file,
        package=repository.package,
        package_checksum=repository.package_checksum,
        replaces=repository.replaces,
    )


def _pip_install(placed: Located[PipSection], paths: _ContextPaths) -> PipInstall:
    one, folder = placed.value, paths.next("pip", "install")
    return PipInstall(
        packages=one.packages,
        requirements=ContextFile(f"{folder}/requirements.txt", one.requirements) if one.requirements else None,
        constraints=ContextFile(f"{folder}/constraints.txt", one.constraints) if one.constraints else None,
        index_url=one.index_url,
        extra_index_urls=one.extra_index_urls,
        login=login_secret(one.login),
        location=placed.location,
    )


def _file(placed: Located[FileSection], paths: _ContextPaths) -> FileCopy:
    file = placed.value
    return FileCopy(
        source=file.source if file.stage else paths.next("files", file.target),
        host_path="" if file.stage else file.source,
        target=file.target,
        mode=file.mode,
        owner=file.owner,
        stage=file.stage,
        location=placed.location,
    )


def _settings(image: Image, setup: tuple[str, ...]) -> ImageSettings:
    return ImageSettings(
        shell=image.shell or (),
        working_dir=image.working_dir,
        user=image.user,
        entrypoint=image.entrypoint,
        command=image.command,
        labels=tuple(sorted(image.labels.items())),
        healthcheck=_healthcheck(image.healthcheck),
        setup_scripts=setup,
    )


def _healthcheck(check: HealthcheckSection | None) -> Healthcheck | None:
    if check is None or (check.test is None and not check.disable):
        return None
    if check.disable or check.test is None:
        return Healthcheck(("NONE",))
    return Healthcheck(check.test, check.interval, check.timeout, check.start_period, check.retries)
