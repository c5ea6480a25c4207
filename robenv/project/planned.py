"""From a folder to plans: everything left of the effects, in one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from robenv.catalog.platforms import normalize
from robenv.errors import HostRequirementMissing, Problem, ProfileError, UsageError
from robenv.host.facts import Facts
from robenv.paths import is_fetched
from robenv.plan.container.own_machine import for_own_machine
from robenv.plan.container.run import plan_run, relabelled
from robenv.plan.host.capabilities import privilege_notes
from robenv.plan.host.engine_security import security_notes
from robenv.plan.host.host import plan_host
from robenv.plan.host.requirements import Grant
from robenv.plan.image.build import plan_build
from robenv.plan.image.mirrors import Mirrors, mirrors_of
from robenv.plan.image.run_image import has_run_image
from robenv.plan.models import DEV, RUN, BuildPlan, RunPlan
from robenv.plan.names import image_reference
from robenv.profile.chain.project import ProjectFiles
from robenv.profile.resolve.resolved import Resolved
from robenv.profile.schema.profile import Profile
from robenv.project.lock_policy import resolve_locked
from robenv.render import Rendered, content_hash, render


@dataclass(frozen=True)
class PlannedProject:
    """A project, resolved and planned for one platform."""

    resolved: Resolved
    build: BuildPlan

    @cached_property
    def rendered(self) -> Rendered:
        """The canonical rendering, for BuildKit: its bytes are what the content hash covers, on every engine."""
        return render(self.build)

    @cached_property
    def content_hash(self) -> str:
        return content_hash(self.build, self.rendered)

    @property
    def image(self) -> str:
        return image_reference(self.build.project, self.content_hash)

    @property
    def build_network(self) -> str:
        """Of the containers in which steps run: ``host``, ``none``, or "" for the engine's own."""
        network = self.resolved.profile.build.network
        return "" if network == "default" else network

    @cached_property
    def mirrors(self) -> Mirrors:
        """By which addresses things are fetched from here; the content hash knows nothing of them."""
        return mirrors_of(self.resolved)

    @property
    def files(self) -> ProjectFiles:
        files = self.resolved.files
        if files is None:
            raise UsageError("a built-in profile is no project", hint="`robenv init` writes a project that extends it")
        return files

    def grant(self, facts: Facts) -> Grant:
        """What this machine gives the project's container of itself.

        Raises HostLacks with everything that the profile requires and this machine has not.
        """
        grant = plan_host(self.resolved.profile, facts)
        if grant.unmet:
            problems = (
                Problem(requirement.message, self.resolved.locate(requirement.path), requirement.hint)
                for requirement in grant.unmet
            )
            raise HostRequirementMissing(
                "this machine lacks what the profile requires", problems=tuple(sorted(problems, key=_place))
            )
        return grant

    def container(self, facts: Facts, grant: Grant) -> RunPlan:
        """The container that `up` keeps for this project; of the run image, one as a robot has it."""
        plan = plan_run(
            self.resolved,
            self.image,
            facts,
            grant=grant,
            content_hash=self.content_hash,
            platform=self.build.platform,
            workspace=self.build.purpose != RUN,
        )
        return _with_inert_trees(plan if self.build.purpose == RUN else for_own_machine(plan, facts))


def plan_notes(profile: Profile, facts: Facts, grant: Grant, plan: RunPlan) -> tuple[str, ...]:
    """What the user should know of the container before it is made."""
    return (*grant.notes, *privilege_notes(plan), *security_notes(plan, profile, facts.engine))


def _with_inert_trees(plan: RunPlan) -> RunPlan:
    """Files of a profile from git are the same for every project of this user: no container may write them."""
    mounts = tuple(
        replace(mount, read_only=True)
        if mount.kind == "bind" and not mount.read_only and is_fetched(mount.source)
        else mount
        for mount in plan.mounts
    )
    return plan if mounts == plan.mounts else relabelled(replace(plan, mounts=mounts))


def _place(problem: Problem) -> tuple[str, int, int]:
    at = problem.location
    return (at.file, at.line, at.column) if at else ("", 0, 0)


def resolve(directory: Path, file: Path | None, environ: Mapping[str, str]) -> Resolved:
    """The profile of the project in or above ``directory``, by its lock. Raises UsageError, ProfileError."""
    return resolve_locked(directory, file, environ, lambda text: None).resolved


def choose_platform(resolved: Resolved, asked: str | None, engine: str) -> str:
    """Which platform to build for: the one asked for, else the engine's own where the profile allows it.

    Raises UsageError where the one asked for is none of the profile's.
    """
    allowed = tuple(normalize(platform) for platform in resolved.profile.platforms)
    if asked is not None:
        wanted = normalize(asked)
        if allowed and wanted not in allowed:
            raise UsageError(f"this profile is not for {wanted}", hint=f"its `platforms` are {', '.join(allowed)}")
        return wanted
    own = normalize(engine)
    if not allowed or own in allowed:
        return own
    return allowed[0]


def plan_project(resolved: Resolved, platform: str, purpose: str = DEV) -> PlannedProject:
    """Plans an image for one platform. Raises ProfileError."""
    there = resolved.on(platform)
    if purpose == RUN and not has_run_image(there.profile):
        hint = "say what it is: `run_image: {build: …, install: …}` (docs/run-image.md)"
        raise ProfileError("this profile has no run image", hint=hint)
    return PlannedProject(there, plan_build(there, platform, purpose))
