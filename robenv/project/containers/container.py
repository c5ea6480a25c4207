"""Makes sure that the project's container is there and runs, and never takes away what the user runs in it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from robenv.engine.protocol import ContainerInfo, Engine, ImageInfo
from robenv.errors import ContainerExited, ContainerNotFound, EngineLost, NameTaken, OperationFailed
from robenv.fast import mounted
from robenv.fast.launch import SHELL
from robenv.host.session.container_session import is_stale, prepare_session
from robenv.plan.container.create_request import create_request, file_system, volume_labels
from robenv.plan.container.diff import Change, describe, diff_plans
from robenv.plan.image.cross_compilers import through_tools
from robenv.plan.models import RunPlan
from robenv.plan.names import (
    LABEL_DIRECTORY,
    LABEL_ENTRYPOINT,
    LABEL_MAIN,
    LABEL_PLAN,
    LABEL_PLAN_JSON,
    LABEL_PROJECT,
    LABEL_ROLE,
    LABEL_SHELL,
    ROLE_ENVIRONMENT,
)
from robenv.plan.owner import is_earlier, is_of, owner_of
from robenv.project.containers.container_user import prepare_accounts
from robenv.project.containers.networks import connect_networks, ensure_networks, networks_gone
from robenv.project.gate import AdmittedContainer
from robenv.project.identity import keep_identity, user_name

_TIME_TO_FAIL = 0.5
_TIME_TO_STOP = 2.0
"""Seconds."""
_KEEPERS = ("docker-init", "/sbin/docker-init", "/dev/init", "/run/podman-init", "sleep infinity", "catatonit", "tini")
_EMULATOR = re.compile(r"\S*/(?:qemu-\S+|\S+-binfmt-P \S+) (?:\S*/)?")
"""What binfmt_misc puts before a program of another architecture: the emulator, the program's path and, with flag P,
its own argv[0]."""


@dataclass(frozen=True)
class ContainerResult:
    container: ContainerInfo
    created: bool
    changes: tuple[Change, ...] = ()
    """Not empty: it runs by an earlier plan, kept since something of the user runs in it."""


def digest_of(plan: RunPlan) -> str:
    """The digest that the plan's own label carries."""
    return dict(plan.labels)[LABEL_PLAN]


def with_entrypoint(plan: RunPlan, image: ImageInfo) -> RunPlan:
    """The plan with the image's entrypoint noted, so that `exec` runs what `docker run` would."""
    entrypoint = json.dumps(list(through_tools(plan, image.entrypoint)))
    return replace(plan, labels=(*plan.labels, (LABEL_ENTRYPOINT, entrypoint)))


def changes_since(container: ContainerInfo, plan: RunPlan) -> tuple[Change, ...]:
    """How the container's own plan differs from this one; empty where it is the same."""
    if container.labels.get(LABEL_PLAN) == digest_of(plan):
        return ()
    old = plan_of(container)
    return (diff_plans(old, plan.to_json()) if old else ()) or (Change("plan", "made by another robenv", "this one"),)


def plan_of(container: ContainerInfo) -> dict[str, Any]:
    """The RunPlan that the container was made by, as JSON; empty where it cannot be read."""
    try:
        return dict(json.loads(container.labels[LABEL_PLAN_JSON]))
    except (KeyError, ValueError):
        return {}


def busy_with(engine: Engine, container: ContainerInfo) -> tuple[str, ...]:
    """The command lines of what the user runs inside, beyond the container's own main process. What cannot be listed
    may be anything, and is never taken for nothing."""
    try:
        rows = engine.processes(container.id)
    except (OperationFailed, EngineLost) as error:
        return () if isinstance(error, ContainerNotFound) else (f"not known ({error.message.rstrip('.')})",)
    if container.labels.get(LABEL_MAIN) == "command":
        pids = {row.get("PID") for row in rows}
        # The main process and what was started by exec have parents outside; the first of them is the main one.
        rows = [row for row in rows if row.get("PPID") not in pids][1:]
    commands = (row["CMD"] for row in rows)
    return tuple(command for command in commands if command and not keeps_it_alive(command))


def keeps_it_alive(command: str) -> bool:
    """Whether a command line, as ``ps`` shows it, is robenv's own main process or the init before it."""
    return _EMULATOR.sub("", command).startswith(_KEEPERS)


def own_container(engine: Engine, plan: RunPlan) -> ContainerInfo | None:
    """The project's container of the plan's user, also one that has the name that the project or an earlier robenv gave
    it. Raises NameTaken where another's has its name."""
    found = engine.find_container(plan.name)
    if found is None:
        every = engine.containers({LABEL_PROJECT: None, LABEL_ROLE: ROLE_ENVIRONMENT})
        return next((one for one in every if is_earlier(one.labels, plan)), None)
    if is_of(found.labels, plan):
        return found
    here = found.labels.get(LABEL_DIRECTORY) == plan.directory
    whose = f"is {user_name(owner_of(found.labels))}'s" if here else "is not this project's"
    raise NameTaken(
        f"the container {plan.name} {whose}",
        hint=f"`docker rm {plan.name}` if it is not needed, or give the project another `name`",
    )


