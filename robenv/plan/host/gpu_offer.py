"""What one of a machine's GPUs, or one way to it, can give to a container. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from robenv.host.facts import DeviceNode, Facts
from robenv.plan.host.requirements import Grant, MissingRequirement

if TYPE_CHECKING:
    from robenv.profile.schema.host import Gpu

NOTHING = Grant()


@dataclass(frozen=True)
class GpuOffer:
    """``problem`` says why it cannot be used, "" where it can; ``hint`` what mends that."""

    what: str
    """``the NVIDIA card``"""
    grant: Grant = NOTHING
    problem: str = ""
    hint: str = ""
    unmet: tuple[MissingRequirement, ...] = ()
    """What of the wish it cannot meet, though it can be used."""
    incidental: bool = False
    """Beside another one it is not worth a word: it is what a virtual machine shows, or another way to the same."""


def sift(
    wish: Gpu, there: Callable[[str], bool], names: Iterable[str], what: str
) -> tuple[tuple[str, ...], tuple[MissingRequirement, ...]]:
    """Of ``gpu.devices``, those that are ``there``, and a Lack for each that is not; ``names`` is what there is."""
    found = tuple(device for device in wish.devices if there(device))
    listed = ", ".join(names)
    unmet = [
        MissingRequirement(
            ("gpu", "devices", index), f"{what} has no GPU {device}", f"there is: {listed}" if listed else ""
        )
        for index, device in enumerate(wish.devices)
        if device not in found
    ]
    return found, tuple(unmet)


def refused(what: str, unmet: tuple[MissingRequirement, ...]) -> GpuOffer:
    """For a wish that names devices of which none is there."""
    first = unmet[0]
    named = ", ".join(requirement.message.rpartition(" ")[2] for requirement in unmet)
    return GpuOffer(what, problem=f"it has no GPU {named}", hint=first.hint)


def groups_of(nodes: Iterable[DeviceNode]) -> tuple[int, ...]:
    """The groups, by number, that a user must be in to open these nodes. Root's is nobody's to be given."""
    closed = (node for node in nodes if node.mode & 0o006 != 0o006)
    return tuple(sorted({node.gid for node in closed if node.gid != 0 and node.mode & 0o060}))


def tells_nothing(facts: Facts) -> bool:
    """No engine was asked: what it has is taken to be there."""
    return not facts.engine.api_version
