"""A Docker Engine of a newer Debian beside the system's own, for what the system's is too old for, such as CDI.

Its programs and their libraries come from Debian's archive once, and stay in the user's cache folder. It runs in a
mount namespace in which its /usr lies over the system's: every other path is the system's, so that bind mounts and
sockets resolve as they do for everybody else.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

from scripts import own_root
from tests.support import caches
from tests.support.second_engine import SecondEngine

SUITE = "forky"
"""Docker Engine 28.5 (API 1.51) in autumn 2026."""
_PACKAGES = ("base-files", "docker.io", "procps", "apparmor")

_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# A containerd of the whole system would start containers outside of this namespace: it is out of sight in here.
_START = """
set -e
if [ -d /run/containerd ]; then mount -t tmpfs tmpfs /run/containerd; fi
mount --bind "$0/usr" /usr
exec dockerd "$@"
"""


def ensure_root() -> Path:
    """The folder with the newer engine's /usr; made where it is not there yet, which takes half a minute."""
    caches.FOLDER.mkdir(parents=True, exist_ok=True)
    root = caches.FOLDER / "-".join(("engine", SUITE, *_PACKAGES))
    with (caches.FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            unfinished = root.with_suffix(".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            _extract(unfinished)
            unfinished.rename(root)
    return root


def _extract(target: Path) -> None:
    """Packages as they are, not installed: no maintainer script runs, and only /usr is of use."""
    command = ["mmdebstrap", "--quiet", "--variant=extract", f"--keyring={_KEYRING}", "--format=directory"]
    # A test suite's index is valid for a week only, and a machine's clock may be wrong.
    command += ['--aptopt=Acquire::Check-Valid-Until "false"', '--aptopt=APT::Install-Recommends "false"']
    command += [f"--include={','.join(_PACKAGES)}", SUITE, str(target)]
    command += [f"deb http://deb.debian.org/debian {SUITE} main"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=600)
    for entry in target.iterdir():
        if entry.name != "usr":
            entry.unlink() if entry.is_symlink() else shutil.rmtree(entry)


class NewerEngine(SecondEngine):
    """Ready for CDI: it looks for specs in ``cdi`` alone, a folder of the test's own."""

    def __init__(self) -> None:
        root = ensure_root()
        super().__init__()
        self._root = root
        self.cdi = self.folder / "cdi"
        self.cdi.mkdir()

    @property
    def options(self) -> list[str]:
        return [*super().options, "--ip6tables=false", "--cdi-spec-dir", str(self.cdi)]

    @property
    def command(self) -> list[str]:
        own = ["unshare", "--net", *own_root.prefix(), "unshare", "--mount"]
        return [*own, "sh", "-c", _START, str(self._root), *self.options]
