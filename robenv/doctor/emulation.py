"""Which other architectures this kernel runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from robenv.doctor.check import Finding, Patient

_FOLDER = Path("/proc/sys/fs/binfmt_misc")


def _handlers(folder: Path) -> dict[str, str]:
    return {entry.name: entry.read_text() for entry in sorted(folder.glob("qemu-*"))}


def binfmt(patient: Patient, folder: Path = _FOLDER) -> Iterator[Finding]:
    """A handler without the F flag works outside containers only."""
    name = "emulation"
    if not (folder / "status").exists():
        mount = "sudo mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc"
        yield Finding(name, "warning", "binfmt_misc is not mounted: images of other architectures do not run", mount)
        return
    handlers = _handlers(folder)
    good = [key for key, text in handlers.items() if text.startswith("enabled") and "F" in _flags(text)]
    bad = sorted(set(handlers) - set(good))
    if bad:
        text = f"{', '.join(bad)}: not enabled with the F flag, so of no use in containers"
        yield Finding(name, "warning", text, "sudo apt-get install --reinstall qemu-user-static")
    if good:
        yield Finding(name, "ok", ", ".join(key.removeprefix("qemu-") for key in good))
    elif not bad:
        text = "no other architecture is registered: only images of this machine's own run"
        yield Finding(name, "warning", text, "sudo apt-get install qemu-user-static binfmt-support")


def _flags(text: str) -> str:
    return next((line.removeprefix("flags:").strip() for line in text.splitlines() if line.startswith("flags:")), "")
