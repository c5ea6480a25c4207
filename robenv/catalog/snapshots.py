"""Package archives as they were at a moment: which archive's past is kept where.

Sources: https://snapshot.debian.org (``/archive/ARCHIVE/MOMENT/``) and https://snapshot.ubuntu.com
(``/ubuntu/MOMENT/``, for archive, security and ports alike).
"""

from __future__ import annotations

import re

DEBIAN = "http://snapshot.debian.org/archive"
UBUNTU = "http://snapshot.ubuntu.com/ubuntu"

REWRITES: tuple[tuple[str, str], ...] = (
    # extended regular expression of an archive's address, as sed and Python both take it → its past, up to the moment
    (r"https?://(deb|security|ftp[.a-z]*)\.debian\.org/debian-security/?", f"{DEBIAN}/debian-security"),
    (r"https?://security\.debian\.org/?", f"{DEBIAN}/debian-security"),
    (r"https?://(deb|ftp[.a-z]*)\.debian\.org/debian/?", f"{DEBIAN}/debian"),
    (r"https?://([a-z]+\.)?archive\.ubuntu\.com/ubuntu/?", UBUNTU),
    (r"https?://security\.ubuntu\.com/ubuntu/?", UBUNTU),
    (r"https?://ports\.ubuntu\.com/ubuntu-ports/?", UBUNTU),
)


def snapshot_url(url: str, moment: str) -> str:
    """The address of an archive as it was at ``moment`` (``20261101T000000Z``); "" for one whose past nobody keeps."""
    for pattern, past in REWRITES:
        if re.fullmatch(pattern, url):
            return f"{past}/{moment}"
    return ""


def snapshot_script(moment: str) -> str:
    """A shell script that leads an image's own apt sources to their past. A Release file of the past has expired, so
    apt is told not to mind that; what is signed stays signed."""
    edits = " ".join(f"-e 's#{pattern}#{past}/{moment}#g'" for pattern, past in REWRITES)
    return (
        "for list in /etc/apt/sources.list /etc/apt/sources.list.d/*; do "
        f'if [ -f "$list" ]; then sed -E -i {edits} "$list"; fi; done; '
        "echo 'Acquire::Check-Valid-Until \"false\";' > /etc/apt/apt.conf.d/90robenv-snapshot"
    )
