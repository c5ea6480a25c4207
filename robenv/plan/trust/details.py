"""What stands behind lines that say the same of several values: an approval is given to these values. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass
from typing import Any

from robenv.plan.host.capabilities import NO_NEW_PRIVILEGES
from robenv.plan.models import RunPlan
from robenv.plan.trust.devices import uses_gpu_node
from robenv.plan.trust.isolation import security_option

PREFIX = "= "
"""Of a detail, which no line begins with."""
_LIMITS = ("rtprio", "memlock", "nice")


def details(own: RunPlan | None, whole: RunPlan) -> tuple[str, ...]:
    """Of all that ``whole`` has and ``own`` has not, a digest each."""
    before = set(_values(own)) if own is not None else set()
    return tuple(f"{PREFIX}{_digest(fromkey)}" for fromkey in dict.fromkeys(_values(whole)) if fromkey not in before)


def _values(plan: RunPlan) -> Iterator[str]:
    yield from (_exact("device", device) for device in plan.devices if not uses_gpu_node(device))
    yield from (_exact("rule", rule) for rule in plan.device_cgroup_rules)
    yield from (_exact("request", request) for request in plan.device_requests)
    yield from (_exact("option", one) for one in plan.security_opt if security_option(one)[0] != NO_NEW_PRIVILEGES)
    yield from (_exact("limit", ulimit) for ulimit in plan.ulimits if ulimit.name in _LIMITS)
    yield from (_exact(name, getattr(plan, name)) for name in ("cpu_rt_runtime", "cpu_rt_period"))


def _exact(kind: str, value: Any) -> str:
    return json.dumps([kind, asdict(value) if is_dataclass(value) and not isinstance(value, type) else value])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
