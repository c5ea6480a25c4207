"""This machine's binfmt_misc: its handlers read and written, and a tiny program tried."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

from robenv.catalog.binfmt import BinfmtWrite, Handler, parse_handler
from robenv.catalog.emulators import PROOF, Emulator, tiny_program
from robenv.errors import HostRequirementMissing

FOLDER = Path("/proc/sys/fs/binfmt_misc")
_PATIENCE = 20.0
"""Seconds."""


def is_mounted(folder: Path = FOLDER) -> bool:
    return (folder / "status").exists()


def is_switched_off(folder: Path = FOLDER) -> bool:
    """Whether somebody has told the kernel to take no handler at all."""
    with contextlib.suppress(OSError):
        return (folder / "status").read_text().strip() == "disabled"
    return False


def read_handlers(folder: Path = FOLDER) -> tuple[Handler, ...]:
    """Those that there are, the last registered first: as the kernel takes them."""
    found: list[tuple[int, Handler]] = []
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name in ("register", "status"):
                continue
            with contextlib.suppress(OSError):  # gone since
                text = Path(entry.path).read_text(encoding="utf-8", errors="replace")
                found.append((entry.stat().st_mtime_ns, parse_handler(entry.name, text)))
    found.sort(key=lambda one: -one[0])
    return tuple(handler for _, handler in found)


def write_changes(changes: Sequence[BinfmtWrite], folder: Path = FOLDER) -> None:
    """Tells the kernel, which binfmt_misc is mounted for if need be. What it took from others it puts back where their
    handler cannot be made anew.

    Raises PermissionError where this process may not, HostLacks where the kernel refuses.
    """
    if changes and not is_mounted(folder):
        _mount(folder)
    undo = ""
    for change in changes:
        try:
            _write(folder / change.file, change.text)
        except PermissionError:
            raise
        except FileExistsError:
            pass  # another robenv was quicker
        except OSError as error:
            if undo:
                _write(folder / "register", undo)
            raise HostRequirementMissing(
                "The kernel does not take the emulator's registration.",
                details=f"{change.text}: {error.strerror}",
                hint="See whether the interpreter that it names is there, and `dmesg`.",
            ) from error
        undo = change.undo


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())  # at once: the kernel takes each write for a whole line
    finally:
        os.close(descriptor)


def _mount(folder: Path) -> None:
    command = ["mount", "-t", "binfmt_misc", "binfmt_misc", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        if re.search(r"permission denied|not permitted|superuser|must be root", done.stderr, re.I):
            raise PermissionError(1, done.stderr.strip())
        raise HostRequirementMissing(
            "binfmt_misc cannot be mounted: this kernel emulates nothing.",
            details=done.stderr.strip(),
            hint="`sudo modprobe binfmt_misc`, or a kernel with CONFIG_BINFMT_MISC",
        )


def find_interpreter(emulator: Emulator) -> str:
    """The static QEMU of this machine; "" where there is none."""
    for name in (f"qemu-{emulator.qemu}-static", f"qemu-{emulator.qemu}"):
        path = shutil.which(name)
        if path and is_static(Path(path)):
            return str(Path(path).resolve())
    return ""


def is_static(path: Path) -> bool:
    """Whether an ELF program needs no loader, which a container's root would not have."""
    with contextlib.suppress(OSError, struct.error):
        with path.open("rb") as file:
            head = file.read(4096)
        if head[:4] != b"\x7fELF":
            return False
        # elf(5) of 64 bits, which machines are that emulate others: e_phoff, e_phentsize, e_phnum; type 3 is PT_INTERP.
        table, size, count = struct.unpack_from("<Q", head, 32) + struct.unpack_from("<HH", head, 54)
        return all(struct.unpack_from("<I", head, table + index * size)[0] != 3 for index in range(count))
    return False


def runs(emulator: Emulator) -> bool:
    """Whether this machine runs the tiny program."""
    descriptor = os.memfd_create(f"robenv-{emulator.qemu}", 0)
    try:
        os.write(descriptor, tiny_program(emulator))
        path = f"/proc/self/fd/{descriptor}"
        done = subprocess.run(
            [path], pass_fds=(descriptor,), check=False, timeout=_PATIENCE, stdin=subprocess.DEVNULL,
            capture_output=True,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    finally:
        os.close(descriptor)
    return done.returncode == PROOF
