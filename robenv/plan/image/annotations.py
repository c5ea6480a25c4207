"""The labels by which a run image is known anywhere: https://specs.opencontainers.org/image-spec/annotations. Pure."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from robenv.host.git.revision import Revision

_PREFIX = "org.opencontainers.image."
_LATEST = 253_402_300_799
"""The last second of the year 9999."""


def oci_labels(revision: Revision, epoch: str = "") -> dict[str, str]:
    """Labels, and none where there is nothing true to say.

    ``epoch``: SOURCE_DATE_EPOCH, "" where it is not set; then ``created`` is the commit's time, unless what was built
    is not what was committed.
    """
    seconds = int(epoch) if epoch.isascii() and epoch.isdigit() else 0 if revision.dirty else revision.time
    changed = "-dirty" if revision.dirty else ""
    labels = {
        "source": revision.origin,
        "revision": revision.commit and revision.commit + changed,
        "version": revision.tag and revision.tag + changed,
        "created": _moment(seconds) if 0 < seconds <= _LATEST else "",
    }
    return {_PREFIX + name: value for name, value in labels.items() if value}


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