def ensure_container(
    engine: Engine,
    admitted: AdmittedContainer,
    image: ImageInfo,
    note: Callable[[str], None],
    recreate: bool = False,
) -> ContainerResult:
    """The project's container, running. An older one is replaced only when nothing of the user runs in it, or if told.

    Raises NameTaken, PortInUse, ContainerExited, and what the engine refuses.
    """
    plan = with_entrypoint(admitted.plan, image)
    admitted = admitted.with_plan(plan)
    found = own_container(engine, plan)
    if found is not None:
        changes = changes_since(found, plan)
        recreate = recreate or (not found.running and networks_gone(engine, plan))
        if not changes and not recreate:
            return ContainerResult(_started(engine, found, admitted, note), created=False)
        if found.running and not recreate and (running := busy_with(engine, found)):
            refuse_replaced(found, running)
            _say_why_kept(note, changes, running)
            return ContainerResult(found, created=False, changes=changes)
        for change in changes:
            note(f"changed: {describe(change)}")
        note(f"replacing the container {plan.name}")
        engine.remove_container(found.id, force=True)
    created = _created(engine, admitted, note)
    if missing := prepare_session(plan.to_json()):
        note(f"asked for and not in this login session: {', '.join(missing)}")
    return ContainerResult(created, created=True)


def _say_why_kept(note: Callable[[str], None], changes: tuple[Change, ...], running: tuple[str, ...]) -> None:
    note("the running container is of an earlier plan, and is kept since something runs in it:")
    for command in running[:5]:
        note(f"  runs: {command}")
    for change in changes:
        note(f"  changed: {describe(change)}")
    note("`robenv up --recreate` replaces it")


def _started(
    engine: Engine, container: ContainerInfo, admitted: AdmittedContainer, note: Callable[[str], None]
) -> ContainerInfo:
    plan = admitted.plan
    prepare_session(plan.to_json())
    if container.running:
        other = [*mounted.replaced(container, folders=True), *mounted.replaced(container, folders=False)]
        if not other and not is_stale(plan.to_json(), container.started_at):
            return container
        if not _is_idle(engine, container):
            refuse_replaced(container, busy_with(engine, container))
            for path in other:
                note(f"{path} was replaced since the container started, and the container still shows the earlier one")
            return container
        if other:
            note(f"restarting the container, which still shows what was at {', '.join(other)} before")
        engine.stop(container.id, _TIME_TO_STOP)
    return _start(engine, container.id, admitted)


def _start(engine: Engine, identifier: str, admitted: AdmittedContainer) -> ContainerInfo:
    admitted.check_links()
    inodes = mounted.look(one.source for one in admitted.plan.mounts if one.kind == "bind")
    engine.start(identifier)
    container = _check_running(engine, identifier)
    if engine.endpoint.startswith("unix://"):
        mounted.keep(container, inodes)
    return container


def _workspaces(container: ContainerInfo) -> list[str]:
    """What of this machine is mounted where commands start, and what has the project's folder."""
    plan = plan_of(container)
    mounts = [one for one in plan.get("mounts", ()) if one["kind"] == "bind"]
    return [
        one["source"]
        for one in mounts
        if Path(plan["directory"]).is_relative_to(one["source"])
        or Path(plan["working_dir"]).is_relative_to(one["target"])
    ]


def refuse_replaced(container: ContainerInfo, running: tuple[str, ...] = ()) -> None:
    """Raises OperationFailed where a running container shows a folder that is no longer at its path: what is written
    there would land in the wrong one."""
    if folders := [path for path in mounted.replaced(container, folders=True) if path in _workspaces(container)]:
        raise OperationFailed(
            f"{', '.join(folders)} is not the folder any more that the container {container.name} shows",
            details="\n".join(f"runs in it: {command}" for command in running[:5]),
            hint="`robenv up --recreate` replaces the container" if running else "`robenv up` restarts the container",
        )


def _is_idle(engine: Engine, container: ContainerInfo) -> bool:
    return container.labels.get(LABEL_MAIN) == "sleep" and not busy_with(engine, container)


def _created(engine: Engine, admitted: AdmittedContainer, note: Callable[[str], None]) -> ContainerInfo:
    made = prepare_mounts(engine, admitted.plan)
    try:
        return _created_with(engine, admitted, note, admitted.plan.home_volume in made)
    except BaseException:
        for volume in made:
            engine.remove_volume(volume)
        raise


def _created_with(
    engine: Engine, admitted: AdmittedContainer, note: Callable[[str], None], home_is_new: bool
) -> ContainerInfo:
    plan = admitted.plan
    ensure_networks(engine, plan)
    bare = replace(plan, labels=(*plan.labels, (LABEL_SHELL, "none")))
    identifier = create_container(engine, plan, bare)
    try:
        connect_networks(engine, identifier, plan)
        prepare_accounts(engine, identifier, plan, home_is_new, admitted.step_user)
        container = _start(engine, identifier, admitted)
    except BaseException:
        # Half-made is worse than absent: the next `up` would find a container that looks right.
        engine.remove_container(identifier, force=True)
        raise
    keep_identity(admitted.loaded.files, admitted.facts.place, plan, home_is_new, note)
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
