"""Native tools in the root of another architecture: which ones, and how a build and a container get them. Pure.

The compilers of the engine's own architecture that make programs for the root's, of the release that the root is of,
lie in a folder of their own. Where a command finds that folder first in its PATH, its compiling is not emulated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from robenv.catalog.platforms import parse_platform, runs_natively
from robenv.catalog.suites import find_suite
from robenv.catalog.toolchains import cross_triplet, emulation_settings
from robenv.errors import HostRequirementMissing
from robenv.host.facts import Distribution
from robenv.plan.container.run import relabelled
from robenv.plan.models import Base, Bootstrap, Mount, Pairs, RunPlan
from robenv.plan.names import base_reference

PLACE = "/dev/robenv-native"
"""Where the tools are inside. A mount below /dev leaves nothing in the layer of a build step, unlike one elsewhere."""
ENTER = f"{PLACE}/bin/enter"
"""Runs its arguments with the tools first in PATH."""


@dataclass(frozen=True)
class ForeignBuild:
    """How an engine builds an image of an architecture that is not its own."""

    host: str
    """The engine's platform."""
    settings: Pairs
    """Environment of every step, and never of the image: how QEMU does it."""
    tools: Pairs = ()
    """The image with the native tools, by the reference of the base in whose roots they work."""


@dataclass(frozen=True)
class Toolchain:
    """What native tools are made from."""

    base: Base
    """The same release as the foreign root, of the engine's own architecture."""
    host: str
    triplet: str
    """The foreign architecture, as GNU calls it."""
    architecture: str
    """As Debian calls it."""


def plan_foreign(machine: str, platform: str) -> ForeignBuild | None:
    """None where ``machine``, the engine's platform, runs ``platform`` by itself."""
    if runs_natively(machine, platform):
        return None
    return ForeignBuild(machine, emulation_settings(machine, platform))


def plan_toolchain(base: Base, distribution: Distribution, machine: str, platform: str) -> Toolchain:
    """The tools for roots that stand on ``base``. ``distribution`` is the root's, and counts for an image only.

    Raises HostLacks, which says why there are none.
    """
    triplet = cross_triplet(machine, platform)
    if not triplet:
        raise HostRequirementMissing(f"no distribution has a compiler for {platform} that runs on {machine}")
    own = _own_bootstrap(base.bootstrap, machine) if base.bootstrap else _own_image(distribution)
    return Toolchain(own, machine, triplet, parse_platform(platform).debian)


def _own_bootstrap(foreign: Bootstrap, machine: str) -> Base:
    suite = find_suite(foreign.suite)
    mirror, components = foreign.mirror, foreign.components
    if suite is not None:
        if mirror == suite.mirror_for(parse_platform(foreign.platform).debian):
            mirror = suite.mirror_for(parse_platform(machine).debian)
        components = suite.components
    own = Bootstrap(foreign.suite, mirror, components, "minbase", (), machine)
    reference = base_reference(own.suite, own.mirror, own.components, own.variant, own.include, own.platform)
    return Base(reference, bootstrap=own)


def _own_image(distribution: Distribution) -> Base:
    release = {"debian": distribution.codename, "ubuntu": distribution.version}.get(distribution.id, "")
    if not release:
        name = distribution.name or distribution.id or "an unknown distribution"
        raise HostRequirementMissing(f"robenv has native tools for Debian and Ubuntu, and this image is of {name}")
    reference = f"{distribution.id}:{release}"
    return Base(reference, image=reference)


def with_tools(plan: RunPlan, volume: str) -> RunPlan:
    """The container with the tools of ``volume``, which every command then finds first."""
    mount = Mount("volume", volume, PLACE, True, (("external", True), ("nocopy", True)))
    return relabelled(replace(plan, mounts=(*plan.mounts, mount)))


def with_tools_of(plan: RunPlan, other: Mapping[str, Any]) -> RunPlan:
    """The container with the tools that another one of the project has. ``other``: its plan as JSON."""
    volume = next((mount["source"] for mount in other.get("mounts") or () if mount["target"] == PLACE), "")
    return with_tools(plan, volume) if volume else plan


def cannot_have_tools(plan: RunPlan) -> str:
    """Why nothing can be mounted at PLACE in this container; "" where it can."""
    if any(mount.target.rstrip("/") == "/dev" for mount in plan.mounts):
        return "it has this machine's /dev"
    return ""


def has_tools(plan: RunPlan) -> bool:
    return any(mount.target == PLACE for mount in plan.mounts)


def through_tools(plan: RunPlan, entrypoint: tuple[str, ...]) -> tuple[str, ...]:
    """The entrypoint of what is run in the container: behind ``enter`` where there are tools."""
    return (ENTER, *entrypoint) if has_tools(plan) else entrypoint
