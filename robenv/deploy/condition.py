"""How a project's release on a robot does: whether it runs, how often it was started again, and what a rollback has.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from robenv.deploy.release_state import is_confirmed, release_id
from robenv.engine.protocol import ContainerInfo
from robenv.project.containers.times import parse_moment

CRASHING = 60.0
"""A release that was started again and has been up for less than these seconds counts as one that crashes."""


@dataclass(frozen=True)
class ReleaseCondition:
    """``release``: the one that runs, else the one that the robot boots into, else the last one; None where the project
    is not there. ``well``: it runs, is not unhealthy, and was not started again just now. ``words``: how it does."""

    release: ContainerInfo | None = None
    well: bool = True
    words: str = ""
    rollback: str = ""
    """The ID of the release that `rollback` goes back to; "" where there is none."""


def condition(releases: Sequence[ContainerInfo], running: ContainerInfo | None, now: str) -> ReleaseCondition:
    """``releases``, with ``running`` of them, in the order of ``Standing``; ``now`` by the engine's clock."""
    booting = next((release for release in releases if is_confirmed(release)), None)
    shown = running or booting or next(iter(releases), None)
    if shown is None:
        return ReleaseCondition()
    earlier = next((release_id(release) for release in releases if release.id != shown.id), "")
    if running is None:
        return ReleaseCondition(shown, False, _ended(shown), earlier)
    words = [shown.health if shown.health not in ("", "none") else shown.status]
    if shown.status != "running" and words[0] != shown.status:
        words.append(shown.status)
    up = _seconds(shown.started_at, now)
    crashing = shown.restarts > 0 and up is not None and up < CRASHING
    if crashing:
        words.append(f"started again {max(0.0, up or 0.0):.0f} s ago")
    if shown.restarts:
        words.append(f"{shown.restarts} restart{'s' if shown.restarts > 1 else ''}")
    well = shown.status == "running" and shown.health != "unhealthy" and not crashing
    return ReleaseCondition(shown, well, ", ".join(words), earlier)


def _ended(info: ContainerInfo) -> str:
    if info.status not in ("exited", "dead"):
        return info.status
    return f"{info.status} ({info.exit_code}{', out of memory' if info.oom_killed else ''})"


def _seconds(since: str, now: str) -> float | None:
    begun, ended = parse_moment(since), parse_moment(now)
    return (ended - begun).total_seconds() if begun and ended else None
