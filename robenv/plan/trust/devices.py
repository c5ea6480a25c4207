"""Devices of the host, its GPU and the login session that a container has. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from robenv.catalog.devices import CLASSES
from robenv.plan.models import Device, RunPlan
from robenv.plan.trust.model import HostPlaces, is_one, normal
from robenv.plan.trust.mounts import X11_SOCKETS, binds

_DISKS = (
    "/dev/sd*", "/dev/nvme*", "/dev/vd*", "/dev/xvd*", "/dev/mmcblk*", "/dev/dm-*", "/dev/md*", "/dev/mapper/*",
    "/dev/disk/*", "/dev/loop*",
)  # fmt: skip
_GRAVE_DEVICES = (
    (("/dev/mem", "/dev/kmem", "/dev/port"), "the host's memory and ports"),
    (_DISKS, "a disk of the host, with all that is on it"),
    (("/dev/input", "/dev/input/*", "/dev/uinput"), "what is typed on the host, where it is a keyboard"),
    (("/dev/video*", "/dev/v4l/*"), "a camera"),
    (("/dev/snd", "/dev/snd/*"), "sound, microphones too"),
    (("/dev/bus/usb", "/dev/bus/usb/*"), "USB devices, of any kind"),
    (("/dev/kvm",), "virtual machines"),
)
_GPU_NODES = ("/dev/dri", "/dev/dri/*", "/dev/kfd", "/dev/nvidia*", "/dev/dxg", "/dev/nvhost*", "/dev/nvmap")


def devices(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    for device in plan.devices:
        node = node_of(device)
        if not is_one(node, _GPU_NODES):
            name = next((text for nodes, text in _GRAVE_DEVICES if is_one(node, nodes)), "")
            yield f"the device {node}" + (f": {name}" if name else "")
    for rule in plan.device_cgroup_rules:
        yield f"every device {_rule_name(rule)}, also one that is plugged in later"


def node_of(device: Device) -> str:
    """Its path as the kernel walks it: ``/dev/./vda`` is the disk ``/dev/vda``."""
    return posixpath.normpath(normal(device.host))


def _rule_name(rule: str) -> str:
    kind, _, rest = rule.partition(" ")
    numbers = rest.partition(" ")[0]
    major = numbers.partition(":")[0]
    drivers = [
        driver.name
        for device_class in CLASSES.values()
        for driver in device_class.drivers
        if str(driver.major) == major
    ]
    if kind == "c" and drivers and numbers.endswith(":*"):
        return f"of {drivers[0]} (c {numbers})"
    what = {"a": "there is", "b": "that is a disk", "c": "that is a character device"}.get(kind, "")
    return f"{what} ({kind} {numbers})" if "*" in major or kind == "a" else f"numbered {kind} {numbers}"


def gpu(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    for request in plan.device_requests:
        if request.driver == "cdi":
            yield from (f"what the host calls {name} (CDI)" for name in request.device_ids)
        elif any("gpu" in capabilities for capabilities in request.capabilities):
            yield "the GPU" + (f" {', '.join(request.device_ids)}" if request.device_ids else "")
        else:
            yield f"devices of the driver {request.driver or 'of the engine'}"
    if any(map(uses_gpu_node, plan.devices)):
        yield "the GPU"
    if plan.runtime == "nvidia":
        yield "the GPU"
    elif plan.runtime not in ("", "runc", "crun", "runsc"):
        yield f"the engine's runtime {plan.runtime}"
    yield from (gpu_variable(name, value) for name, value in plan.environment if is_gpu_variable(name, value))


def uses_gpu_node(device: Device) -> bool:
    return is_one(node_of(device), _GPU_NODES)


def gpu_requests(plan: RunPlan) -> frozenset[tuple[str, ...]]:
    """What is asked of the engine's GPU driver, by the GPUs that are named."""
    wanted = (request for request in plan.device_requests if any("gpu" in each for each in request.capabilities))
    return frozenset((one.driver, *one.device_ids) for one in wanted)


_GPU_VARIABLES = tuple(
    f"{maker}_VISIBLE_DEVICES" for maker in ("NVIDIA", "AMD", "HABANA", "ASCEND", "MTHREADS", "DCU", "VACC")
)
"""Those that the container runtimes of makers of accelerators read; a program inside reads CUDA_VISIBLE_DEVICES."""


def is_gpu_variable(name: str, value: str) -> bool:
    """Whether a runtime of a GPU's maker, where it is the engine's default, takes this variable for a request."""
    return name in _GPU_VARIABLES and value.strip().lower() not in ("", "none", "void")


def gpu_variable(name: str, value: str) -> str:
    return f"the GPU, where the engine's default runtime is its maker's ({name}={value})"


_PARTS = {
    "x11": "the X11 screen: sees every window and every key that is typed",
    "wayland": "windows on the Wayland screen",
    "pulseaudio": "sound: plays, and hears the microphone",
    "pipewire": "sound, and cameras that PipeWire has: plays, hears the microphone",
    "ssh_agent": "the ssh agent: signs in anywhere as you, while a command runs",
    "git": "your name and e-mail address, as your git has them",
}


def session(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    parts = list(plan.session)
    if any(normal(mount.source) == X11_SOCKETS for mount in binds(plan)):
        parts.append("x11")
    known = (_PARTS[part] for part in _PARTS if part in parts)
    yield from (*known, *(f"the login session's {part}" for part in parts if part not in _PARTS))
