"""`up` and `run`, whole: plan, image, container; of several `up` at once, the others wait and join."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robenv.engine.protocol import ContainerInfo, Engine
from robenv.fast import up_cache
from robenv.fast.replay import recorded_answers
from robenv.host.host import Host, HostRecorder, LocalHost
from robenv.project.containers.container import ensure_container
from robenv.project.containers.leftovers import tell_leftovers
from robenv.project.containers.networks import check_networks
from robenv.project.containers.run import run_once
from robenv.project.containers.state import digest_of
from robenv.project.containers.visible_paths import needs_look, without_unseen_session
from robenv.project.gate import ApprovedContainer, approve_container, close_baseline_if_last
from robenv.project.identity import place_of, settle_identity
from robenv.project.image.cross_compilers import with_cross_compilers
from robenv.project.image.emulation import ensure_emulation
from robenv.project.image.image import ImageResult, RemoteImageBuilder, ensure_image
from robenv.project.planned import PlannedProject
from robenv.project.reporter import Reporter
from robenv.project.trust.judge import Ask
from robenv.util.file_lock import locked, using_images


@dataclass(frozen=True)
class UpResult:
    container: ContainerInfo
    created: bool
    built: bool


@dataclass(frozen=True)
class ImageOptions:
    """How the image is made where there is none yet."""

    no_cache: bool = False
    accelerate: bool = True
    """With native tools for another architecture than the engine's."""
    builder: RemoteImageBuilder | None = None
    """Builds in the engine's place."""


def ensure_running(
    engine: Engine,
    planned: PlannedProject,
    reporter: Reporter,
    ask: Ask | None,
    options: ImageOptions,
    *,
    remember_for: Path | None,
    recreate: bool = False,
) -> UpResult:
    """Return the project's container, running, on an image of the present plan.

    ``ask`` is asked whether profiles that are not the user's own may have what they take of the host; None, where
    nobody can answer. ``remember_for`` is where the user stands: the result is kept for the next `up` from there.
    None, where that one will not ask for the same. Raises NotTrusted, and what it takes to build and start.
    """
    host = HostRecorder(LocalHost())
    approved = _admit(engine, planned, reporter, ask, host)
    with locked(approved.plan.name, reporter.note), using_images(reporter.note):
        container, image = _provide_image(engine, approved, reporter, options)
        result = ensure_container(engine, container, image.image, reporter.note, recreate=recreate or image.rebuilt)
    if result.created:
        _tell_name(planned, reporter)
    tell_leftovers(engine, result.container, reporter.note)
    if remember_for is not None and not result.changes:
        _remember(remember_for, container, engine.endpoint, recorded_answers(host, "session" in approved.facts.read))
    return UpResult(result.container, result.created, image.built)


def run_command(
    engine: Engine,
    planned: PlannedProject,
    reporter: Reporter,
    ask: Ask | None,
    options: ImageOptions,
    command: tuple[str, ...],
) -> int:
    """Run a command, or a shell, in a throw-away container of the project; return its exit code.

    Raises NotTrusted, and what it takes to build and start.
    """
    approved = _admit(engine, planned, reporter, ask)
    with using_images(reporter.note):
        container, image = _provide_image(engine, approved, reporter, options)
    code = run_once(engine, container, image.image, command)
    close_baseline_if_last(engine, place_of(planned.files))
    return code


def _admit(
    engine: Engine, planned: PlannedProject, reporter: Reporter, ask: Ask | None, host: Host | None = None
) -> ApprovedContainer:
    """Return the project's container, approved, once its networks and the emulation of its platform are there."""
    settle_identity(engine, planned.files, planned.resolved.profile.name, reporter.note)
    approved = approve_container(engine, planned, ask, reporter.note, host)
    for text in approved.notes:
        reporter.note(text)
    check_networks(engine, approved.plan, reporter.note)
    ensure_emulation(engine, approved.plan.platform, reporter)
    return approved


def _provide_image(
    engine: Engine, approved: ApprovedContainer, reporter: Reporter, options: ImageOptions
) -> tuple[ApprovedContainer, ImageResult]:
    """Return the image, and the container with the paths that the engine sees and the native tools that it needs.

    Call under `using_images`.
    """
    planned, plan = approved.planned, approved.plan
    if needs_look(engine, plan, planned.image):
        plan = without_unseen_session(engine, plan, planned.resolved.profile, reporter.note)
    image = ensure_image(engine, approved, reporter, options.no_cache, options.accelerate, options.builder)
    if options.accelerate:
        plan = with_cross_compilers(engine, planned, plan, image.image, reporter)
    return approved.with_plan(plan), image


def _remember(directory: Path, approved: ApprovedContainer, endpoint: str, host: dict[str, Any] | None) -> None:
    planned, plan = approved.planned, approved.plan
    inputs = planned.resolved.inputs
    files = [*inputs.files, *planned.rendered.fingerprint, *approved.approvals]
    up_cache.write_entry(
        str(directory),
        map(str, files),
        map(str, (*inputs.absent, *planned.rendered.absent)),
        dict(inputs.variables),
        endpoint,
        plan.name,
        digest_of(plan),
        host,
    )


def _tell_name(planned: PlannedProject, reporter: Reporter) -> None:
    """Where the project's name was made of its folder's, and is another one."""
    name = planned.resolved.profile.name
    if planned.resolved.locate(("name",)) is None and name != planned.files.root.name:
        reporter.note(f"the project is called {name}, after its folder; `name: …` in robenv.yaml sets another name")
