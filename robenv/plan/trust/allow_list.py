"""What of a container gives it nothing of its host: a closed list, field by field and value by value. Pure.

Whatever a RunPlan says that is neither here nor judged by a teller is a power, so that a field that is added later is
one until somebody has judged it. Written at the level of what the engine is told, and not of what a file says: several
spellings come to one value there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from robenv.plan.models import (
    Attachment,
    Device,
    DeviceRequest,
    DiskLimit,
    Healthcheck,
    Mount,
    Network,
    Pool,
    Port,
    RunPlan,
    Ulimit,
    User,
)
from robenv.util.sanitize import brief

Judge = Callable[[Any], bool]


def _anything(value: Any) -> bool:
    return True


def _at_most(limit: float) -> Judge:
    return lambda value: value <= limit


HARMLESS: dict[str, Judge] = {
    # What it is called, and what runs inside.
    **dict.fromkeys(("project", "directory", "name", "prefix", "image", "platform", "home_volume"), _anything),
    **dict.fromkeys(("working_dir", "entrypoint", "command", "healthcheck", "init", "stop_signal"), _anything),
    **dict.fromkeys(("hostname", "domainname", "dns", "dns_search", "dns_opt", "extra_hosts", "expose"), _anything),
    "only_these_groups": _anything,
    "own_groups": _anything,  # of what is mounted they open what their owner may open anyway
    "stop_grace_period": _at_most(600),  # seconds for which `stop` and `down` wait
    # Limits: an ordinary container has none, so that any is less.
    **dict.fromkeys(("read_only", "mem_limit", "mem_reservation", "memswap_limit", "mem_swappiness"), _anything),
    **dict.fromkeys(("cpus", "cpu_period", "cpu_quota", "cpuset", "pids_limit", "shm_size", "cap_drop"), _anything),
    "cpu_shares": _at_most(1024),  # Docker's own; more takes from others
    "blkio_weight": _at_most(500),
    "oom_score_adj": lambda value: value >= 0,  # below, the kernel ends others first
}
"""Of RunPlan."""

TOLD = frozenset(
    (
        "user", "environment", "mounts", "labels", "network_mode", "networks", "ports", "privileged", "cap_add",
        "security_opt", "group_add", "groups", "devices", "device_cgroup_rules", "device_requests", "session",
        "runtime", "restart", "oom_kill_disable", "cpu_rt_runtime", "cpu_rt_period", "blkio_limits", "sysctls",
        "ulimits", "cgroup_parent", "ipc", "pid", "uts", "userns_mode", "cgroup",
        "logging_driver", "logging_options", "storage_opt",
    )
)  # fmt: skip
"""Fields of which tellers judge every value."""

PARTS: dict[type, frozenset[str]] = {
    User: frozenset(("name", "uid", "gid", "home", "shell", "sudo")),
    Mount: frozenset(("kind", "source", "target", "read_only", "options")),
    Port: frozenset(("container", "host_ip", "host_port")),
    Ulimit: frozenset(("name", "soft", "hard")),
    Device: frozenset(("host", "container", "permissions")),
    DeviceRequest: frozenset(("driver", "count", "device_ids", "capabilities", "options")),
    DiskLimit: frozenset(("path", "kind", "value")),
    Healthcheck: frozenset(("test", "interval", "timeout", "start_period", "retries")),
    Attachment: frozenset(("network", "aliases", "ipv4_address", "ipv6_address")),
    Network: frozenset(
        (
            "name", "key", "driver", "options", "ipam_driver", "ipam_options", "pools", "external", "internal",
            "attachable", "enable_ipv6", "labels",
        )
    ),
    Pool: frozenset(("subnet", "gateway", "ip_range", "aux_addresses")),
}  # fmt: skip
"""What is judged of the values that a RunPlan holds."""


def unjudged(plan: RunPlan) -> Iterator[str]:
    """Everything that nobody has found harmless, in the profile's own words."""
    for field in fields(plan):
        value = getattr(plan, field.name)
        if _is_default(field, value):
            continue
        if field.name in TOLD:
            yield from _unjudged_parts(field.name, value)
        elif not HARMLESS.get(field.name, _nothing)(value):
            yield _setting(field.name, value)
        else:
            yield from _unjudged_parts(field.name, value)


def _nothing(value: Any) -> bool:
    return False


def _is_default(field: Field[Any], value: Any) -> bool:
    return field.default is not MISSING and value == field.default


def _unjudged_parts(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, tuple):
        for item in value:
            yield from _unjudged_parts(name, item)
    elif is_dataclass(value):
        for field in fields(value):
            part = getattr(value, field.name)
            if field.name not in PARTS.get(type(value), frozenset()) and not _is_default(field, part):
                yield _setting(f"{name}.{field.name}", part)
            else:
                yield from _unjudged_parts(f"{name}.{field.name}", part)


def _setting(name: str, value: Any) -> str:
    return f"the setting run.{name}: {brief(str(value))}"
