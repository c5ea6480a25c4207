"""This kernel runs programs of another platform, in containers too: what nobody has registered, tests do for good."""

from __future__ import annotations

import fcntl
import platform as machine
import tempfile
from pathlib import Path

from robenv.catalog.emulators import find_emulator
from robenv.catalog.platforms import runs_natively
from robenv.environment.emulation import Here, register


def ensure_emulated(platform: str = "linux/arm64") -> None:
    """As `robenv binfmt register` does it; nothing where the processor runs them. Raises HostLacks."""
    emulator = find_emulator(platform)
    if emulator is None or runs_natively(machine.machine(), platform):
        return
    with Path(tempfile.gettempdir(), "robenvtest-binfmt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        register(Here(), (emulator,))
