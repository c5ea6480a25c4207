"""What a container may do to the host it runs on, in plain lines. Pure.

An ordinary container has none of these powers: Docker's own capabilities, its seccomp profile, a network and volumes of
its own, and the project's folder. Lines say the same in the same words every time, since approvals are given to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from robenv.plan.models import RunPlan
from robenv.plan.trust import devices, isolation, mounts, network, settings
from robenv.plan.trust.allow_list import unjudged
from robenv.plan.trust.model import HostAccess, HostPlaces, Teller, normal, within
from robenv.util.sanitize import safe


def host_access(plan: RunPlan, places: HostPlaces) -> tuple[HostAccess, ...]:
    """Every power over the host that the plan's container has, each once, in one order for all plans."""
    found = (HostAccess(kind, safe(text)) for kind, tell in _KINDS for text in tell(plan, places))
    return tuple(dict.fromkeys(found))


def _unjudged(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    return unjudged(plan)


_KINDS: tuple[tuple[str, Teller], ...] = (
    ("privileged", isolation.privileged),
    ("root", isolation.root),
    ("user", isolation.users),
    ("engine", mounts.engine_socket),
    ("folder", mounts.folders),
    ("folder", mounts.volumes),
    ("folder", mounts.mount_options),
    ("folder", mounts.exchangeable),
    ("network", network.network),
    ("network", network.ports),
    ("namespace", isolation.namespaces),
    ("capability", isolation.capabilities),
    ("security", isolation.security),
    ("device", devices.devices),
    ("gpu", devices.gpu),
    ("session", devices.session),
    ("realtime", settings.realtime),
    ("logging", settings.logging),
    ("setting", settings.others),
    ("setting", _unjudged),
)


def file_access(paths: Iterable[str], own: Iterable[str]) -> tuple[HostAccess, ...]:
    """Files of the host outside the folders ``own`` that are taken into the image or its environment."""
    folders = [folder for folder in own if folder]
    outside = {normal(path) for path in paths if path and not any(within(normal(path), folder) for folder in folders)}
    return tuple(HostAccess("folder", safe(f"takes in a copy of {path}")) for path in sorted(outside))


def secret_access(secrets: Iterable[str], agent: bool, network: bool = False) -> tuple[HostAccess, ...]:
    """What a build's steps get of the user while they run, and may send anywhere."""
    found = [
        HostAccess("secret", f"what it puts into the image runs where a build step reads {name}")
        for name in sorted(secrets)
    ]
    if agent:
        found.append(
            HostAccess(
                "session", "what it puts into the image runs where a build step may use the keys in your ssh agent"
            )
        )
    if network:
        found.append(
            HostAccess(
                "network", "what it puts into the image runs, as it is built, in the network of the engine's machine"
            )
        )
    return tuple(found)
