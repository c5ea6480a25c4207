"""Makes sure that the project's container is there and runs, and never takes away what the user runs in it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from robenv.engine.protocol import ContainerInfo, Engine, ImageInfo
from robenv.errors import ContainerExited
from robenv.fast import mounted
from robenv.fast.launch import SHELL
from robenv.host.session.container_session import prepare_session
from robenv.plan.container.create_request import create_request, file_system, volume_labels
from robenv.plan.container.diff import PlanChange
from robenv.plan.image.cross_compilers import through_tools
from robenv.plan.models import RunPlan
from robenv.plan.names import LABEL_ENTRYPOINT, LABEL_MAIN, LABEL_SHELL
from robenv.project.containers.action import Action, Decision, decide
from robenv.project.containers.container_user import prepare_accounts
from robenv.project.containers.networks import connect_networks, ensure_networks
from robenv.project.containers.state import changes_since, container_state, folders_replaced, own_container
from robenv.project.gate import ApprovedContainer
from robenv.project.identity import keep_identity
from robenv.util import log

_TIME_TO_FAIL = 0.5
_TIME_TO_STOP = 2.0
"""Seconds."""


@dataclass(frozen=True)
class ContainerResult:
    container: ContainerInfo
    created: bool
    changes: tuple[PlanChange, ...] = ()
    """Not empty: it runs by an earlier plan, kept since something of the user runs in it."""


def with_entrypoint(plan: RunPlan, image: ImageInfo) -> RunPlan:
    """The plan with the image's entrypoint noted, so that `exec` runs what `docker run` would."""
    entrypoint = json.dumps(list(through_tools(plan, image.entrypoint)))
    return replace(plan, labels=(*plan.labels, (LABEL_ENTRYPOINT, entrypoint)))


def ensure_container(
    engine: Engine,
    approved: ApprovedContainer,
    image: ImageInfo,
    note: Callable[[str], None],
    recreate: bool = False,
) -> ContainerResult:
    """The project's container, running. An older one is replaced only when nothing of the user runs in it, or if told.

    Raises NameTaken, PortInUse, ContainerExited, and what the engine refuses.
    """
    plan = with_entrypoint(approved.plan, image)
    approved = approved.with_plan(plan)
    container = own_container(engine, plan)
    if container is not None:
        state = container_state(engine, container, plan, changes_since(container, plan), recreate)
        decision = decide(state, recreate)
        paths = ", ".join(reason.partition(":")[0] for reason in decision.reasons)  # values may be secrets
        why = paths or ("a new one is asked for" if recreate else "its plan is the present one")
        log.decision(f"container {container.name} ({container.status}): {decision.in_words}: {why}")
        if decision.action is not Action.REPLACE:
            return _kept(engine, container, decision, approved, note)
        for reason in decision.reasons:
            note(f"changed: {reason}")
        note(f"replacing the container {plan.name}")
        engine.remove_container(container.id, force=True)
    log.decision(f"container {plan.name}: created and started")
    created = _created(engine, approved, note)
    if missing := prepare_session(plan.to_json()):
        note(f"asked for and not in this login session: {', '.join(missing)}")
    return ContainerResult(created, created=True)


def _kept(
    engine: Engine,
    container: ContainerInfo,
    decision: Decision,
    approved: ApprovedContainer,
    note: Callable[[str], None],
) -> ContainerResult:
    state = decision.state
    if state is None:
        raise ValueError("only a container that is there can be kept")
    if decision.action is Action.REFUSE:
        hint = "`robenv up --recreate` replaces the container"
        raise folders_replaced(container, state.lost_folders, hint, state.busy_with)
    if decision.action is Action.KEEP:
        _say_why_kept(note, decision)
        return ContainerResult(container, created=False, changes=state.changes)
    prepare_session(approved.plan.to_json())
    if decision.action is Action.JOIN:
        for path in state.replaced:
            note(f"{path} was replaced since the container started, and the container still shows the earlier one")
        return ContainerResult(container, created=False)
    if decision.action is Action.RESTART:
        if state.replaced:
            note(f"restarting the container, which still shows what was at {', '.join(state.replaced)} before")
        engine.stop(container.id, _TIME_TO_STOP)
    return ContainerResult(_start(engine, container.id, approved), created=False)


def _say_why_kept(note: Callable[[str], None], decision: Decision) -> None:
    state = decision.state
    note("the running container is of an earlier plan, and is kept since something runs in it:")
    for command in state.busy_with[:5] if state is not None else ():
        note(f"  runs: {command}")
    for reason in decision.reasons:
        note(f"  changed: {reason}")
    note("`robenv up --recreate` replaces it")


