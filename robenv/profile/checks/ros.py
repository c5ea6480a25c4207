"""Whether what a profile says of ROS fits together, and its base. A part of ``robenv.profile.checks.whole``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from robenv.catalog.ros import image_of
from robenv.errors import Problem

if TYPE_CHECKING:
    from robenv.profile.checks.merged import MergedProfile

_DEFAULTS = "COLCON_DEFAULTS_FILE"


def ros(whole: MergedProfile) -> Iterator[Problem]:
    wanted = whole.profile.ros
    if wanted.variant and not wanted.distro:
        hint = "extend a profile of ROS such as ros/jazzy, or write `distro: jazzy` beside it"
        yield whole.problem(("ros", "variant"), "a variant of which ROS?", hint)
    distro, _ = image_of(whole.profile.base.image)
    if wanted.distro and distro and distro != wanted.distro:
        message = f"the base image is of {distro}, and this says {wanted.distro}"
        yield whole.problem(("ros", "distro"), message, f"extend ros/{wanted.distro}, which has the base too")
    if wanted.colcon_defaults:
        yield from _two_defaults(whole)


def _two_defaults(whole: MergedProfile) -> Iterator[Problem]:
    """Another file of colcon's defaults would take the place of the one that robenv makes."""
    profile = whole.profile
    for path, variables in ((("environment",), profile.environment), (("run", "environment"), profile.run.environment)):
        if _DEFAULTS in variables:
            message = f"`{_DEFAULTS}` names another file than the one that `ros.colcon_defaults` makes"
            yield whole.problem((*path, _DEFAULTS), message, "keep one of the two")
