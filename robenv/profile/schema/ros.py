"""ROS in a profile: which one, how much of it, and its settings."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from robenv.catalog.ros import DISTROS, RMW, VARIANTS
from robenv.profile.schema.colcon import ColconDefaults
from robenv.profile.schema.names import RepositoryName, WebAddress
from robenv.profile.schema.types import VARIABLE, Boolean, Leaf, Section, integer, one_of, pattern
from robenv.profile.suggestions import ended
from robenv.profile.yaml.parse_error import BadValue

_DISTRO = one_of(*(distro.name for distro in DISTROS))


def _distro(value: Any) -> str:
    try:
        return str(_DISTRO.parse(value))
    except BadValue as error:
        raise BadValue(error.message, ended(str(value)) or error.hint) from None


def _rmw(value: Any) -> str:
    """The name that RMW_IMPLEMENTATION takes."""
    word = one_of(*RMW, *RMW.values(), expected="a middleware such as `cyclonedds`, `fastrtps` or `zenoh`").parse(value)
    return RMW.get(word, str(word))


class Ros(Section):
    """ROS: which one, how much of it, and its settings in the container."""

    distro: Annotated[str, Leaf(_distro, _DISTRO.schema), Field(description="humble, jazzy, …")] = ""
    variant: Annotated[
        str, one_of(*VARIANTS), Field(description="how much of it is there: ros-core, ros-base, …, desktop-full")
    ] = ""
    rmw: Annotated[
        str,
        Leaf(_rmw, {"anyOf": [{"enum": [*RMW, *RMW.values()]}, VARIABLE]}),
        Field(description="RMW_IMPLEMENTATION, and its package: cyclonedds or rmw_cyclonedds_cpp, fastrtps, zenoh, …"),
    ] = ""
    domain_id: Annotated[int | None, integer(0, 232), Field(description="ROS_DOMAIN_ID")] = None
    rosdep: Annotated[Boolean, Field(description="rosdep's index is in the image, for whoever works in it")] = False
    colcon_mixins: Annotated[
        dict[RepositoryName, WebAddress], Field(description="indexes of colcon mixins, by name, likewise")
    ] = Field(default_factory=dict)
    colcon_defaults: Annotated[
        ColconDefaults, Field(description="what colcon does unasked, by verb: `build: {symlink-install: true}`")
    ] = Field(default_factory=dict)
    completion: Annotated[Boolean, Field(description="Tab completes ros2 and colcon in interactive shells")] = False
    end_of_life: Annotated[
        str,
        pattern(r"20[0-9]{2}-(?:0[1-9]|1[0-2])|never", "a month such as `2029-05`, or `never`"),
        Field(description="until when it is supported, where robenv has it wrong"),
    ] = ""
