"""Why a user may make no root file system: what is seen, and what leads on from it."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from robenv.bases.user_namespace import missing_for_user_namespace

USER = pwd.getpwuid(os.geteuid()).pw_name
RANGES = {"etc/subuid": f"{USER}:100000:65536\n", "etc/subgid": f"{os.geteuid()}:100000:65536\n"}
APPARMOR = "proc/sys/kernel/apparmor_restrict_unprivileged_userns"


@pytest.mark.parametrize(
    ("files", "programs", "against", "seen", "way_out"),
    [
        (RANGES, (), "", "newuidmap and newgidmap not found", "sudo apt-get install uidmap"),
        (RANGES, ("newuidmap",), "", "newgidmap not found", "sudo apt-get install uidmap"),
        (
            {"etc/subuid": "other:100000:65536\n"},
            ("newuidmap", "newgidmap"),
            "",
            f"{USER} has no range in /etc/subuid and /etc/subgid",
            f"sudo usermod --add-subuids 165536-231071 --add-subgids 165536-231071 {USER}`",
        ),
        (
            RANGES | {"proc/sys/kernel/unprivileged_userns_clone": "0\n"},
            (),
            "unshare failed: Operation not permitted",
            "kernel.unprivileged_userns_clone does not let this user",
            "sudo sysctl kernel.unprivileged_userns_clone=1`",
        ),
        (RANGES | {APPARMOR: "1\n"}, ("newuidmap", "newgidmap"), "", "kernel.apparmor_restrict", "userns=0`"),
        (RANGES, (), "unshare failed: EPERM", "the kernel refuses this user a user namespace (unshare", "as root"),
        (RANGES, ("newuidmap", "newgidmap"), "", "do not go together", "setuid"),
    ],
)
def test_what_lacks(
    files: dict[str, str], programs: tuple[str, ...], against: str, seen: str, way_out: str, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = missing_for_user_namespace(tmp_path, programs.__contains__, lambda: against)
    assert seen in found[0]
    assert way_out in found[1]


def test_this_machine_can_be_asked() -> None:
    assert all(missing_for_user_namespace())
