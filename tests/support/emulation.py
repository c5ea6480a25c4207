"""This kernel runs arm64 programs, also in containers: where nobody has it registered yet, the tests do so for good."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
from pathlib import Path

_FOLDER = Path("/proc/sys/fs/binfmt_misc")
_MAGIC = "7f454c460201010000000000000000000200b700"
_MASK = "ffffffffffffff00fffffffffffffffffeffffff"


def ensure_arm64() -> None:
    """Leaves what is registered with the F flag as it is; another's handler of that name without it gives way."""
    with Path(tempfile.gettempdir(), "robenvtest-binfmt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (_FOLDER / "register").exists():
            subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(_FOLDER)], check=True)
        if any(_runs_in_containers(entry) for entry in _FOLDER.glob("*")):
            return
        handler = _FOLDER / "qemu-aarch64"
        if handler.exists():
            handler.write_text("-1")
        emulator = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
        assert emulator, "scripts/setup installs it"
        (_FOLDER / "register").write_text(f":qemu-aarch64:M::{_hex(_MAGIC)}:{_hex(_MASK)}:{emulator}:F")


def _hex(digits: str) -> str:
    return "".join(f"\\x{digits[at : at + 2]}" for at in range(0, len(digits), 2))


def _runs_in_containers(handler: Path) -> bool:
    lines = handler.read_text().splitlines() if handler.name not in ("register", "status") else []
    return (
        lines[:1] == ["enabled"]
        and f"magic {_MAGIC}" in lines
        and any(line.startswith("flags:") and "F" in line.partition(":")[2] for line in lines)
    )
