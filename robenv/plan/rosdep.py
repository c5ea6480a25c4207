"""What the workspace depends on, as values of the plan: asked of rosdep in one stage, found for another."""

from __future__ import annotations

from dataclasses import dataclass

from robenv.errors import Location


@dataclass(frozen=True)
class RosdepKeys:
    """What the workspace's packages depend on, to be resolved by the rosdep of the target."""

    keys: tuple[tuple[str, Location], ...]
    """Sorted, each with the package.xml that names it first."""
    location: Location | None = None
    distro: str = ""
    index: bool = False
    """Whether the image has rosdep's index already."""
    prefixes: tuple[str, ...] = ()
    """Where packages are installed in the image that rosdep need not know."""


@dataclass(frozen=True)
class RosdepResult:
    """What rosdep has made of the keys, in another stage."""

    stage: str
    location: Location | None = None
