"""What is there of a project's container, and whether `up` may end it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from robenv.engine.protocol import ContainerInfo, Engine
from robenv.errors import ContainerNotFound, EngineLost, NameTaken, OperationFailed
from robenv.fast import mounted
from robenv.host.session.container_session import is_stale
from robenv.plan.container.diff import PlanChange, diff_plans
from robenv.plan.models import RunPlan
from robenv.plan.names import (
    LABEL_DIRECTORY,
    LABEL_MAIN,
    LABEL_PLAN,
    LABEL_PLAN_JSON,
    LABEL_PROJECT,
    LABEL_ROLE,
    ROLE_ENVIRONMENT,
)
from robenv.plan.owner import is_earlier, is_of, owner_of
from robenv.project.containers.action import ContainerState, depends_on_processes
from robenv.project.containers.networks import networks_gone
from robenv.project.identity import user_name

_KEEPERS = ("docker-init", "/sbin/docker-init", "/dev/init", "/run/podman-init", "sleep infinity", "catatonit", "tini")
_EMULATOR = re.compile(r"\S*/(?:qemu-\S+|\S+-binfmt-P \S+) (?:\S*/)?")
"""What binfmt_misc puts before a program of another architecture: the emulator, the program's path and, with flag P,
its own argv[0]."""


def digest_of(plan: RunPlan) -> str:
    """The digest that the plan's own label carries."""
    return dict(plan.labels)[LABEL_PLAN]


def changes_since(container: ContainerInfo, plan: RunPlan) -> tuple[PlanChange, ...]:
    """How the container's own plan differs from this one; empty where it is the same."""
    if container.labels.get(LABEL_PLAN) == digest_of(plan):
        return ()
    old = plan_of(container)
    return (diff_plans(old, plan.to_json()) if old else ()) or (
        PlanChange("plan", "made by another robenv", "this one"),
    )


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


def container_state(
    engine: Engine, container: ContainerInfo, plan: RunPlan, changes: tuple[PlanChange, ...], recreate: bool = False
) -> ContainerState:
    """Ask the engine and this machine for what ``decide`` has to know of the plan's container."""
    replaced_folders = mounted.replaced_paths(container, folders=True) if container.running else []
    state = ContainerState(
        running=container.running,
        changes=changes,
        networks_gone=() if container.running or changes else networks_gone(engine, plan),
        replaced=(*replaced_folders, *(mounted.replaced_paths(container, folders=False) if container.running else ())),
        lost_folders=tuple(path for path in replaced_folders if path in _workspaces(container)),
        session_is_stale=container.running and is_stale(plan.to_json(), container.started_at),
        idle_by_itself=container.labels.get(LABEL_MAIN) == "sleep",
    )
    if depends_on_processes(state, recreate):
        return replace(state, busy_with=busy_with(engine, container))
    return state


def _workspaces(container: ContainerInfo) -> list[str]:
    """What of this machine is mounted where commands start, and what has the project's folder."""
    plan = plan_of(container)
    mounts = [one for one in plan.get("mounts", ()) if one["kind"] == "bind"]
    return [
        mount["source"]
        for mount in mounts
        if Path(plan["directory"]).is_relative_to(mount["source"])
        or Path(plan["working_dir"]).is_relative_to(mount["target"])
    ]


def refuse_replaced(container: ContainerInfo) -> None:
    """Raise OperationFailed where a running container shows a folder that is no longer at its path: what is written
    there would land in the wrong one."""
    if folders := [path for path in mounted.replaced_paths(container, folders=True) if path in _workspaces(container)]:
        raise folders_replaced(container, folders, "`robenv up` restarts the container")


def folders_replaced(
    container: ContainerInfo, folders: Iterable[str], hint: str, running: tuple[str, ...] = ()
) -> OperationFailed:
    """Return the error for a container that shows other folders than those at their paths. ``running``: command lines
    that keep it from being restarted."""
    return OperationFailed(
        f"{', '.join(folders)} is not the folder any more that the container {container.name} shows",
        details="\n".join(f"runs in it: {command}" for command in running[:5]),
        hint=hint,
    )
