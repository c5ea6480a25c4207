"""What of this user's login session a profile gets: ``display``, ``audio``, ``ssh_agent``, ``git``. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robenv.plan.grant import Grant

if TYPE_CHECKING:
    from robenv.host.facts import Facts
    from robenv.profile.schema import Profile


def plan_display(profile: Profile, facts: Facts) -> Grant:
    return Grant()
