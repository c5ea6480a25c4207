"""What a container goes through besides `up`: found, listed, stopped, removed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from robenv.engine.protocol import ContainerInfo, Engine
from robenv.errors import ContainerNotFound
from robenv.fast import mounted
from robenv.host.project_folder import FolderIdentity
from robenv.plan.names import (
    LABEL_DIRECTORY,
    LABEL_HASH,
    LABEL_NETWORK,
    LABEL_PLAN_JSON,
    LABEL_PROJECT,
    LABEL_ROLE,
    ROLE_ENVIRONMENT,
)
from robenv.plan.owner import is_in_folder, is_own, owner_of
from robenv.project.identity import user_name


@dataclass(frozen=True)
class ContainerRow:
    """A line of `robenv ps`."""

    project: str
    container: str
    user: str
    status: str
    health: str
    image: str
    created: str
    directory: str
    hash: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def container_row(container: ContainerInfo) -> ContainerRow:
    status = container.status
    if status in ("exited", "dead"):
        status = f"{status} ({container.exit_code})"
    return ContainerRow(
        project=container.labels.get(LABEL_PROJECT, ""),
        container=container.name,
        user=user_name(owner_of(container.labels)),
        status=status,
        health=container.health,
        image=container.image,
        created=container.created,
        directory=container.labels.get(LABEL_DIRECTORY, ""),
        hash=container.labels.get(LABEL_HASH, "")[:12],
    )


def containers_in(engine: Engine, place: FolderIdentity | None) -> list[ContainerInfo]:
    """The containers of a project folder, whoever's they are; of every project where it is None. By name."""
    found = engine.containers({LABEL_PROJECT: None})
    return sorted(
        (one for one in found if place is None or is_in_folder(one.labels, place)), key=lambda container: container.name
    )


def containers_of(engine: Engine, place: FolderIdentity | None) -> list[ContainerInfo]:
    """The user's own containers of a project folder; of every project where it is None. By name."""
    return [one for one in containers_in(engine, place) if _is_mine(one.labels, place)]


def _is_mine(labels: Mapping[str, str], place: FolderIdentity | None, name: str = "") -> bool:
    if place is not None:
        return is_own(labels, place, name)
    owner = owner_of(labels)
    if owner:
        return owner == str(os.geteuid())
    try:
        return Path(labels.get(LABEL_DIRECTORY, "")).stat().st_uid == os.geteuid()
    except OSError:
        return False


def environments_of(engine: Engine, place: FolderIdentity) -> list[ContainerInfo]:
    """The user's own containers to work in of a project folder, of each platform. Raises ContainerNotFound for none."""
    found = [one for one in containers_of(engine, place) if one.labels.get(LABEL_ROLE) == ROLE_ENVIRONMENT]
    if not found:
        raise ContainerNotFound("this project has no container", hint="`robenv up` makes it")
    return found


def running_container(engine: Engine, place: FolderIdentity, platform: str = "") -> ContainerInfo:
    """The user's running container of a project folder for ``platform``; by default the one that runs, and of several
    platforms' the one for the engine's own. Raises ContainerNotFound."""
    root = place.root
    candidates = [one for one in containers_of(engine, place) if one.labels.get(LABEL_ROLE) == ROLE_ENVIRONMENT]
    if platform:
        candidates = [candidate for candidate in candidates if _platform(candidate) == platform]
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
    others = [] if candidates else containers_of_others(engine, place)
    if others:
        state = f"its container{'s are' if len(others) > 1 else ' is'} not yours: {', '.join(others)}"
    where = f"{root} on {platform}" if platform else root
    start = f"`robenv up --platform {platform}`" if platform else "`robenv up`"
    raise ContainerNotFound(f"nothing runs for {where}: {state}", hint=f"{start} starts {'yours' if others else 'it'}")


def containers_of_others(engine: Engine, place: FolderIdentity | None) -> list[str]:
    """Containers of other users, each with its user, which no command of this user's touches."""
    found = containers_in(engine, place)
    return [
        f"{one.name} ({user_name(owner_of(one.labels))})"
        for one in found
        if owner_of(one.labels) and not _is_mine(one.labels, place)
    ]


def _platform(container: ContainerInfo) -> str:
    """ "" for one that robenv has not made."""
    try:
        return str(json.loads(container.labels.get(LABEL_PLAN_JSON, ""))["platform"])
    except (ValueError, KeyError, TypeError):
        return ""


def stop_containers(engine: Engine, containers: list[ContainerInfo], timeout: float | None = None) -> list[str]:
    """Stops what runs; the names of what was stopped."""
    running = [container for container in containers if container.running]
    for container in running:
        engine.stop(container.id, timeout)
    return [container.name for container in running]


def remove_environment(
    engine: Engine, place: FolderIdentity | None, volumes: bool, timeout: float | None = None
) -> list[str]:
    """Removes the user's own containers, networks that nobody is left on, and with ``volumes`` what was kept; returns
    the names."""
    removed = []
    for container in containers_of(engine, place):
        if container.running:
            engine.stop(container.id, timeout)
        engine.remove_container(container.id, force=True)
        mounted.forget_inodes(container.name)
        removed.append(container.name)
    for network in engine.networks({LABEL_NETWORK: None}):
        if _is_mine(network.labels, place, network.name) and engine.remove_network(network.id):
            removed.append(network.name)
    for volume in engine.volumes({LABEL_PROJECT: None}) if volumes else ():
        if _is_mine(volume.labels, place, volume.name):
            engine.remove_volume(volume.name)
            removed.append(volume.name)
    return removed
