"""Programs of a newer Debian, unpacked beside the system's own: for tests of what the system's are too old for."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

from tests.support.projects import caches

SUITE = "forky"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def unpacked(name: str, packages: tuple[str, ...]) -> Path:
    """The folder with these packages' /usr, and that of what they depend on; made where it is not there yet, which may
    take half a minute."""
    caches.FOLDER.mkdir(parents=True, exist_ok=True)
    root = caches.FOLDER / "-".join((name, SUITE, *packages))
    with (caches.FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            unfinished = root.with_suffix(".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            _extract(packages, unfinished)
            unfinished.rename(root)
    return root


def _extract(packages: tuple[str, ...], target: Path) -> None:
    """As they are, not installed: no maintainer script runs, and only /usr is of use."""
    command = ["mmdebstrap", "--quiet", "--variant=extract", f"--keyring={_KEYRING}", "--format=directory"]
    # A test suite's index is valid for a week only, and a machine's clock may be wrong.
    command += ['--aptopt=Acquire::Check-Valid-Until "false"', '--aptopt=APT::Install-Recommends "false"']
    command += [f"--include={','.join(packages)}", SUITE, str(target)]
    command += [f"deb http://deb.debian.org/debian {SUITE} main"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=600)
    for program in ("iptables", "ip6tables"):  # an alternative, which a script of the package chooses
        chosen = target / "usr/sbin" / program
        if chosen.with_name(f"{program}-nft").is_symlink() and not chosen.is_symlink():
            chosen.symlink_to(f"{program}-nft")
    for entry in target.iterdir():
        if entry.name != "usr":
            entry.unlink() if entry.is_symlink() else shutil.rmtree(entry)
