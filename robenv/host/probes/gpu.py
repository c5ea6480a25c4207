"""What a machine has to compute and draw with, read from the kernel's own files: no vendor's program is run."""

from __future__ import annotations

import re

from robenv.host.facts import DrmCard, GpuFacts, NvidiaGpu, Tegra
from robenv.host.host import Host
from robenv.host.probes.board import read_model
from robenv.host.probes.cdi import read_cdi

_HOOK = "nvidia-container-runtime-hook"
_TOOLKIT = (_HOOK, "nvidia-container-toolkit", "nvidia-container-runtime")
"""The hook under its name and its older one, and the runtime, as NVIDIA's packages call them."""
_PROGRAMS = ("/usr/bin", "/usr/local/bin", "/usr/local/nvidia/toolkit")
_JETSON_FILES = ("/tmp/argus_socket", "/etc/enctune.conf", "/etc/nv_tegra_release", "/run/jtop.sock")  # noqa: S108
"""The camera daemon's socket, the encoder's settings, L4T's version, and jtop's socket."""
_VENDORS = {"10de": "nvidia", "1002": "amd", "8086": "intel"}
"""By PCI vendor ID."""
_VERSION = re.compile(r"Kernel Module\s+(?:for \S+\s+)?(\d+(?:\.\d+)+)")
_L4T = re.compile(r"# R(\d+) \(release\), REVISION: (\d+(?:\.\d+)*)")
_CARD = re.compile(r"/sys/class/drm/(card\d+)/device/(?:drm/)?([A-Za-z0-9]+)")


def read_gpu(host: Host, cdi_folders: tuple[str, ...] = ()) -> GpuFacts:
    """``cdi_folders``: where the engine looks for CDI specs; where it does not say, their usual places are read."""
    tegra = read_tegra(host)
    return GpuFacts(
        nvidia_driver=_driver(host),
        nvidia=_nvidia(host),
        nvidia_toolkit=any(_has_program(host, name) for name in _TOOLKIT),
        nvidia_hook=_has_program(host, _HOOK),
        tegra=tegra,
        cards=_cards(host),
        kfd=host.node("/dev/kfd"),
        dxg=host.kind("/dev/dxg") == "char",
        cdi_devices=read_cdi(host, cdi_folders),
        jetson_files=tuple(path for path in _JETSON_FILES if host.kind(path)) if tegra else (),
    )


def _has_program(host: Host, name: str) -> bool:
    return any(host.kind(f"{folder}/{name}") == "file" for folder in _PROGRAMS)


def _driver(host: Host) -> str:
    """/sys/module/nvidia/version, else what the driver says of itself: ``NVRM version: NVIDIA UNIX x86_64 Kernel
    Module  535.183.01  …``, or ``… Open Kernel Module for x86_64  570.133.07  …``."""
    version = (host.read("/sys/module/nvidia/version") or "").strip()
    if version:
        return version
    match = _VERSION.search(host.read("/proc/driver/nvidia/version") or "")
    return match[1] if match else ""


def _nvidia(host: Host) -> tuple[NvidiaGpu, ...]:
    """Numbered as nvidia-smi does, by PCI address. A GPU that sleeps tells no UUID."""
    gpus: list[NvidiaGpu] = []
    for path, text in sorted(host.texts("/proc/driver/nvidia/gpus/*/information").items()):
        fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in text.split("\n"))}
        uuid = fields.get("GPU UUID", "")
        bus = fields.get("Bus Location") or path.split("/")[-2]
        gpus.append(NvidiaGpu(len(gpus), fields.get("Model", ""), "" if "?" in uuid else uuid, bus))
    return tuple(gpus)


def read_tegra(host: Host) -> Tegra | None:
    """What kind of Jetson this is, by L4T's own file; None where it is none."""
    match = _L4T.match(host.read("/etc/nv_tegra_release") or "")
    if not match:
        return None
    return Tegra(f"{match[1]}.{match[2]}", read_model(host))


def _cards(host: Host) -> tuple[DrmCard, ...]:
    """Cards that have a node; a display connector (``card0-HDMI-A-1``) is none."""
    vendors = {
        match[1]: _vendor(text)
        for path, text in host.texts("/sys/class/drm/card*/device/uevent").items()
        if (match := _CARD.fullmatch(path))
    }
    names: dict[str, list[str]] = {}
    for path in host.glob("/sys/class/drm/card*/device/drm/*"):
        if match := _CARD.fullmatch(path):
            names.setdefault(match[1], []).append(match[2])
    cards = []
    for card in sorted(names, key=lambda name: int(name.removeprefix("card"))):
        nodes = [node for name in names[card] if (node := host.node(f"/dev/dri/{name}"))]
        if nodes:
            cards.append(DrmCard(card, vendors.get(card, "other"), tuple(nodes)))
    return tuple(cards)


def _vendor(uevent: str) -> str:
    """By ``PCI_ID=10DE:2704``; off PCI, by ``OF_COMPATIBLE_0=nvidia,tegra234-display``, the first part of which is the
    vendor's prefix of the device tree."""
    fields = dict(line.split("=", 1) for line in uevent.split("\n") if "=" in line)
    pci = fields.get("PCI_ID", "").partition(":")[0].lower()
    tree = fields.get("OF_COMPATIBLE_0", "").partition(",")[0]
    return _VENDORS.get(pci) or ("nvidia" if tree == "nvidia" else "other")
