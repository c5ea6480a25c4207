"""What somebody else's profile takes away of what the user's own files say. Pure.

Compared is the container with and without the strangers. Whatever the user's own files set, and is another way with
the strangers in the chain, is told, unless it is among what only concerns the inside of the container, is itself a
power (to have less of that is no loss), or is stricter than before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

from robenv.plan.privileges import DOCKER_DEFAULT, NO_NEW_PRIVILEGES, blocks_new_privileges
from robenv.plan.trust.isolation import security_option
from robenv.plan.trust.model import Power
from robenv.plan.values import RunPlan
from robenv.profile.excerpt import safe

INSIDE = frozenset(
    (
        "project", "directory", "name", "image", "platform", "home_volume", "working_dir", "entrypoint", "command",
        "environment", "hostname", "domainname", "expose", "init", "stop_signal", "stop_grace_period",
        "only_these_groups",
        "shm_size", "mem_reservation", "mem_swappiness", "dns_opt",
    )
)  # fmt: skip
"""Fields of RunPlan that protect nothing outside the container."""
POWERS = frozenset(
    (
        "user", "privileged", "group_add", "groups", "devices", "device_cgroup_rules", "device_requests", "session",
        "cap_add", "ports", "pid", "uts", "userns_mode", "cgroup_parent", "restart", "cpu_rt_runtime",
        "cpu_rt_period", "oom_kill_disable", "oom_score_adj", "cpu_shares",
    )
)  # fmt: skip
"""Fields of RunPlan in which more is a power that is told by itself, and less is none."""


def weakened(own: RunPlan, whole: RunPlan) -> tuple[Power, ...]:
    """What of the plan of the user's own files alone does not hold in the plan of all."""
    found = [Power("weaker", safe(text)) for tell in _TELLERS for text in tell(own, whole)]
    return tuple(dict.fromkeys(found))


