"""A profile's ``gpu`` on this machine: which GPU, by which way, and what is said where there is none. Pure.

Each way looks at the facts and makes an Offer, or none where the machine has no such GPU. The first offer that can be
used is taken; what it cannot meet of the wish, and what stood before it, is said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from robenv.plan.host import gpu_nodes, gpu_nvidia
from robenv.plan.host.requirements import Grant, MissingRequirement

if TYPE_CHECKING:
    from robenv.host.facts import Facts
    from robenv.plan.host.gpu_offer import GpuOffer
    from robenv.profile.schema.host import Gpu
    from robenv.profile.schema.profile import Profile

_Way = Callable[["Gpu", "Facts"], "GpuOffer | None"]

_WAYS: dict[str, tuple[_Way, ...]] = {
    "": (gpu_nvidia.jetson, gpu_nvidia.card, gpu_nodes.amd, gpu_nodes.intel, gpu_nodes.mesa, gpu_nodes.wsl),
    "jetson": (gpu_nvidia.jetson,),
    "nvidia": (gpu_nvidia.jetson, gpu_nvidia.card),
    "amd": (gpu_nodes.amd,),
    "intel": (gpu_nodes.intel,),
}
"""By ``vendor``, in the order in which they are taken."""


def plan_gpu(profile: Profile, facts: Facts) -> Grant:
    """What the container gets of a GPU. Without one, a profile that requires one has a Lack and any other a note."""
    wish = profile.gpu
    if wish is None or wish.mode == "none":
        return Grant()
    offers = offers_for(wish, facts)
    taken = next((offer for offer in offers if not offer.problem), None)
    if taken is None:
        return _without(wish, offers)
    notes = _choice(taken, offers)
    if wish.mode == "required":
        return replace(taken.grant, notes=notes, unmet=taken.unmet)
    return replace(taken.grant, notes=(*notes, *(f"gpu: {_sentence(requirement)}" for requirement in taken.unmet)))


def offers_for(wish: Gpu, facts: Facts) -> list[GpuOffer]:
    """What this machine has for a wish, usable or not, the most wanted first."""
    named = gpu_nvidia.named_cdi(wish, facts)
    if named is not None:
        return [named]
    if not facts.engine.local:
        return [gpu_nvidia.elsewhere(wish, facts)]
    return [offer for way in _WAYS[wish.vendor] if (offer := way(wish, facts)) is not None]


def _choice(taken: GpuOffer, offers: list[GpuOffer]) -> tuple[str, ...]:
    """For a machine with several: which was taken, and why."""
    before = offers[: offers.index(taken)]
    after = [offer.what for offer in offers if offer is not taken and not (offer.problem or offer.incidental)]
    if before:
        reasons = "; ".join(f"{offer.what} cannot be used: {_reason(offer)}" for offer in before)
        return (f"gpu: takes {taken.what}, since {reasons}",)
    if after:
        return (f"gpu: takes {taken.what} before {' and '.join(after)}; `vendor` or `devices` chooses another",)
    return ()


def _without(wish: Gpu, offers: list[GpuOffer]) -> Grant:
    if offers:
        found = "; ".join(f"{offer.what}: {offer.problem}" for offer in offers)
        hint = "; ".join(dict.fromkeys(offer.hint for offer in offers if offer.hint))
    elif wish.vendor:
        found, hint = f"this machine has no GPU of {wish.vendor}'s", "`gpu: auto` takes any, or none"
    else:
        found, hint = "this machine has no GPU", "`gpu: auto` comes up without one"
    if wish.mode == "required":
        return Grant(unmet=(MissingRequirement(_place(wish, offers), f"a GPU is required, and {found}", hint),))
    return Grant(notes=(f"gpu: comes up without one: {found}{f' ({hint})' if offers and hint else ''}",))


def _place(wish: Gpu, offers: list[GpuOffer]) -> tuple[str, ...]:
    if wish.vendor and not offers:
        return ("gpu", "vendor")
    if wish.devices and all("has no GPU" in offer.problem for offer in offers):
        return ("gpu", "devices")
    return ("gpu",)


def _reason(offer: GpuOffer) -> str:
    return f"{offer.problem} ({offer.hint})" if offer.hint else offer.problem


def _sentence(requirement: MissingRequirement) -> str:
    return f"{requirement.message} ({requirement.hint})" if requirement.hint else requirement.message
