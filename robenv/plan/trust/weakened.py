"""What somebody else's profile takes away of what the user's own files say. Pure.

Compared is the container with and without the strangers. Whatever the user's own files set, and is another way with
the strangers in the chain, is told, unless it is among what only concerns the inside of the container, is itself a
power (to have less of that is no loss), or is stricter than before. ``widened`` tells of powers that both give, and
of which there is more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from robenv.plan.host.capabilities import DOCKER_DEFAULT, NO_NEW_PRIVILEGES, blocks_new_privileges
from robenv.plan.models import Network, RunPlan
from robenv.plan.trust import widened
from robenv.plan.trust.isolation import security_option
from robenv.plan.trust.model import HostAccess
from robenv.plan.trust.settings import USUAL_WEIGHT
from robenv.util.sanitize import brief, safe

INSIDE = frozenset(
    (
        "project", "directory", "name", "prefix", "image", "platform", "home_volume", "working_dir", "entrypoint",
        "command",
        "environment", "hostname", "domainname", "expose", "init", "stop_signal", "stop_grace_period",
        "only_these_groups", "own_groups",
        "shm_size", "mem_reservation", "mem_swappiness", "dns_opt",
    )
)  # fmt: skip
"""Fields of RunPlan that protect nothing outside the container."""
POWERS = frozenset(
    (
        "privileged", "group_add", "groups", "session", "cap_add", "ports", "pid", "uts", "userns_mode",
        "restart", "oom_kill_disable",
    )
)  # fmt: skip
"""Fields of RunPlan in which more is a power that is told by itself, and less is none."""


def weakened(own: RunPlan, whole: RunPlan) -> tuple[HostAccess, ...]:
    """What of the plan of the user's own files alone does not hold in the plan of all."""
    found = [HostAccess("weaker", safe(text)) for tell in _TELLERS for text in tell(own, whole)]
    return tuple(dict.fromkeys(found))


