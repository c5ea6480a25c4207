"""Settings by which a container reaches the host's scheduler, its logs, its kernel or its other programs. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from robenv.plan.models import RunPlan
from robenv.plan.trust.model import HostPlaces


def realtime(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    limited = _limited(plan)
    if is_realtime(plan):
        yield "realtime priorities: may keep the host's other programs from running"
    if "memlock" in limited:
        yield "memory that the host cannot swap out (memlock)"
    if "nice" in limited:
        yield "higher priorities than the host's other programs (nice)"
    if plan.oom_kill_disable:
        yield "memory without end: the kernel does not kill it for want of memory (oom_kill_disable)"


def is_realtime(plan: RunPlan) -> bool:
    budget = plan.cpu_rt_runtime or plan.cpu_rt_period
    return "rtprio" in _limited(plan) or "SYS_NICE" in plan.cap_add or bool(budget)


def _limited(plan: RunPlan) -> set[str]:
    """The limits that are raised above none."""
    return {ulimit.name for ulimit in plan.ulimits if ulimit.hard}


def others(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    yield from (f"the kernel setting {name}={value}" for name, value in sorted(plan.sysctls))
    yield from _blkio(plan)
    yield from (
        f"the label {name}={_exact(value)}, by which other programs of the host may act"
        for name, value in plan.labels
        if not is_plain_label(name)
    )
    yield from (f"the storage option {name}={value}" for name, value in plan.storage_opt if name != "size")
    if plan.cgroup_parent:
        yield f"a place in the host's control groups: {plan.cgroup_parent}"
    if plan.restart not in ("", "no") and not plan.restart.startswith("on-failure"):
        yield f"starts again by itself, also when the host starts (restart: {plan.restart})"


_PLAIN_LABELS = ("robenv.", "org.opencontainers.image.")
"""Prefixes of labels that only describe."""
_PLAIN_NAMES = ("description", "maintainer", "vendor", "version")
_PLAIN_VALUE = re.compile(r"[\w@%+=:./-]*", re.ASCII)
USUAL_WEIGHT = 500
"""Of block devices; Docker's documentation of --blkio-weight."""


def is_plain_label(name: str) -> bool:
    """Whether a label only describes; programs such as proxies and schedulers take others for what they are to do."""
    return name.startswith(_PLAIN_LABELS) or name in _PLAIN_NAMES


def _exact(value: str) -> str:
    """So that no two values, or lists of them, read alike."""
    return value if _PLAIN_VALUE.fullmatch(value) else json.dumps(value)


def _blkio(plan: RunPlan) -> Iterator[str]:
    for limit in plan.blkio_limits:
        if limit.kind == "weight" and limit.value > USUAL_WEIGHT:
            yield f"goes before others at the disk {limit.path} (weight {limit.value})"


_LOCAL_DRIVERS = ("", "json-file", "local", "none")
_LOCAL_OPTIONS = (
    "compress", "env", "env-regex", "labels", "labels-regex", "max-buffer-size", "max-file", "max-size", "mode", "tag",
)  # fmt: skip
"""Options of those drivers, none of which leads anywhere: https://docs.docker.com/engine/logging/drivers/"""


def logging(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    """The engine, root in the host's network, writes where a logging driver is told to."""
    driver, options = plan.logging_driver, plan.logging_options
    if driver in _LOCAL_DRIVERS:
        told = [f"{name}={value}" for name, value in options if name not in _LOCAL_OPTIONS]
        yield from (f"the logging option {one}" for one in told)
        return
    said = ", ".join(f"{name}={_exact(value)}" for name, value in options)
    yield f"the engine writes its output elsewhere, as root and in the host's network ({driver}" + (
        f": {said})" if said else ")"
    )
