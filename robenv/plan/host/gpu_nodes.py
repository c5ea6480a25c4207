"""GPUs that are had by their device nodes: AMD and Intel, what else Mesa drives, WSL2's. Pure."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from robenv.host.facts import DeviceNode, DrmCard, Facts
from robenv.plan.host.gpu_nvidia import has_driver
from robenv.plan.host.gpu_offer import GpuOffer, groups_of, refused, sift
from robenv.plan.host.requirements import Grant, MissingRequirement
from robenv.plan.models import Device, Mount

if TYPE_CHECKING:
    from robenv.profile.schema.host import Gpu

_NAMES = {"amd": "AMD", "intel": "Intel", "nvidia": "NVIDIA by Mesa", "other": "Mesa"}
_WSL_LIBRARIES = "/usr/lib/wsl"


def amd(wish: Gpu, facts: Facts) -> GpuOffer | None:
    """Its nodes under /dev/dri, and /dev/kfd for what computes. None where there is none."""
    cards = _cards(facts, "amd")
    if not cards:
        return None
    kfd = facts.gpu.kfd if not wish.capabilities or "compute" in wish.capabilities else None
    offer = _nodes(wish, cards, (kfd,) if kfd else ())
    if kfd is None and "compute" in wish.capabilities and not offer.problem:
        index = wish.capabilities.index("compute")
        requirement = MissingRequirement(
            ("gpu", "capabilities", index), f"{offer.what} has no /dev/kfd to compute with", "sudo modprobe amdgpu"
        )
        return GpuOffer(offer.what, offer.grant, unmet=(*offer.unmet, requirement))
    return offer


def intel(wish: Gpu, facts: Facts) -> GpuOffer | None:
    cards = _cards(facts, "intel")
    return _nodes(wish, cards) if cards else None


def mesa(wish: Gpu, facts: Facts) -> GpuOffer | None:
    """Everything else that renders: a Raspberry Pi's, a virtual machine's, an NVIDIA card without NVIDIA's driver.

    A card without a render node only shows pictures: a server's console.
    """
    cards = _cards(facts, "other") + (() if has_driver(facts) else _cards(facts, "nvidia"))
    cards = tuple(card for card in cards if any("renderD" in node.path for node in card.nodes))
    if not cards or facts.gpu.tegra or facts.gpu.dxg:
        return None
    return _nodes(wish, cards, incidental=True)


def wsl(wish: Gpu, facts: Facts) -> GpuOffer | None:
    """As in Microsoft's own containers of WSLg: the node, and Windows' libraries by LD_LIBRARY_PATH."""
    if not facts.gpu.dxg:
        return None
    nodes = _own_nodes(_cards(facts, "other"))
    grant = Grant(
        devices=tuple(Device(path, path, "rw") for path in ("/dev/dxg", *(node.path for node in nodes))),
        groups=groups_of(nodes),
        mounts=(Mount("bind", _WSL_LIBRARIES, _WSL_LIBRARIES, read_only=True),),
        environment=(("LD_LIBRARY_PATH", f"{_WSL_LIBRARIES}/lib"),),
    )
    message = "WSL2 gives all GPUs of Windows or none: they cannot be chosen by `devices`"
    unmet = (MissingRequirement(("gpu", "devices"), message),) if wish.devices else ()
    return GpuOffer("WSL2's GPU", grant, unmet=unmet, incidental=True)


def _cards(facts: Facts, vendor: str) -> tuple[DrmCard, ...]:
    return tuple(card for card in facts.gpu.cards if card.vendor == vendor)


def _own_nodes(cards: tuple[DrmCard, ...]) -> tuple[DeviceNode, ...]:
    """Without the links to them."""
    return tuple(node for card in cards for node in card.nodes if not node.target)


def _nodes(
    wish: Gpu, cards: tuple[DrmCard, ...], also: tuple[DeviceNode, ...] = (), *, incidental: bool = False
) -> GpuOffer:
    what = f"{_NAMES[cards[0].vendor]} ({', '.join(card.name for card in cards)})"
    names = [PurePosixPath(node.path).name for node in _own_nodes(cards)]
    found, unmet = sift(wish, lambda device: any(_is(card, device) for card in cards), names, what)
    if wish.devices and not found:
        return refused(what, unmet)
    chosen = tuple(card for card in cards if not found or any(_is(card, device) for device in found))
    nodes = (*also, *_own_nodes(chosen))
    grant = Grant(devices=tuple(Device(node.path, node.path, "rw") for node in nodes), groups=groups_of(nodes))
    return GpuOffer(what, grant, unmet=unmet, incidental=incidental)


def _is(card: DrmCard, device: str) -> bool:
    """By the card's number, its name, or one of its nodes: ``1``, ``card1``, ``renderD129``, ``/dev/dri/by-path/…``."""
    paths = {node.path for node in card.nodes}
    return device in ("all", card.name, card.name.removeprefix("card")) or bool(paths & {device, f"/dev/dri/{device}"})
