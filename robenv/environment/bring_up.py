"""`up`, whole: plan, image, container; one robenv at a time, the others wait and join."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from robenv.engine.protocol import ContainerInfo, Engine
from robenv.environment import warm
from robenv.environment.container import digest_of, ensure_container
from robenv.environment.emulation import ensure_emulation
from robenv.environment.gate import admit_container
from robenv.environment.identity import settle
from robenv.environment.image import Elsewhere, ensure_image
from robenv.environment.leftovers import tell_leftovers
from robenv.environment.load import Loaded
from robenv.environment.locks import locked, using_images
from robenv.environment.native import equip
from robenv.environment.networks import check_networks
from robenv.environment.reporter import Reporter
from robenv.environment.trust import Ask
from robenv.environment.visible_paths import as_seen, needs_look
from robenv.host.reader import LocalHost, Recorder
from robenv.host.replay import keep


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
        kept = keep(host, "session" in admitted.facts.read)
        warm.remember(remember_for, loaded, engine.endpoint, plan.name, digest_of(plan), kept, admitted.approvals)
    return Up(result.container, result.created, image.built)


def _tell_name(loaded: Loaded, reporter: Reporter) -> None:
    """Where the project's name was made of its folder's, and is another one."""
    name = loaded.resolved.profile.name
    if loaded.resolved.locate(("name",)) is None and name != loaded.files.root.name:
        reporter.note(f"the project is called {name}, after its folder; `name: …` in robenv.yaml sets another name")
