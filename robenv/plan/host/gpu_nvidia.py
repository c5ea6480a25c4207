"""NVIDIA's GPUs: cards through the container toolkit or CDI, and Jetsons through the toolkit's runtime. Pure.

How Docker Engine takes them: daemon/nvidia_linux.go and daemon/cdi.go of moby. The driver's parts are asked for in
NVIDIA_DRIVER_CAPABILITIES alone and never in the device request, since Docker Engine knows only some of them.
"""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from robenv.host.facts import Facts
from robenv.plan.host.gpu_offer import NOTHING, GpuOffer, groups_of, refused, sift, tells_nothing
from robenv.plan.host.requirements import Grant, MissingRequirement
from robenv.plan.models import DeviceRequest, Mount, Pairs

if TYPE_CHECKING:
    from robenv.profile.schema.host import Gpu

REGISTER_RUNTIME = "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker"
ENABLE_CDI = "sudo nvidia-ctk runtime configure --runtime=docker --cdi.enabled && sudo systemctl restart docker"
WRITE_CDI_SPEC = "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
INSTALL_TOOLKIT = f"sudo apt-get install nvidia-container-toolkit && {REGISTER_RUNTIME}"
TOOLKIT_ARCHIVE = "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html"

DEFAULT_CAPABILITIES = ("compute", "utility", "graphics", "video", "display")
"""Without graphics and display, which the toolkit leaves out by itself, no window of OpenGL or Vulkan opens."""

CDI_KINDS = {"nvidia": "nvidia.com/gpu", "amd": "amd.com/gpu", "intel": "intel.com/gpu"}

_JETSON_NODES = ("/dev/nvhost-*", "/dev/nvmap", "/dev/nvgpu*", "/dev/dri/*", "/dev/video*", "/dev/i2c-*", "/dev/gpio*")


def install_driver(facts: Facts) -> str:
    """The command, as far as the distribution is known."""
    known = {"ubuntu": "sudo ubuntu-drivers install", "debian": "sudo apt-get install nvidia-driver"}
    for name in (facts.distribution.id, *facts.distribution.like):
        if name in known:
            return f"{known[name]} && sudo reboot"
    return "install NVIDIA's driver with the distribution's packages, and restart the machine"


def jetson(wish: Gpu, facts: Facts) -> GpuOffer | None:
    """None where the machine is not one. Its runtime alone will do: it refuses the hook of a device request."""
    tegra = facts.gpu.tegra
    if tegra is None:
        return None
    what = f"the Jetson (L4T {tegra.l4t})"
    files = tuple(Mount("bind", path, path, read_only=True) for path in facts.gpu.jetson_files)
    nodes = (node for node in facts.devices if any(fnmatch(node.path, pattern) for pattern in _JETSON_NODES))
    extra = Grant(mounts=files, groups=groups_of(nodes))
    if "nvidia" in facts.engine.runtimes or tells_nothing(facts):
        return _runtime(wish, facts, what, extra)
    if does_cdi(facts) and cdi_devices(facts, "nvidia"):
        return cdi(wish, facts, "nvidia", what, extra)
    problem = "the engine has no runtime `nvidia`"
    return GpuOffer(what, problem=problem, hint=REGISTER_RUNTIME if facts.gpu.nvidia_toolkit else INSTALL_TOOLKIT)


def card(wish: Gpu, facts: Facts) -> GpuOffer | None:
    """None where the machine has no NVIDIA card. In WSL2 the driver is Windows', and only the toolkit hints at one."""
    gpu, runtime = facts.gpu, "nvidia" in facts.engine.runtimes
    if gpu.tegra:
        return None  # it has the driver and no card
    in_wsl = gpu.dxg and (gpu.nvidia_toolkit or wish.vendor == "nvidia")
    if not has_driver(facts) and not in_wsl:
        if not any(one.vendor == "nvidia" for one in gpu.cards):
            return None
        return GpuOffer("the NVIDIA card", problem="NVIDIA's driver is not loaded", hint=install_driver(facts))
    driver = f"driver {gpu.nvidia_driver}" if gpu.nvidia_driver else "Windows' driver"
    what = f"NVIDIA ({', '.join(one.name for one in gpu.nvidia if one.name) or driver})"
    if not runtime and does_cdi(facts) and cdi_devices(facts, "nvidia"):
        return cdi(wish, facts, "nvidia", what)
    if facts.engine.podman and not runtime:
        problem = "Podman takes no GPU by Docker's API: it would leave it away and say nothing"
        return GpuOffer(what, problem=problem, hint="use Docker Engine with the NVIDIA Container Toolkit")
    if gpu.nvidia_hook and not facts.engine.podman:
        return _device_request(wish, facts, what)
    if runtime:
        return _runtime(wish, facts, what)
    if gpu.nvidia_toolkit:
        return GpuOffer(what, problem="the engine has no runtime `nvidia`", hint=REGISTER_RUNTIME)
    problem = f"the NVIDIA Container Toolkit is not installed, which is in NVIDIA's own archive ({TOOLKIT_ARCHIVE})"
    return GpuOffer(what, problem=problem, hint=INSTALL_TOOLKIT)


def has_driver(facts: Facts) -> bool:
    return bool(facts.gpu.nvidia_driver or facts.gpu.nvidia)


