"""Runs a command in a mount namespace of its own whose root is the root that this process sees.

    python scripts/own_root.py COMMAND…       (as root)

A Docker Engine in a chroot needs this: what joins a container's mount namespace, as `exec` does, finds itself at the
namespace's root, and in a chroot that is not the container's. So do tests that make namespaces: the kernel makes none
of users for what is in a chroot. Where the root is the namespace's own already, the command just runs.
"""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# From linux/sched.h and linux/mount.h.
_CLONE_NEWNS = 0x00020000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_MNT_DETACH = 2
_LOOK = f"""
import ctypes, os
namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY)
if ctypes.CDLL(None).setns(namespace, {_CLONE_NEWNS}) != 0:
    raise SystemExit(1)
print(os.stat("/").st_dev, os.stat("/").st_ino)
"""
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "armv7l": 218, "riscv64": 41, "ppc64le": 203, "s390x": 217}


def prefix() -> list[str]:
    """What to put before the command line of an engine on this machine: nothing, but in a chroot."""
    return [] if _is_namespaces() else [sys.executable, str(Path(__file__).resolve())]


@functools.cache
def _is_namespaces() -> bool:
    """Whether the root is that of the mount namespace. A chroot on a mount has a mount at its root as well, so a
    process that joins the namespace anew looks; where none may, mounts are all that can be looked at."""
    here = Path("/").stat()
    seen = subprocess.run([sys.executable, "-c", _LOOK], capture_output=True, text=True, check=False)
    if seen.returncode == 0:
        return seen.stdout.split() == [str(here.st_dev), str(here.st_ino)]
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return any(line.split()[4] == "/" for line in lines)


def enter() -> None:
    """Moves this process, which stays in its folder. Raises OSError."""
    folder = Path.cwd()
    libc = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *arguments: object) -> None:
        if getattr(libc, name)(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{name}: {os.strerror(number)}")

    call("unshare", _CLONE_NEWNS)
    here = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    call("setns", namespace, _CLONE_NEWNS)  # to where it is already, but at its root
    os.close(namespace)
    call("mount", None, b"/", None, _MS_REC | _MS_PRIVATE, None)
    os.fchdir(here)
    os.close(here)
    top = os.fsencode(Path.cwd())
    call("mount", top, top, None, _MS_BIND | _MS_REC, None)
    os.chdir(top)
    call("syscall", _SYS_PIVOT_ROOT[os.uname().machine], b".", b".")
    call("umount2", b".", _MNT_DETACH)
    os.chdir(folder)


def main(command: Sequence[str]) -> int:
    if not command:
        print("usage: own_root.py COMMAND…", file=sys.stderr)
        return 2
    try:
        if not _is_namespaces():
            enter()
        os.execvp(command[0], list(command))  # noqa: S606
    except (OSError, KeyError) as error:
        print(f"own_root: {command[0]} cannot be given a root of its own: {error}", file=sys.stderr)
        return 126


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
