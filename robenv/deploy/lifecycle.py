"""What a person does with a project on a robot besides deploying: stop it, start it, restart it, take it off.

Each returns (state, release ID) for the report, while the robot's lock is held.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from robenv.deploy.condition import condition
from robenv.deploy.guard import remove_guard
from robenv.deploy.release_state import ReleaseState, release_id, release_state
from robenv.deploy.status import not_on_robot
from robenv.engine.protocol import ContainerInfo, Engine
from robenv.errors import OperationFailed
from robenv.plan.names import LABEL_DIRECTORY, LABEL_NETWORK, LABEL_PROJECT
from robenv.remote.connection import Connection

Act = Callable[[Connection, str], tuple[str, str]]
"""On the robot of a connection, with a project of that name."""


def stop(timeout: float | None = None) -> Act:
    """It stays stopped until somebody starts it, or until the robot boots: it is still what the robot boots into."""

    def act(connection: Connection, project: str) -> tuple[str, str]:
        found, release = _found(connection, project)
        running = _standbys_first(found)
        remove_guard(connection.engine, project)
        for one in running:
            connection.engine.stop(one.id, timeout)
        return "stopped" if running else "unchanged", release_id(release)

    return act


def start() -> Act:
    def act(connection: Connection, project: str) -> tuple[str, str]:
        found, release = _found(connection, project)
        if found.running is not None:
            return "unchanged", release_id(found.running)
        connection.engine.start(_confirmed(found, release).id)
        return "started", release_id(release)

    return act


def restart(timeout: float | None = None) -> Act:
    """By the engine itself, so that a link that breaks in between leaves nothing stopped."""

    def act(connection: Connection, project: str) -> tuple[str, str]:
        found, release = _found(connection, project)
        if not release.running:
            _confirmed(found, release)
        connection.engine.restart(release.id, timeout)
        return "restarted", release_id(release)

    return act


def remove(volumes: bool = False, timeout: float | None = None) -> Act:
    """Releases, what they shared, networks and images; ``volumes``: also what was kept of their data."""

    def act(connection: Connection, project: str) -> tuple[str, str]:
        found, release = _found(connection, project)
        engine = connection.engine
        remove_guard(engine, project)
        for one in _standbys_first(found):
            engine.set_restart_policy(one.id, "no")  # else the robot boots into it where this breaks off
            engine.stop(one.id, timeout)
        for one in found.releases:
            engine.remove_container(one.id, force=True)
        _remove_rest(engine, project, volumes)
        return "removed", release_id(release)

    return act


def _remove_rest(engine: Engine, project: str, volumes: bool) -> None:
    from robenv.plan.names import release_volume

    for network in engine.networks({LABEL_PROJECT: project, LABEL_NETWORK: None}):
        if not network.labels.get(LABEL_DIRECTORY):  # a developer's have their folder
            engine.remove_network(network.id)
    for volume in engine.volumes({LABEL_PROJECT: project}):
        own = volume.name == release_volume(project)
        if own or (volumes and not volume.labels.get(LABEL_DIRECTORY)):
            engine.remove_volume(volume.name)
    for image in engine.images({LABEL_PROJECT: project}):
        for tag in image.tags or (image.id,):
            with suppress(OperationFailed):  # something else on that machine uses it
                engine.remove_image(tag)


def _found(connection: Connection, project: str) -> tuple[ReleaseState, ContainerInfo]:
    """What is there, and the release that runs, or would. Raises ContainerNotFound."""
    found = release_state(connection.engine, project)
    release = condition(found.releases, found.running, "").release
    if release is None:
        raise not_on_robot(connection, project)
    return found, release


def _standbys_first(found: ReleaseState) -> list[ContainerInfo]:
    """What runs; one that waits for its turn must not get it when the other is stopped."""
    running = [release for release in found.releases if release.running]
    return sorted(running, key=lambda one: found.running is not None and one.id == found.running.id)


def _confirmed(found: ReleaseState, release: ContainerInfo) -> ContainerInfo:
    if found.booting is None or found.booting.id != release.id:
        raise OperationFailed(
            f"no release that was confirmed is there; the last one, {release.name}, is {release.status}",
            hint="`robenv deploy` puts one there",
        )
    return release