def _start(engine: Engine, identifier: str, approved: ApprovedContainer) -> ContainerInfo:
    approved.check_links()
    inodes = mounted.read_inodes(mount.source for mount in approved.plan.mounts if mount.kind == "bind")
    engine.start(identifier)
    container = _check_running(engine, identifier)
    if engine.endpoint.startswith("unix://"):
        mounted.record_inodes(container, inodes)
    return container


def _created(engine: Engine, approved: ApprovedContainer, note: Callable[[str], None]) -> ContainerInfo:
    made = prepare_mounts(engine, approved.plan)
    try:
        return _created_with(engine, approved, note, approved.plan.home_volume in made)
    except BaseException:
        for volume in made:
            engine.remove_volume(volume)
        raise


def _created_with(
    engine: Engine, approved: ApprovedContainer, note: Callable[[str], None], home_is_new: bool
) -> ContainerInfo:
    plan = approved.plan
    ensure_networks(engine, plan)
    bare = replace(plan, labels=(*plan.labels, (LABEL_SHELL, "none")))
    identifier = create_container(engine, plan, bare)
    try:
        connect_networks(engine, identifier, plan)
        prepare_accounts(engine, identifier, plan, home_is_new, approved.step_user)
        container = _start(engine, identifier, approved)
    except BaseException:
        # Half-made is worse than absent: the next `up` would find a container that looks right.
        engine.remove_container(identifier, force=True)
        raise
    keep_identity(approved.planned.files, approved.facts.place, plan, home_is_new, note)
    return container


def create_container(engine: Engine, plan: RunPlan, bare: RunPlan, tty: bool = False, stdin: bool = False) -> str:
    """Creates the container of ``plan``, or of ``bare`` where the image turns out to have no shell; its ID."""
    identifier = engine.create_container(plan.name, create_request(plan, tty=tty, stdin=stdin), plan.platform)
    try:
        if has_shell(engine, identifier):
            return identifier
    except BaseException:
        engine.remove_container(identifier, force=True)
        raise
    engine.remove_container(identifier, force=True)
    return engine.create_container(bare.name, create_request(bare, tty=tty, stdin=stdin), bare.platform)


def has_shell(engine: Engine, container: str) -> bool:
    return engine.get_archive(container, SHELL) is not None


def prepare_mounts(engine: Engine, plan: RunPlan) -> tuple[str, ...]:
    """Makes the folders that bind mounts name, as this user rather than as the engine's root, and the volumes; the
    names of those that were not there. Raises OperationFailed."""
    if engine.endpoint.startswith("unix://"):
        for mount in plan.mounts:
            # What is there may be a file or a socket as well.
            if mount.kind == "bind" and dict(mount.options).get("create_host_path") and not Path(mount.source).exists():
                Path(mount.source).mkdir(parents=True, exist_ok=True)
        prepare_session(plan.to_json())
    wanted = [
        (mount, labels) for mount in plan.mounts if mount.kind == "volume" and (labels := volume_labels(plan, mount))
    ]
    there = {volume.name for volume in engine.volumes({})} if wanted else set()
    missing = {mount.source: (mount, labels) for mount, labels in wanted if mount.source not in there}
    for name, (mount, labels) in missing.items():
        engine.create_volume(name, labels, file_system(dict(mount.options)))
    return tuple(missing)


def _settled(engine: Engine, identifier: str) -> ContainerInfo | None:
    """The container as it is once a main process of the profile's own has had time to fail. The one of robenv's own
    cannot; with an init, a program that does not exist ends the container only after it has started."""
    until = time.monotonic() + _TIME_TO_FAIL
    while True:
        info = engine.find_container(identifier)
        if info is None or not info.running or info.labels.get(LABEL_MAIN) != "command" or time.monotonic() > until:
            return info
        time.sleep(0.05)


def _check_running(engine: Engine, identifier: str) -> ContainerInfo:
    info = _settled(engine, identifier)
    if info is not None and info.running:
        return info
    output = b"".join(data for _, data in engine.logs(identifier, tail=20)).decode(errors="replace")
    raise ContainerExited(
        f"the container's main process {info.ending if info else 'ended, and the container is gone'}",
        details=output.rstrip() or "it wrote nothing",
        hint="look at `run.command` and `image.entrypoint` in the profile: the main process has to keep running",
    )