def _network(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    if _is_isolated(own) and not _is_isolated(whole):
        yield "a network, where your own files give it none that leads out"
        return
    shut = {network.network.key for network in own.networks if network.network.internal}
    yield from (
        f"a way out of the network {network.network.key}, which your own files shut off (internal)"
        for network in whole.networks
        if network.network.key in shut and not network.network.internal
    )
    if whole.network_mode == "none" or not _is_chosen(own):
        return
    if own.network_mode and own.network_mode != whole.network_mode:
        yield _changed("network_mode", own.network_mode, whole.network_mode)
    elif own.networks:
        yield from _other_networks(own, whole)


def _is_chosen(plan: RunPlan) -> bool:
    """Whether it is on networks that somebody chose, and on no other, such as the one of a VPN's container."""
    return bool(plan.networks) or plan.network_mode not in ("", "default", "bridge", "host", "none")


def _other_networks(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    known = {network.network.key: network.network for network in own.networks}
    if not whole.networks:
        yield f"the engine's own network, instead of {', '.join(known)}"
    for now in (network.network for network in whole.networks):
        if now.key not in known:
            yield f"the network {now.key}, beside those that your own files name"
        elif _set_up(now) != _set_up(known[now.key]):
            yield f"the network {now.key}, set up otherwise than by your own files"


def _set_up(network: Network) -> Network:
    """What is told of by itself aside; the name of a project's own one is of no matter."""
    return replace(network, name=network.external * network.name, internal=False, attachable=False, enable_ipv6=False)


def _is_isolated(plan: RunPlan) -> bool:
    return plan.network_mode == "none" or (
        bool(plan.networks) and all(network.network.internal for network in plan.networks)
    )


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
    told = whole.privileged and not own.privileged
    if blocks_new_privileges(own) and not blocks_new_privileges(whole) and not told:
        yield "new privileges by setuid programs, which your own files bar (no-new-privileges)"
    kept = {security_option(option)[::2] for option in whole.security_opt}
    asked = {name for name, _, _ in map(security_option, own.security_opt) if name != NO_NEW_PRIVILEGES}
    for name, value in sorted(kept - {security_option(option)[::2] for option in own.security_opt}):
        if name in asked and value not in _OFF:
            yield f"another {name} beside that of your own files, of which the engine may take either"
    for option in own.security_opt:
        name, _, value = security_option(option)
        if name != NO_NEW_PRIVILEGES and value not in _OFF and (name, value) not in kept:
            yield f"less than your own files demand: {_brief(option)} does not hold"


_OFF = ("unconfined", "disable")
"""Values that are powers: to lose one is none."""


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
        elif now.options != mount.options:
            yield f"other options of the mount at {mount.target} than your own files give it"
    yield from _masks(own, whole)
    yield from _volumes_written(own, whole)


def _masks(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    """What the user's own files hide of the workspace by a mount upon it, which is there where the workspace is."""
    before, now = (
        {mount.target for mount in plan.mounts if (mount.kind, mount.source) == ("bind", plan.directory)}
        for plan in (own, whole)
    )
    for place in sorted(before - now):
        if any(mount.target.startswith(f"{place.rstrip('/')}/") for mount in own.mounts):
            yield f"the workspace elsewhere than at {place}, where your own files hide parts of it"


def _user(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    before, now = (f"{plan.user.uid}:{plan.user.gid}" for plan in (own, whole))
    if before != now:
        yield f"works as the user {now}, and not as {before}, as your own files say"


def _volumes_written(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    """Mounted at another place as well; folders of the host are told of by their paths."""
    named = [mount for mount in own.mounts if mount.kind == "volume" and mount.source]
    places = {one.target.rstrip("/") for one in named}
    shut = {one.source for one in named} - {one.source for one in named if not one.read_only}
    for mount in whole.mounts:
        if mount.source in shut and not mount.read_only and mount.target.rstrip("/") not in places:
            yield f"writes at {mount.target} to a volume that your own files mount read-only"


def _limits(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    for name, usual in _LIMITS.items():
        before, now = getattr(own, name), getattr(whole, name)
        limit = now if now is not None and now > 0 else usual
        if before is not None and before > 0 and (limit is None or limit > before):
            yield _changed(name, before, now)
    if own.memswap_limit != whole.memswap_limit and _swap(whole) > _swap(own):
        yield _changed("memswap_limit", own.memswap_limit, whole.memswap_limit)
    if _quota(whole) > _quota(own):
        name = "cpu_quota" if own.cpu_quota != whole.cpu_quota else "cpu_period"
        yield _changed(name, getattr(own, name), getattr(whole, name))
    if (own.oom_score_adj or 0) > max(whole.oom_score_adj or 0, 0):
        yield _changed("oom_score_adj", own.oom_score_adj, whole.oom_score_adj)
    if own.cpuset and own.cpuset != whole.cpuset:
        yield _changed("cpuset", own.cpuset, whole.cpuset)
    yield from _limits_of_parts(own, whole)


def _limits_of_parts(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    """Of processes, and of disks."""
    limits = {ulimit.name: ulimit for ulimit in whole.ulimits}
    for limit in own.ulimits:
        now = limits.get(limit.name)
        if limit.hard >= 0 and (now is None or now.hard < 0 or now.hard > limit.hard):
            yield _changed(f"ulimits.{limit.name}", limit.hard, None if now is None else now.hard)
    disks = {(limit.path, limit.kind): limit.value for limit in whole.blkio_limits}
    for disk in own.blkio_limits:
        value = disks.get((disk.path, disk.kind), USUAL_WEIGHT if disk.kind == "weight" else None)
        if value is None or value > disk.value:
            yield _changed(f"blkio_config, {disk.kind} of {disk.path}", disk.value, value)


_LIMITS = {"mem_limit": None, "pids_limit": None, "cpus": None, "blkio_weight": USUAL_WEIGHT, "cpu_shares": 1024}
"""And what holds where there is none; https://docs.docker.com/engine/containers/resource_constraints/"""
_CPU_PERIOD = 100_000
"""Microseconds, where none is named; likewise."""


def _swap(plan: RunPlan) -> float:
    """Memory and swap together, in bytes: twice the memory where nothing else is said."""
    both = plan.memswap_limit or 2 * (plan.mem_limit or 0)
    return both if both > 0 else math.inf


def _quota(plan: RunPlan) -> float:
    """Processors by the quota."""
    quota = plan.cpu_quota or 0
    return quota / (plan.cpu_period or _CPU_PERIOD) if quota > 0 else math.inf


def _simple(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    if own.read_only and not whole.read_only:
        yield _changed("read_only", True, False)
    for name, usual in _USUAL.items():
        before, now = getattr(own, name), getattr(whole, name)
        if before not in usual and before != now:
            yield _changed(name, before, now)
    if own.healthcheck and own.healthcheck.test and own.healthcheck != whole.healthcheck:
        yield f"another health check than that of your own files: {_brief(' '.join(own.healthcheck.test))}"
    for name in _LISTS:
        lost = [item for item in getattr(own, name) if item not in getattr(whole, name) and not _is_robenvs(name, item)]
        yield from (f"run.{name} without what your own files say: {_brief(_shown(item))}" for item in lost)


_USUAL: dict[str, tuple[Any, ...]] = {
    "ipc": ("", "host", "shareable"), "cgroup": ("", "host"), "runtime": ("", "runc", "crun", "nvidia"),
    "logging_driver": ("",), "cgroup_parent": ("",),
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
    return brief(text, 80)


JUDGED = frozenset(
    (
        "user", "network_mode", "networks", "cap_drop", "security_opt", "mounts", "mem_limit", "memswap_limit",
        "pids_limit",
        "cpus", "cpu_quota", "cpu_period", "cpu_shares", "blkio_weight", "cpuset", "ulimits", "blkio_limits",
        "read_only", "oom_score_adj", "cpu_rt_runtime", "cpu_rt_period", "devices", "device_cgroup_rules",
        "device_requests",
        "healthcheck", *_USUAL, *_LISTS,
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
    _network, _user, _capabilities, _security, _mounts, _limits, _simple, widened.devices, widened.gpu,
    widened.gpu_variables, widened.realtime, unjudged,
)  # fmt: skip
