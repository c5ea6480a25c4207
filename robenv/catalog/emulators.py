"""What QEMU emulates of the platforms that robenv knows: how the kernel tells their programs, and a tiny one of each.

Sources: elf(5); QEMU's scripts/qemu-binfmt-conf.sh for which bytes of the header count; the kernels' system call
tables for the number of ``exit``, and the processors' manuals for the three instructions.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from robenv.catalog.platforms import parse_platform, runs_natively
from robenv.errors import UsageError

PROOF = 42
"""The exit code of every tiny program."""


@dataclass(frozen=True)
class Emulator:
    """``qemu`` as in ``qemu-aarch64``, ``platform`` as Docker writes it."""

    platform: str
    qemu: str
    machine: int
    """e_machine of the ELF header."""
    code: str
    """Instructions that end the program with PROOF, in hex."""
    bits: int = 64
    big: bool = False
    elf_flags: int = 0

    @property
    def name(self) -> str:
        """Of robenv's own handler in the kernel."""
        return f"robenv-{self.qemu}"

    @property
    def ident(self) -> bytes:
        return b"\x7fELF" + bytes((self.bits // 32, 2 if self.big else 1, 1)) + bytes(9)

    @property
    def magic(self) -> bytes:
        return self.ident + struct.pack(">HH" if self.big else "<HH", 2, self.machine)

    @property
    def mask(self) -> bytes:
        """The byte of the system (Linux's own or any) does not count, and programs may be position-independent."""
        kind = b"\xff\xfe" if self.big else b"\xfe\xff"
        return b"\xff" * 7 + b"\0" + b"\xff" * 8 + kind + b"\xff\xff"


EMULATORS: tuple[Emulator, ...] = (
    Emulator("linux/amd64", "x86_64", 62, "bf2a000000b83c0000000f05"),
    Emulator("linux/arm64", "aarch64", 183, "a80b8052400580d2010000d4"),
    Emulator("linux/arm/v7", "arm", 40, "0170a0e32a00a0e3000000ef", bits=32, elf_flags=0x05000000),
    Emulator("linux/ppc64le", "ppc64le", 21, "010000382a00603802000044", elf_flags=2),
    Emulator("linux/riscv64", "riscv64", 243, "9308d0051305a00273000000", elf_flags=5),
    Emulator("linux/s390x", "s390x", 22, "a729002a0a01", big=True),
)


def find_emulator(platform: str) -> Emulator | None:
    """The one that runs programs of ``platform``; None where robenv registers none. Raises UsageError."""
    wanted = parse_platform(platform).architecture
    return next((emulator for emulator in EMULATORS if parse_platform(emulator.platform).architecture == wanted), None)


def emulators_for(machine: str) -> tuple[Emulator, ...]:
    """Those that a machine of the platform ``machine`` has a use for."""
    return tuple(emulator for emulator in EMULATORS if not runs_natively(machine, emulator.platform))


def chosen_emulators(names: tuple[str, ...], machine: str) -> tuple[Emulator, ...]:
    """Those that are named, each once; every one that ``machine`` has a use for where none is. Raises UsageError."""
    chosen: dict[str, Emulator] = {}
    known = ", ".join(one.platform.removeprefix("linux/") for one in emulators_for(machine))
    for name in names:
        found = find_emulator(name)
        if found is None:
            raise UsageError(
                f"robenv registers no emulation of {parse_platform(name)}", hint=f"this machine can emulate: {known}"
            )
        if runs_natively(machine, name):
            raise UsageError(
                f"a machine of {machine} runs programs of {parse_platform(name)} by itself",
                hint=f"it can emulate: {known}",
            )
        chosen[found.qemu] = found
    return tuple(chosen.values()) or emulators_for(machine)


def tiny_program(emulator: Emulator) -> bytes:
    """A static program of the emulated architecture, which ends with PROOF at once."""
    code = bytes.fromhex(emulator.code)
    order, wide = (">" if emulator.big else "<"), emulator.bits == 64
    header, entry = (64, 56) if wide else (52, 32)
    base = 0x400000
    size = header + entry + len(code)
    start = base + header + entry
    word = "Q" if wide else "I"
    head = struct.pack(
        f"{order}HHI{word}{word}{word}IHHHHHH",
        2, emulator.machine, 1, start, header, 0, emulator.elf_flags, header, entry, 1, 0, 0, 0,
    )  # fmt: skip
    if wide:
        segment = struct.pack(f"{order}IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x10000)
    else:
        segment = struct.pack(f"{order}IIIIIIII", 1, 0, base, base, size, size, 5, 0x10000)
    return emulator.ident + head + segment + code