def elsewhere(wish: Gpu, facts: Facts) -> GpuOffer:
    """For an engine on another machine: what is here is not there, so that only the engine's own word counts."""
    what = "the GPU of the engine's machine"
    vendors = [wish.vendor] if wish.vendor else list(CDI_KINDS)
    for vendor in vendors:
        if cdi_devices(facts, vendor):
            return cdi(wish, facts, vendor, what)
    if wish.vendor in ("", "nvidia", "jetson") and "nvidia" in facts.engine.runtimes:
        return _runtime(wish, facts, what)
    problem = "the engine runs on another machine and tells of no GPU there; what this machine has does not count"
    return GpuOffer(what, problem=problem, hint="register the runtime `nvidia`, or CDI devices, with that engine")


def named_cdi(wish: Gpu, facts: Facts) -> GpuOffer | None:
    """For ``devices`` with names in CDI's own form, ``vendor.com/class=name``; None where there are none."""
    if not any(is_qualified(device) for device in wish.devices):
        return None
    return cdi(wish, facts, "nvidia", "CDI")


def is_qualified(device: str) -> bool:
    return "/" in device.partition("=")[0].lstrip("/") and "=" in device and not device.startswith("/")


def cdi(wish: Gpu, facts: Facts, vendor: str, what: str, extra: Grant = NOTHING) -> GpuOffer:
    """By the names of a CDI spec. A bare index or UUID is one of ``vendor``'s."""
    kind = CDI_KINDS[vendor]
    known = cdi_devices(facts, "")
    if not does_cdi(facts):
        return GpuOffer(what, problem="the engine does not do CDI", hint=enable_cdi(facts))
    if not known:
        return GpuOffer(what, problem="no CDI spec names a device", hint=WRITE_CDI_SPEC)
    names = {device: _cdi_name(device, kind, facts, known) for device in wish.devices}
    found, unmet = sift(wish, lambda device: names[device] in known, known, "CDI")
    if wish.devices and not found:
        return refused(what, unmet)
    all_of_kind = tuple(name for name in known if name.startswith(f"{kind}="))
    everything = (f"{kind}=all",) if f"{kind}=all" in known else all_of_kind
    chosen = tuple(dict.fromkeys(names[device] for device in found)) or everything
    request = DeviceRequest("cdi", device_ids=chosen)
    return GpuOffer(what, replace(extra, device_requests=(request,)), unmet=unmet)


def does_cdi(facts: Facts) -> bool:
    """Whether the engine takes CDI devices."""
    return bool(facts.engine.cdi_spec_dirs) or tells_nothing(facts)


def enable_cdi(facts: Facts) -> str:
    """How an engine that does not comes to do CDI."""
    version = tuple(int(part) for part in facts.engine.api_version.split(".") if part.isdigit())
    return ENABLE_CDI if version >= (1, 44) else "Docker Engine 25 is the first that does"


def cdi_devices(facts: Facts, vendor: str) -> tuple[str, ...]:
    """The names of CDI devices: as the engine tells them, else as this machine's specs do."""
    names = facts.engine.cdi_devices or (facts.gpu.cdi_devices if facts.engine.local else ())
    return tuple(name for name in names if not vendor or name.startswith(f"{CDI_KINDS.get(vendor)}="))


def _cdi_name(device: str, kind: str, facts: Facts, known: tuple[str, ...]) -> str:
    if is_qualified(device):
        return device
    if f"{kind}={device}" in known:
        return f"{kind}={device}"
    # A spec may name its devices by index only, or by UUID only.
    other = {one.uuid: str(one.index) for one in facts.gpu.nvidia} | {
        str(one.index): one.uuid for one in facts.gpu.nvidia
    }
    return f"{kind}={other.get(device, device)}"


def _device_request(wish: Gpu, facts: Facts, what: str) -> GpuOffer:
    found, unmet = _sift_nvidia(wish, facts, what)
    if wish.devices and not found:
        return refused(what, unmet)
    request = DeviceRequest("", count=0 if found else -1, device_ids=found, capabilities=(("gpu",),))
    if found == ("all",):
        request = DeviceRequest("", count=-1, capabilities=(("gpu",),))
    return GpuOffer(what, Grant(device_requests=(request,), environment=_driver_parts(wish)), unmet=unmet)


def _runtime(wish: Gpu, facts: Facts, what: str, extra: Grant = NOTHING) -> GpuOffer:
    found, unmet = _sift_nvidia(wish, facts, what)
    if wish.devices and not found:
        return refused(what, unmet)
    environment = (("NVIDIA_VISIBLE_DEVICES", ",".join(found) or "all"), *_driver_parts(wish))
    return GpuOffer(what, replace(extra, runtime="nvidia", environment=environment), unmet=unmet)


def _sift_nvidia(wish: Gpu, facts: Facts, what: str) -> tuple[tuple[str, ...], tuple[MissingRequirement, ...]]:
    """A machine whose cards could not be listed is taken at its word, and so is a part of a card (MIG)."""
    cards = facts.gpu.nvidia if facts.engine.local else ()
    known = {str(one.index) for one in cards} | {one.uuid for one in cards if one.uuid} | {"all"}
    names = [f"{one.index} ({one.uuid})" if one.uuid else str(one.index) for one in cards]
    return sift(wish, lambda device: not cards or device in known or device.startswith("MIG-"), names, what)


def _driver_parts(wish: Gpu) -> Pairs:
    return (("NVIDIA_DRIVER_CAPABILITIES", ",".join(wish.capabilities or DEFAULT_CAPABILITIES)),)
