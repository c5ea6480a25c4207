"""Why this user gets no user namespace of the kind that mmdebstrap makes a root file system in.

In mmdebstrap's own order: unshare(2), newuidmap(1) and newgidmap(1), a range in /etc/subuid and /etc/subgid, and
whether the three go together. It says nothing of what it finds where it picks the mode by itself.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

ELSE = "or run robenv as root, or take an image as the base: `base: {image: …}`"
GENERAL = f"`sudo apt-get install uidmap`, and a range for this user in /etc/subuid and /etc/subgid; {ELSE}"
"""Of a machine that is not looked at."""
_SWITCHES = (
    ("kernel/unprivileged_userns_clone", "0", "1"),
    ("user/max_user_namespaces", "0", "10000"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
)
"""Below /proc/sys: what forbids, and what allows."""
_MAPPED = 65536


def missing_for_user_namespace(
    root: Path = Path("/"), has: Callable[[str], object] = shutil.which, may: Callable[[], str] | None = None
) -> tuple[str, str]:
    """What was seen and the way out. ``root``: where the machine's files are; ``may``: what the kernel says against a
    user namespace, "" for nothing."""
    against = (may or _against)()
    name, value = _switch(root)
    if against and not name:
        return f"the kernel refuses this user a user namespace ({against})", f"outside of a container it may; {ELSE}"
    if against or name:
        return f"{name.replace('/', '.')} does not let this user have a user namespace", (
            f"`sudo sysctl {name.replace('/', '.')}={value}`; {ELSE}"
        )
    if lacking := [one for one in ("newuidmap", "newgidmap") if not has(one)]:
        return f"{' and '.join(lacking)} not found", f"`sudo apt-get install uidmap`; {ELSE}"
    uid = os.geteuid()
    user = _name(uid)
    if without := [one for one in ("subuid", "subgid") if not _has_range(root / "etc" / one, {user, str(uid)})]:
        first = max(_free(root / "etc" / one) for one in ("subuid", "subgid"))
        ranges = " ".join(f"--add-{one}s {first}-{first + _MAPPED - 1}" for one in without)
        files = " and ".join(f"/etc/{one}" for one in without)
        return f"{user} has no range in {files}", f"`sudo usermod {ranges} {user}`; {ELSE}"
    return (
        "user namespaces, newuidmap and ranges are there and do not go together",
        f"is newuidmap setuid? {ELSE}",
    )


def _against() -> str:
    try:
        done = subprocess.run(
            ["unshare", "--user", "true"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError as error:
        return str(error)
    return (done.stderr.strip().splitlines() or ["no reason given"])[-1] if done.returncode else ""


def _switch(root: Path) -> tuple[str, str]:
    """The setting that forbids, and the value that allows; "" for none."""
    for name, forbids, allows in _SWITCHES:
        if _text(root / "proc/sys" / name).strip() == forbids:
            return name, allows
    return "", ""


def _has_range(file: Path, names: set[str]) -> bool:
    return any(line.split(":")[0] in names for line in _text(file).splitlines() if line.count(":") == 2)


def _free(file: Path) -> int:
    """The first number above all ranges that others have: shared ones would let them into each other's files."""
    rows = (line.split(":") for line in _text(file).splitlines())
    ends = (int(row[1]) + int(row[2]) for row in rows if len(row) == 3 and row[1].isdecimal() and row[2].isdecimal())
    return max((100000, *ends))


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
