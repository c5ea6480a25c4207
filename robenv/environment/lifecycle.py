"""What a container goes through besides `up`: found, listed, stopped, removed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from robenv.engine.protocol import ContainerInfo, Engine
from robenv.environment.networks import remove_networks
from robenv.errors import ContainerNotFound
from robenv.plan.names import (
    LABEL_DIRECTORY,
    LABEL_HASH,
    LABEL_PLAN_JSON,
    LABEL_PROJECT,
    LABEL_ROLE,
    ROLE_ENVIRONMENT,
)


@dataclass(frozen=True)
class Row:
    """A line of `robenv ps`."""

    project: str
    container: str
    status: str
    health: str
    image: str
    created: str
    directory: str
    hash: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def row(container: ContainerInfo) -> Row:
    status = container.status
    if status in ("exited", "dead"):
        status = f"{status} ({container.exit_code})"
    return Row(
        project=container.labels.get(LABEL_PROJECT, ""),
        container=container.name,
        status=status,
        health=container.health,
        image=container.image,
        created=container.created,
        directory=container.labels.get(LABEL_DIRECTORY, ""),
        hash=container.labels.get(LABEL_HASH, "")[:12],
    )


def containers_of(engine: Engine, root: Path | None) -> list[ContainerInfo]:
    """The containers of the project in ``root``; of every project where it is None. By name."""
    labels: dict[str, str | None] = {LABEL_PROJECT: None}
    if root is not None:
        labels[LABEL_DIRECTORY] = str(root)
    return sorted(engine.containers(labels), key=lambda container: container.name)


def environments_of(engine: Engine, root: Path) -> list[ContainerInfo]:
    """The containers to work in of the project in ``root``, of each platform. Raises ContainerNotFound for none."""
    found = [one for one in containers_of(engine, root) if one.labels.get(LABEL_ROLE) == ROLE_ENVIRONMENT]
    if not found:
        raise ContainerNotFound("this project has no container", hint="`robenv up` makes it")
    return found


def running_container(engine: Engine, root: Path, platform: str = "") -> ContainerInfo:
    """The project's running container for ``platform``; by default the one that runs, and of several platforms' the one
    for the engine's own. Raises ContainerNotFound."""
    candidates = [one for one in containers_of(engine, root) if one.labels.get(LABEL_ROLE) == ROLE_ENVIRONMENT]
    if platform:
        candidates = [one for one in candidates if _platform(one) == platform]
    running = [found for found in candidates if found.running]
    if len(running) > 1:
        own = engine.info().platform
        running = [found for found in running if _platform(found) == own] or running
    if len(running) == 1:
        return running[0]
    if running and len({_platform(found) for found in running}) > 1:
        names = ", ".join(f"{found.name} ({_platform(found)})" for found in running)
        raise ContainerNotFound(f"several containers of {root} run: {names}", hint="choose one with --platform")
    if running:
        names = ", ".join(found.name for found in running)
        raise ContainerNotFound(f"several containers of {root} run: {names}", hint="name the file with -f FILE")
    state = f"its container is {candidates[0].status}" if candidates else "it has no container"
    where = f"{root} on {platform}" if platform else str(root)
    start = f"`robenv up --platform {platform}`" if platform else "`robenv up`"
    raise ContainerNotFound(f"nothing runs for {where}: {state}", hint=f"{start} starts it")


def _platform(container: ContainerInfo) -> str:
    """ "" for one that robenv has not made."""
    try:
        return str(json.loads(container.labels.get(LABEL_PLAN_JSON, ""))["platform"])
    except (ValueError, KeyError, TypeError):
        return ""


def stop(engine: Engine, containers: list[ContainerInfo], timeout: float | None = None) -> list[str]:
    """Stops what runs; the names of what was stopped."""
    running = [container for container in containers if container.running]
    for container in running:
        engine.stop(container.id, timeout)
    return [container.name for container in running]


def down(engine: Engine, root: Path | None, volumes: bool, timeout: float | None = None) -> list[str]:
    """Removes containers, networks that nobody is left on, and with ``volumes`` what was kept; what went, by name."""
    removed = []
    containers = containers_of(engine, root)
    for container in containers:
        if container.running:
            engine.stop(container.id, timeout)
        engine.remove_container(container.id, force=True)
        removed.append(container.name)
    removed += remove_networks(engine, root)
    if volumes:
        labels: dict[str, str | None] = {LABEL_PROJECT: None}
        if root is not None:
            labels[LABEL_DIRECTORY] = str(root)
        for volume in engine.volumes(labels):
            engine.remove_volume(volume.name)
            removed.append(volume.name)
    return removed
