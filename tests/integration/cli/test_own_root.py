"""scripts/own_root.py in a real chroot: what it starts has a root that is a mount, with the same files."""

from __future__ import annotations

import os
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
[ -z "$MOUNTED" ] || mount --bind "$1" "$1"
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


def _in_chroot(folder: Path, *command: str, mounted: bool = False) -> subprocess.CompletedProcess[str]:
    """``mounted``: the chroot's folder is a mount, as arch-chroot makes it and as a disk is."""
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
    environment = {**os.environ, "MOUNTED": "1" if mounted else ""}
    return subprocess.run(outer, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_in_a_chroot_the_command_gets_a_root_that_is_a_mount(tmp_path: Path, root: Path) -> None:
    plain = _in_chroot(tmp_path / "plain", sys.executable, "-c", _ROOT_IS_MOUNT)
    assert plain.stdout == "False\nTrue\n", plain.stderr
    own = [sys.executable, str(root / "scripts/own_root.py"), sys.executable, "-c", _ROOT_IS_MOUNT]
    result = _in_chroot(tmp_path / "own", *own)
    assert (result.returncode, result.stdout) == (0, "True\nTrue\n"), result.stderr


@pytest.mark.parametrize("mounted", [False, True], ids=["folder", "mount"])
def test_what_joins_the_namespace_comes_to_the_same_root(tmp_path: Path, root: Path, mounted: bool) -> None:
    """As a container's `exec` does: in a chroot on a mount too it would come out elsewhere."""
    look = (
        f"import sys; sys.path.insert(0, {str(root)!r}); from scripts import own_root; print(bool(own_root.prefix()))"
    )
    plain = _in_chroot(tmp_path / "plain", sys.executable, "-c", look, mounted=mounted)
    assert plain.stdout == "True\n", plain.stderr
    own = [sys.executable, str(root / "scripts/own_root.py"), sys.executable, "-c", look]
    result = _in_chroot(tmp_path / "own", *own, mounted=mounted)
    assert (result.returncode, result.stdout) == (0, "False\n"), result.stderr


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
