"""Platforms by all the names that people, Docker, Debian, QEMU and the kernel have for them.

The written form is Docker's ``os/arch[/variant]``, normalised as containerd's ``platforms.Normalize`` does: arm without
a variant is v7, arm64's v8 and amd64's v1 go without saying. Debian's names are those of ``dpkg --print-architecture``,
QEMU's are the suffixes of ``qemu-user-static``'s programs, machine names those of ``uname -m``.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from robenv.errors import UsageError


@dataclass(frozen=True)
class Platform:
    """``architecture`` and ``variant`` as Docker writes them; the other fields are the same thing elsewhere."""

    architecture: str
    variant: str
    debian: str
    qemu: str
    machine: str
    aliases: tuple[str, ...] = ()
    """Other names that are taken for it, in lower case."""
    os: str = "linux"

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


PLATFORMS: tuple[Platform, ...] = (
    Platform("amd64", "", "amd64", "x86_64", "x86_64", ("x86-64", "x64", "amd64/v1")),
    Platform("amd64", "v2", "amd64", "x86_64", "x86_64"),
    Platform("amd64", "v3", "amd64", "x86_64", "x86_64"),
    Platform("arm64", "", "arm64", "aarch64", "aarch64", ("arm64/v8", "arm64v8", "armv8")),
    Platform("arm", "v7", "armhf", "arm", "armv7l", ("arm", "armv7", "arm32v7", "armv8l")),
    # Docker's v6 and v5 images are Debian's armel; Raspberry Pi's own "armhf" for v6 is another archive.
    Platform("arm", "v6", "armel", "arm", "armv6l", ("armv6", "arm32v6")),
    Platform("arm", "v5", "armel", "arm", "armv5tel", ("armv5", "arm32v5")),
    Platform("386", "", "i386", "i386", "i686", ("i486", "i586", "x86")),
    Platform("ppc64le", "", "ppc64el", "ppc64le", "ppc64le"),
    Platform("riscv64", "", "riscv64", "riscv64", "riscv64"),
    Platform("s390x", "", "s390x", "s390x", "s390x"),
    Platform("loong64", "", "loong64", "loongarch64", "loongarch64"),
    Platform("mips64le", "", "mips64el", "mips64el", "mips64"),
)
"""Where a name means several (armel, QEMU's arm), the first in this list is meant."""


def _index() -> dict[str, Platform]:
    """Every known name without its ``linux/``, in lower case."""
    names: dict[str, Platform] = {}
    for platform in PLATFORMS:
        names[str(platform).partition("/")[2]] = platform
    for platform in PLATFORMS:
        for name in (platform.debian, platform.machine, platform.qemu, *platform.aliases):
            names.setdefault(name, platform)
    return names


_BY_NAME = _index()


def parse_platform(text: str) -> Platform:
    """The platform that ``text`` means: ``linux/arm64``, ``arm64``, ``aarch64``, ``linux/arm/v7``, ``armhf``, …

    Raises UsageError for another operating system and for a name that nobody has, with the nearest known one.
    """
    name = text.strip().lower()
    system, slash, rest = name.partition("/")
    if slash and system == "linux":
        name = rest
    elif slash and system in ("windows", "darwin", "macos", "freebsd"):
        raise UsageError(f"platform {text!r} is not Linux", hint=f"robenv makes Linux containers: {_known()}")
    platform = _BY_NAME.get(name)
    if platform is None:
        raise UsageError(f"unknown platform {text!r}", hint=_suggest(name))
    return platform


def normalize(text: str) -> str:
    """``text`` in Docker's normal form, so that two spellings of one platform compare equal.

    Raises UsageError as ``parse_platform`` does.
    """
    return str(parse_platform(text))


_COMPATIBLE = {("amd64", "386"), ("arm64", "arm")}
"""(of the machine, of the program): the processor runs the older one too. Some arm64 servers' do not run arm."""


def runs_natively(machine: str, platform: str) -> bool:
    """Whether a machine of one platform runs programs of another one by itself. Raises UsageError."""
    own, wanted = parse_platform(machine).architecture, parse_platform(platform).architecture
    return own == wanted or (own, wanted) in _COMPATIBLE


def _suggest(name: str) -> str:
    near = difflib.get_close_matches(name, _BY_NAME, n=3, cutoff=0.6)
    # Swapped digits (arm46) are likelier than a wrong one.
    near.sort(key=lambda known: sorted(known) != sorted(name))
    return f"did you mean {_BY_NAME[near[0]]}?" if near else f"known platforms: {_known()}"


def _known() -> str:
    return ", ".join(str(platform) for platform in PLATFORMS)
