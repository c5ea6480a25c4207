"""A word on a target whose system is no longer supported; ``plan/image/ros.py`` has that on its ROS. Pure."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from robenv.errors import Problem
from robenv.plan.image.ros import month_in_words
from robenv.profile.checks.compatibility import target_of

if TYPE_CHECKING:
    from robenv.profile.resolve.resolved import Resolved


def past_support(resolved: Resolved, today: date) -> tuple[Problem, ...]:
    """A warning where free support of the profile's Ubuntu or Debian has ended, at its base."""
    release = target_of(resolved.profile, resolved.documents, resolved.jetpacks).release
    if release is None or f"{today:%Y-%m}" <= release.until:
        return ()
    message = f"{release.title} ({release.suite}) has had no free updates since {month_in_words(release.until)}"
    hint = "it goes on working as it was then; `robenv profiles --supported` lists what is supported"
    return (Problem(message, resolved.locate(("base",)), hint),)
