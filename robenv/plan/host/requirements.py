"""What one wish of a profile (a GPU, a display, a device) adds to its container, as a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from robenv.plan.models import Device, DeviceRequest, Mount, Pairs, Ulimit


@dataclass(frozen=True)
class MissingRequirement:
    """Something that the profile requires and this machine has not. ``path`` is the key in the profile that asks."""

    path: tuple[str | int, ...]
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Grant:
    """What is added to a container. Grants are put together with ``combine``."""

    mounts: tuple[Mount, ...] = ()
    environment: Pairs = ()
    devices: tuple[Device, ...] = ()
    device_requests: tuple[DeviceRequest, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()
    """Supplementary GIDs of the user inside."""
    cap_add: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
    runtime: str = ""
    ipc: str = ""
    """For a container that has no IPC namespace of somebody else's."""
    cpu_rt_runtime: int | None = None
    """Microseconds of each period."""
    session: tuple[str, ...] = ()
    """Parts of the user's login session that a command gets when it starts: ``host/session/container_session``."""
    notes: tuple[str, ...] = ()
    """For the user: what was asked for with ``auto`` or ``optional`` and is not there, and why."""
    unmet: tuple[MissingRequirement, ...] = ()


def combine(grants: Sequence[Grant]) -> Grant:
    """All of them in one: lists appended without duplicates; of single values the first that is set."""
    merged: dict[str, object] = {}
    for field in fields(Grant):
        values = [getattr(grant, field.name) for grant in grants]
        if isinstance(field.default, tuple):
            merged[field.name] = tuple(dict.fromkeys(item for value in values for item in value))
        else:
            merged[field.name] = next((value for value in values if value), field.default)
    return Grant(**merged)  # type: ignore[arg-type]
