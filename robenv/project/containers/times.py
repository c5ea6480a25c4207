"""Moments as a user writes them, by the clock of the engine that is asked: a robot's may be years back."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from robenv.errors import UsageError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_AGO = re.compile(r"(\d+)([smhd])")


def since_moment(text: str, engine_now: str) -> float:
    """Seconds since 1970 of ``10m`` ago, or of ``2026-08-01T10:00``. ``engine_now``: the engine's own time, as
    ``/info`` says it; where it says none, this machine's counts. Raises UsageError."""
    if ago := _AGO.fullmatch(text):
        now = parse_moment(engine_now) or datetime.now(timezone.utc)
        return now.timestamp() - int(ago[1]) * _UNITS[ago[2]]
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        raise UsageError(
            f"--since: {text!r} is no moment", hint="such as 90s, 10m, 3h or 2d ago, or 2026-08-01T10:00"
        ) from None


def parse_moment(text: str) -> datetime | None:
    """An engine's moment, ``2026-08-01T10:00:00.123456789Z`` or with an offset, to the second; None: it is none."""
    try:
        moment = datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
        offset = text[19:].lstrip(".0123456789")
        zone = timezone.utc if offset in ("", "Z") else datetime.strptime(offset, "%z").tzinfo
    except ValueError:
        return None
    return moment.replace(tzinfo=zone)