def _network(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    if _is_isolated(own) and not _is_isolated(whole):
        yield "a network, where your own files give it none that leads out"
        return
    shut = {one.network.key for one in own.networks if one.network.internal}
    yield from (
        f"a way out of the network {one.network.key}, which your own files shut off (internal)"
        for one in whole.networks
        if one.network.key in shut and not one.network.internal
    )


def _is_isolated(plan: RunPlan) -> bool:
    return plan.network_mode == "none" or (bool(plan.networks) and all(one.network.internal for one in plan.networks))


def _capabilities(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    told = set(whole.cap_add) - DOCKER_DEFAULT
    gained = _bounding_set(whole) - _bounding_set(own) - told
    if gained and not whole.privileged:
        yield f"capabilities that it would not have by your own files: {', '.join(sorted(gained))}"


def _bounding_set(plan: RunPlan) -> frozenset[str]:
    """As the engine makes it up: what is dropped, then what is added. ALL stands for itself."""
    dropped = set(plan.cap_drop)
    kept = frozenset() if "ALL" in dropped else DOCKER_DEFAULT - dropped
    return kept | frozenset(plan.cap_add)


def _security(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    if blocks_new_privileges(own) and not blocks_new_privileges(whole) and not whole.privileged:
        yield "new privileges by setuid programs, which your own files bar (no-new-privileges)"
    kept = {security_option(option)[::2] for option in whole.security_opt}
    for option in own.security_opt:
        name, _, value = security_option(option)
        if name != NO_NEW_PRIVILEGES and (name, value) not in kept:
            yield f"less than your own files demand: {_brief(option)} does not hold"


def _mounts(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    """Those that robenv makes itself, of home and workspace, follow what the profile calls them."""
    there = {mount.target.rstrip("/"): mount for mount in whole.mounts}
    for mount in own.mounts:
        if mount.source == own.home_volume or (mount.kind, mount.source) == ("bind", own.directory):
            continue
        now = there.get(mount.target.rstrip("/"))
        if now is None or (now.kind, now.source) != (mount.kind, mount.source):
            yield f"something else at {mount.target} than your own files mount there"
        elif mount.read_only and not now.read_only:
            yield f"writes to {mount.target}, which your own files mount read-only"


def _limits(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    for name in ("mem_limit", "memswap_limit", "pids_limit", "cpus", "cpu_quota", "blkio_weight"):
        before, now = getattr(own, name), getattr(whole, name)
        if before is not None and before > 0 and (now is None or now <= 0 or now > before):
            yield _changed(name, before, now)
    if own.cpu_quota and (own.cpu_period or 0) > (whole.cpu_period or 0):
        yield _changed("cpu_period", own.cpu_period, whole.cpu_period)
    if own.cpuset and own.cpuset != whole.cpuset:
        yield _changed("cpuset", own.cpuset, whole.cpuset)
    limits = {one.name: one for one in whole.ulimits}
    for limit in own.ulimits:
        now = limits.get(limit.name)
        if limit.hard >= 0 and (now is None or now.hard < 0 or now.hard > limit.hard):
            yield _changed(f"ulimits.{limit.name}", limit.hard, None if now is None else now.hard)
    disks = {(one.path, one.kind): one.value for one in whole.blkio_limits}
    for disk in own.blkio_limits:
        value = disks.get((disk.path, disk.kind))
        if value is None or value > disk.value:
            yield _changed(f"blkio_config, {disk.kind} of {disk.path}", disk.value, value)


def _simple(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    if own.read_only and not whole.read_only:
        yield _changed("read_only", True, False)
    for name, usual in _USUAL.items():
        before, now = getattr(own, name), getattr(whole, name)
        if before not in usual and before != now:
            yield _changed(name, before, now)
    for name in _LISTS:
        lost = [item for item in getattr(own, name) if item not in getattr(whole, name) and not _is_robenvs(name, item)]
        yield from (f"run.{name} without what your own files say: {_brief(_shown(item))}" for item in lost)


_USUAL: dict[str, tuple[Any, ...]] = {
    "ipc": ("", "host", "shareable"), "cgroup": ("", "host"), "runtime": ("", "runc", "crun", "nvidia"),
    "logging_driver": ("",), "healthcheck": (None,),
}  # fmt: skip
"""Values that shut nothing off, by field: to lose any other is told."""
_LISTS = ("dns", "dns_search", "extra_hosts", "sysctls", "labels", "logging_options", "storage_opt")


def _is_robenvs(name: str, item: Any) -> bool:
    """Labels in which robenv itself notes what the plan is."""
    return name == "labels" and str(item[0]).startswith("robenv.")


def _changed(name: str, before: Any, now: Any) -> str:
    after = "is not set" if now in (None, "") else f"becomes {_brief(_shown(now))}"
    return f"run.{name}, which your own files set to {_brief(_shown(before))}, {after}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple) and len(value) == 2:
        return "=".join(map(str, value))
    return str(value)


def _brief(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


JUDGED = frozenset(
    (
        "network_mode", "networks", "cap_drop", "security_opt", "mounts", "mem_limit", "memswap_limit", "pids_limit",
        "cpus", "cpu_quota", "cpu_period", "blkio_weight", "cpuset", "ulimits", "blkio_limits", "read_only",
        *_USUAL, *_LISTS,
    )
)  # fmt: skip
"""Fields that the tellers compare."""


def unjudged(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    """Fields that nobody has found harmless to lose, where they are another way than by the user's own files."""
    known = INSIDE | POWERS | JUDGED
    for field in fields(own):
        before, now = getattr(own, field.name), getattr(whole, field.name)
        if field.name not in known and before != now and before != field.default:
            yield _changed(field.name, before, now)


_TELLERS: tuple[Callable[[RunPlan, RunPlan], Iterator[str]], ...] = (
    _network, _capabilities, _security, _mounts, _limits, _simple, unjudged,
)  # fmt: skip
