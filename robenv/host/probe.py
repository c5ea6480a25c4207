"""Reads this machine's facts when asked, never at import."""

from __future__ import annotations

import os
from pathlib import Path

from robenv.host.facts import EngineFacts, Facts


def read_facts(
    engine_platform: str,
    *,
    rootless: bool = False,
    wanted: frozenset[str] = frozenset(),
    engine: EngineFacts = EngineFacts(),  # noqa: B008 (frozen)
) -> Facts:
    """Who works on this machine, and the engine's platform in Docker's normal form (``linux/arm64``).

    The one who works is the process's effective user. SUDO_UID is not looked at: under ``sudo`` it is root who reads
    the profile, opens the engine and writes the caches, and a container that alone believed otherwise would have a home
    and files that the rest of robenv could not share. Who needs sudo only for the engine's socket joins its group.

    ``rootless``: the engine runs in this user's own user namespace, where this user is UID 0 and every other UID is a
    subordinate one; files in the workspace then belong to this user only if root writes them inside.

    Raises UsageError for a platform that nobody knows.
    """
    from robenv.catalog.platforms import normalize

    platform = normalize(engine_platform)
    name = _user_name(os.geteuid())
    zone = _timezone(os.environ.get("TZ", ""))
    if rootless:
        return Facts(uid=0, gid=0, user_name=name, platform=platform, timezone=zone)
    return Facts(uid=os.geteuid(), gid=os.getegid(), user_name=name, platform=platform, timezone=zone)


def _user_name(uid: int) -> str:
    """The name of ``uid``; its number where no passwd entry has it (a container, a directory service that is down)."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _timezone(variable: str, localtime: Path = Path("/etc/localtime"), timezone: Path = Path("/etc/timezone")) -> str:
    """The zone's name, such as ``Europe/Berlin``, from $TZ, /etc/localtime's link or /etc/timezone; "" if none says."""
    if variable:
        name = variable.removeprefix(":")
        return name.partition("zoneinfo/")[2] if name.startswith("/") else name
    try:
        _, found, name = str(localtime.readlink()).partition("zoneinfo/")
        if found:
            return name
    except OSError:
        pass  # a copy instead of a link, or a machine with neither
    try:
        return timezone.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
