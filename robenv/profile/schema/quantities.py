"""Byte sizes, durations and ranges as Compose writes them, as numbers."""

from __future__ import annotations

import re

from robenv.profile.yaml.parse_error import BadValue
from robenv.util.sanitize import show

_BYTES = re.compile(r"(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?", re.IGNORECASE | re.ASCII)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(us|µs|ms|s|m|h)", re.ASCII)
_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 64
MAX_BYTES = 2**63 - 1


def parse_bytes(text: str) -> int:
    """Bytes of ``1gb``, ``512m``, ``2.5GiB``, ``4096``: units count in 1024. Raises BadValue."""
    found = _BYTES.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise BadValue(f"expected a size such as `512mb` or `1gb`, not {show(text)}")
    number, unit = found[1], found[2].lower()
    factor = 1024 ** _POWERS[unit]
    size = int(float(number) * factor) if "." in number else int(number) * factor
    if size > MAX_BYTES:
        raise BadValue(f"{show(text)} is more bytes than a machine can count")
    return size


def parse_duration(text: str) -> float:
    """Seconds of ``1m30s``, ``2.5s``, ``500ms``, ``0``. Raises BadValue."""
    if text == "0":
        return 0.0
    total, at = 0.0, 0
    while at < len(text) <= _LONGEST:
        part = _DURATION_PART.match(text, at)
        if part is None:
            break
        total += float(part[1]) * _SECONDS[part[2]]
        at = part.end()
    if at != len(text) or not text:
        raise BadValue(f"expected a duration such as `30s` or `1m30s`, not {show(text)}")
    return total


def parse_range(text: str, limit: int = 65535) -> tuple[int, int]:
    """First and last of ``8000`` or ``8000-8010``, both at most ``limit``. Raises BadValue."""
    first, dash, last = text.partition("-")
    if not _digits(first) or (dash and not _digits(last)):
        raise BadValue(f"expected a port or a range such as `8000-8010`, not {show(text)}")
    low, high = int(first), int(last or first)
    if high > limit or low > high:
        raise BadValue(f"{show(text)} is no range between 0 and {limit}")
    return low, high


def _digits(text: str) -> bool:
    return len(text) <= 9 and text.isascii() and text.isdigit()
