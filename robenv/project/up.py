"""`up`, whole: plan, image, container; one robenv at a time, the others wait and join."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robenv.engine.protocol import ContainerInfo, Engine
from robenv.fast import up_cache
from robenv.fast.replay import keep
from robenv.host.host import LocalHost, Recorder
from robenv.project.containers.container import ensure_container
from robenv.project.containers.leftovers import tell_leftovers
from robenv.project.containers.networks import check_networks
from robenv.project.containers.state import digest_of
from robenv.project.containers.visible_paths import as_seen, needs_look
from robenv.project.gate import AdmittedContainer, admit_container
from robenv.project.identity import settle
from robenv.project.image.cross_compilers import equip
from robenv.project.image.emulation import ensure_emulation
from robenv.project.image.image import Elsewhere, ensure_image
from robenv.project.planned import Loaded
from robenv.project.reporter import Reporter
from robenv.project.trust.judge import Ask
from robenv.util.file_lock import locked, using_images


@dataclass(frozen=True)
class Up:
    container: ContainerInfo
    created: bool
    built: bool


def bring_up(
    engine: Engine,
    loaded: Loaded,
    reporter: Reporter,
    *,
    remember_for: Path | None,
    recreate: bool = False,
    no_cache: bool = False,
    accelerate: bool = True,
    builder: Elsewhere | None = None,
    ask: Ask | None = None,
) -> Up:
    """The project's container, running, on an image of the present plan.

    ``remember_for`` is where the user stands: what was found is kept for the next `up` from there. None, where that one
    will not ask for the same. ``accelerate``: with native tools for another architecture than the engine's.
    ``builder`` builds in the engine's place. ``ask`` is asked whether profiles that are not the user's own may have
    what they take of the host; None, where nobody can answer. Raises NotTrusted, and what it takes to build and start.
    """
    host = Recorder(LocalHost())
    settle(engine, loaded.files, loaded.resolved.profile.name, reporter.note)
    admitted = admit_container(engine, loaded, ask, reporter.note, host)
    plan = admitted.plan
    for text in admitted.notes:
        reporter.note(text)
    check_networks(engine, plan, reporter.note)
    ensure_emulation(engine, plan.platform, reporter)
    with locked(plan.name, reporter.note), using_images(reporter.note):
        if needs_look(engine, plan, loaded.image):
            plan = as_seen(engine, plan, loaded.resolved.profile, reporter.note)
        image = ensure_image(engine, admitted, reporter, no_cache, accelerate, builder)
        if accelerate:
            plan = equip(engine, loaded, plan, image.image, reporter)
        container = admitted.with_plan(plan)
        result = ensure_container(engine, container, image.image, reporter.note, recreate=recreate or image.rebuilt)
    if result.created:
        _tell_name(loaded, reporter)
    tell_leftovers(engine, result.container, reporter.note)
    if remember_for is not None and not result.changes:
        _remember(remember_for, container, engine.endpoint, keep(host, "session" in admitted.facts.read))
    return Up(result.container, result.created, image.built)


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
