"""This kernel runs programs of another platform, in containers too: what nobody has registered, tests do for good."""

from __future__ import annotations

import fcntl
import platform as machine
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from robenv.catalog.emulators import find_emulator
from robenv.catalog.platforms import runs_natively
from robenv.host.probes.binfmt import FOLDER, is_mounted
from robenv.project.image.emulation import LocalKernel, register


def ensure_emulated(platform: str = "linux/arm64") -> None:
    """As `robenv binfmt register` does it; nothing where the processor runs them. Raises HostLacks."""
    emulator = find_emulator(platform)
    if emulator is None or runs_natively(machine.machine(), platform):
        return
    with _alone():
        register(LocalKernel(), (emulator,))


def ensure_mounted() -> None:
    """binfmt_misc is there: a container's own mount of it takes its handlers along when it goes, and not every machine
    lets the engine's containers into the mount namespace of its first process."""
    with _alone():
        if not is_mounted():
            subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(FOLDER)], check=True)


@contextmanager
def _alone() -> Iterator[None]:
    with Path(tempfile.gettempdir(), "robenvtest-binfmt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
