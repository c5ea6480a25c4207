"""scripts/own_root.py in a real chroot: what it starts has a root that is a mount, with the same files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts import own_root

pytestmark = pytest.mark.engine

# A chroot with the machine's own folders in it: what is seen inside is what is seen outside, but the root is no mount.
_CHROOT = """
set -e
mount --make-rprivate /
cd "$1"; shift
for folder in /*; do
  if [ -L "$folder" ]; then
    cp -d "$folder" .
  elif [ "$folder" = /proc ]; then
    mkdir proc; mount -t proc proc proc
  elif [ -d "$folder" ]; then
    mkdir ".$folder"; mount --rbind "$folder" ".$folder"
  fi
done
touch only-here
exec chroot . "$@"
"""
_ROOT_IS_MOUNT = """
import pathlib
print(any(line.split()[4] == "/" for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()))
print(pathlib.Path("/only-here").exists())
"""


def _in_chroot(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir()
    outer = [
        *own_root.prefix(),
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "bash",
        "-c",
        _CHROOT,
        "chroot",
        str(folder),
        *command,
    ]
    return subprocess.run(outer, capture_output=True, text=True, check=False, timeout=60)


def test_in_a_chroot_the_command_gets_a_root_that_is_a_mount(tmp_path: Path, root: Path) -> None:
    plain = _in_chroot(tmp_path / "plain", sys.executable, "-c", _ROOT_IS_MOUNT)
    assert plain.stdout == "False\nTrue\n", plain.stderr
    own = [sys.executable, str(root / "scripts/own_root.py"), sys.executable, "-c", _ROOT_IS_MOUNT]
    result = _in_chroot(tmp_path / "own", *own)
    assert (result.returncode, result.stdout) == (0, "True\nTrue\n"), result.stderr


def test_it_stays_in_its_folder_and_may_make_namespaces_of_users(tmp_path: Path, root: Path) -> None:
    inside = "pwd; unshare --user --map-root-user id -u"
    script = 'cd /usr; exec "$@"'
    chrooted = _in_chroot(tmp_path / "plain", "sh", "-c", script, "sh", "sh", "-c", inside)
    assert chrooted.stdout == "/usr\n", "in a chroot nobody may"
    own = (sys.executable, str(root / "scripts/own_root.py"))
    mended = _in_chroot(tmp_path / "own", "sh", "-c", script, "sh", *own, "sh", "-c", inside)
    assert mended.stdout == "/usr\n0\n", mended.stderr


@pytest.mark.alone
def test_its_mounts_stay_in_the_namespace_and_a_missing_command_is_told(tmp_path: Path, root: Path) -> None:
    before = Path("/proc/self/mountinfo").read_text()
    result = _in_chroot(tmp_path / "own", sys.executable, str(root / "scripts/own_root.py"), "/no/such/command")
    assert result.returncode == 126
    assert "/no/such/command" in result.stderr
    assert "Traceback" not in result.stderr
    assert Path("/proc/self/mountinfo").read_text() == before
