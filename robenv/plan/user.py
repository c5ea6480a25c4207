"""Who works inside a container. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robenv.plan.models import User

if TYPE_CHECKING:
    from robenv.host.facts import Facts
    from robenv.profile.schema.profile import User as ProfileUser


def plan_user(wanted: ProfileUser, facts: Facts) -> User:
    """Who works inside. Names come from the profile: the host's need not be valid ones here.

    Host's root is root inside, with root's home: everything that belongs to it on the host has UID 0.
    """
    uid = facts.uid if wanted.uid == "host" else int(wanted.uid)
    gid = facts.gid if wanted.gid == "host" else int(wanted.gid)
    if uid == 0:
        return User("root", 0, 0, "/root", wanted.shell, sudo=False)
    return User(wanted.name, uid, gid, f"/home/{wanted.name}", wanted.shell, wanted.sudo)
