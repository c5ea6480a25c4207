"""What a profile that adds to others, such as a mixin, may be put upon."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from robenv.catalog.jetpack import JETPACKS
from robenv.catalog.releases import RELEASES
from robenv.catalog.ros import DISTROS
from robenv.profile.schema.names import Platform
from robenv.profile.schema.types import Line, Section, one_of

_DISTROS = tuple(distro.name for distro in DISTROS)
_UBUNTU = tuple(release.suite for release in RELEASES if release.distribution == "ubuntu")
_DEBIAN = tuple(release.suite for release in RELEASES if release.distribution == "debian")
_JETPACKS = tuple(row.name for row in JETPACKS)


class Compatibility(Section):
    """Each key that is written is asked of the whole profile; what cannot be told of it is not held against it."""

    ros: Annotated[
        tuple[Annotated[str, one_of(*_DISTROS)], ...] | None,
        Field(description="ROS distributions, the last the newest; empty: none by ROS's own packages"),
    ] = None
    ubuntu: Annotated[
        tuple[Annotated[str, one_of(*_UBUNTU)], ...] | None,
        Field(description="releases of Ubuntu; without `debian` beside it, no Debian"),
    ] = None
    debian: Annotated[
        tuple[Annotated[str, one_of(*_DEBIAN)], ...] | None,
        Field(description="releases of Debian; without `ubuntu` beside it, no Ubuntu"),
    ] = None
    platforms: Annotated[tuple[Platform, ...] | None, Field(description="such as linux/amd64")] = None
    jetson: Annotated[
        tuple[Annotated[str, one_of(*_JETPACKS)], ...] | None,
        Field(description="of Jetsons, these alone; empty: none; other machines are not meant"),
    ] = None
    why: Annotated[Line, Field(description="what to tell somebody whom it does not fit")] = ""
