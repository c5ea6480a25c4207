"""More of a power that the user's own files give already, where its line would say the same. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from robenv.plan.models import Device, RunPlan
from robenv.plan.trust.devices import gpu_requests, is_gpu_variable, node_of, uses_gpu_node
from robenv.plan.trust.settings import is_realtime


def devices(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    """A device or a rule about devices that the user's own files give for less: to read, and not to write."""
    known: dict[str, str] = {}
    for device in own.devices:
        known[node_of(device)] = known.get(node_of(device), "") + device.permissions
    for device in whole.devices:
        node = node_of(device)
        if node in known and not set(device.permissions) <= set(known[node]):
            yield f"the device {node} for {device.permissions}, which your own files give for {known[node]}"
    rules = dict(_rule(text) for text in own.device_cgroup_rules)
    for numbers, permissions in map(_rule, whole.device_cgroup_rules):
        if numbers in rules and not set(permissions) <= set(rules[numbers]):
            yield f"devices {numbers} for {permissions}, which your own files give for {rules[numbers]}"


def _rule(text: str) -> tuple[str, str]:
    """``c 188:* rmw`` → which devices, and what for."""
    numbers, _, permissions = text.rpartition(" ")
    return numbers, permissions


def gpu(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    """Another part of the GPU, or another one: all of them are called the same."""
    if not _has_gpu(own):
        return
    known = {node_of(device) for device in own.devices}
    yield from (f"more of the GPU: {node_of(node)}" for node in _gpu_nodes(whole) if node_of(node) not in known)
    if gpu_requests(whole) - gpu_requests(own):
        yield "more of the GPU: what the engine's GPU driver gives"
    if whole.runtime == "nvidia" != own.runtime:
        yield "more of the GPU: what the runtime nvidia gives"


def _has_gpu(plan: RunPlan) -> bool:
    return bool(gpu_requests(plan)) or plan.runtime == "nvidia" or any(_gpu_nodes(plan))


def _gpu_nodes(plan: RunPlan) -> Iterator[Device]:
    return (device for device in plan.devices if uses_gpu_node(device))


def gpu_variables(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    """Variables by which the user's own files keep a GPU's runtime from giving one, also where the image asks."""
    now = dict(whole.environment)
    for name, value in own.environment:
        if name.endswith("_VISIBLE_DEVICES") and not is_gpu_variable(name, value) and name not in now:
            yield f"a GPU that the image asks for: {name}={value} of your own files is not set"


def realtime(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    """The ways to realtime priorities, and how much of it."""
    if not is_realtime(own):
        return
    before, now = _rtprio(own), _rtprio(whole)
    if now > before:
        yield f"run.ulimits.rtprio becomes {now if now < _ENDLESS else -1}, beside what your own files give of realtime"
    for name in ("cpu_rt_runtime", "cpu_rt_period"):
        had, has = getattr(own, name), getattr(whole, name)
        if has and has != had and (had is None or has > had or name == "cpu_rt_period"):
            yield f"run.{name} becomes {has}, beside what your own files give of realtime"


_ENDLESS = 1 << 63


def _rtprio(plan: RunPlan) -> int:
    found = next((ulimit.hard for ulimit in plan.ulimits if ulimit.name == "rtprio"), 0)
    return found if found >= 0 else _ENDLESS
