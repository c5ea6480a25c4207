"""`up` and `run`, whole: plan, image, container; of several `up` at once, the others wait and join."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robenv.engine.protocol import ContainerInfo, Engine
from robenv.fast import up_cache
from robenv.fast.replay import keep
from robenv.host.host import Host, LocalHost, Recorder
from robenv.project.containers.container import ensure_container
from robenv.project.containers.leftovers import tell_leftovers
from robenv.project.containers.networks import check_networks
from robenv.project.containers.run import run_once
from robenv.project.containers.state import digest_of
from robenv.project.containers.visible_paths import as_seen, needs_look
from robenv.project.gate import AdmittedContainer, admit_container, leave
from robenv.project.identity import place_of, settle
from robenv.project.image.cross_compilers import equip
from robenv.project.image.emulation import ensure_emulation
from robenv.project.image.image import Elsewhere, ImageResult, ensure_image
from robenv.project.planned import Loaded
from robenv.project.reporter import Reporter
from robenv.project.trust.judge import Ask
from robenv.util.file_lock import locked, using_images


@dataclass(frozen=True)
class Up:
    container: ContainerInfo
    created: bool
    built: bool


@dataclass(frozen=True)
class ImageOptions:
    """How the image is made where there is none yet."""

    no_cache: bool = False
    accelerate: bool = True
    """With native tools for another architecture than the engine's."""
    builder: Elsewhere | None = None
    """Builds in the engine's place."""


def bring_up(
    engine: Engine,
    loaded: Loaded,
    reporter: Reporter,
    ask: Ask | None,
    options: ImageOptions,
    *,
    remember_for: Path | None,
    recreate: bool = False,
) -> Up:
    """Return the project's container, running, on an image of the present plan.

    ``ask`` is asked whether profiles that are not the user's own may have what they take of the host; None, where
    nobody can answer. ``remember_for`` is where the user stands: the result is kept for the next `up` from there.
    None, where that one will not ask for the same. Raises NotTrusted, and what it takes to build and start.
    """
    host = Recorder(LocalHost())
    admitted = _admit(engine, loaded, reporter, ask, host)
    with locked(admitted.plan.name, reporter.note), using_images(reporter.note):
        container, image = _provide_image(engine, admitted, reporter, options)
        result = ensure_container(engine, container, image.image, reporter.note, recreate=recreate or image.rebuilt)
    if result.created:
        _tell_name(loaded, reporter)
    tell_leftovers(engine, result.container, reporter.note)
    if remember_for is not None and not result.changes:
        _remember(remember_for, container, engine.endpoint, keep(host, "session" in admitted.facts.read))
    return Up(result.container, result.created, image.built)


def run_command(
    engine: Engine,
    loaded: Loaded,
    reporter: Reporter,
    ask: Ask | None,
    options: ImageOptions,
    command: tuple[str, ...],
) -> int:
    """Run a command, or a shell, in a throw-away container of the project; return its exit code.

    Raises NotTrusted, and what it takes to build and start.
    """
    admitted = _admit(engine, loaded, reporter, ask)
    with using_images(reporter.note):
        container, image = _provide_image(engine, admitted, reporter, options)
    code = run_once(engine, container, image.image, command)
    leave(engine, place_of(loaded.files))
    return code


def _admit(
    engine: Engine, loaded: Loaded, reporter: Reporter, ask: Ask | None, host: Host | None = None
) -> AdmittedContainer:
    """Return the project's container, approved, once its networks and the emulation of its platform are there."""
    settle(engine, loaded.files, loaded.resolved.profile.name, reporter.note)
    admitted = admit_container(engine, loaded, ask, reporter.note, host)
    for text in admitted.notes:
        reporter.note(text)
    check_networks(engine, admitted.plan, reporter.note)
    ensure_emulation(engine, admitted.plan.platform, reporter)
    return admitted


def _provide_image(
    engine: Engine, admitted: AdmittedContainer, reporter: Reporter, options: ImageOptions
) -> tuple[AdmittedContainer, ImageResult]:
    """Return the image, and the container with the paths that the engine sees and the native tools that it needs.

    Call under `using_images`.
    """
    loaded, plan = admitted.loaded, admitted.plan
    if needs_look(engine, plan, loaded.image):
        plan = as_seen(engine, plan, loaded.resolved.profile, reporter.note)
    image = ensure_image(engine, admitted, reporter, options.no_cache, options.accelerate, options.builder)
    if options.accelerate:
        plan = equip(engine, loaded, plan, image.image, reporter)
    return admitted.with_plan(plan), image


def _remember(directory: Path, admitted: AdmittedContainer, endpoint: str, host: dict[str, Any] | None) -> None:
    loaded, plan = admitted.loaded, admitted.plan
    inputs = loaded.resolved.inputs
    files = [*inputs.files, *loaded.rendered.fingerprint, *admitted.approvals]
    up_cache.remember(
        str(directory),
        map(str, files),
        map(str, (*inputs.absent, *loaded.rendered.absent)),
        dict(inputs.variables),
        endpoint,
        plan.name,
        digest_of(plan),
        host,
    )


def _tell_name(loaded: Loaded, reporter: Reporter) -> None:
    """Where the project's name was made of its folder's, and is another one."""
    name = loaded.resolved.profile.name
    if loaded.resolved.locate(("name",)) is None and name != loaded.files.root.name:
        reporter.note(f"the project is called {name}, after its folder; `name: …` in robenv.yaml sets another name")
