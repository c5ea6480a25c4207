"""A profile's ``gpu`` on this machine. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robenv.plan.grant import Grant

if TYPE_CHECKING:
    from robenv.host.facts import Facts
    from robenv.profile.schema import Profile


def plan_gpu(profile: Profile, facts: Facts) -> Grant:
    return Grant()
