"""A profile's ``ros`` settings, and combinations of network and middleware that carry no data. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robenv.plan.grant import Grant

if TYPE_CHECKING:
    from robenv.host.facts import Facts
    from robenv.profile.schema import Profile


def plan_middleware(profile: Profile, facts: Facts) -> Grant:
    return Grant()
