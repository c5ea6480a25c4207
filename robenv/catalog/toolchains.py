"""Compilers for other architectures, as Debian and Ubuntu package them, and how emulation of an architecture is set.

Sources: the packages ``g++-TRIPLET`` of gcc-defaults and cross-toolchain-base; qemu(1) of qemu-user for ``QEMU_CPU``.
"""

from __future__ import annotations

from robenv.catalog.platforms import parse_platform

_TRIPLETS = {
    "amd64": "x86_64-linux-gnu",
    "arm64": "aarch64-linux-gnu",
    "armhf": "arm-linux-gnueabihf",
    "ppc64el": "powerpc64le-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
    "s390x": "s390x-linux-gnu",
}
"""By Debian's architecture: GNU's name, which here is that of the multiarch folders too."""

_HOSTS = ("amd64", "arm64")
"""On these both distributions have compilers for all of the above."""


def cross_triplet(host: str, platform: str) -> str:
    """The triplet of ``platform`` if a machine of the platform ``host`` has a compiler for it; "" if not."""
    own, wanted = parse_platform(host).debian, parse_platform(platform).debian
    return _TRIPLETS.get(wanted, "") if own in _HOSTS and own != wanted else ""


def cross_package(triplet: str) -> str:
    """The package with the C++ compiler, which brings the C compiler and the linker."""
    return f"g++-{triplet.replace('_', '-')}"


def emulation_settings(machine: str, platform: str) -> tuple[tuple[str, str], ...]:
    """Environment variables under which QEMU on ``machine`` runs programs of ``platform`` best.

    QEMU before 10 computes arm64's pointer authentication with the feature's own algorithm, in software, at every call
    and return of programs that were compiled for it: those of Debian 13 and Ubuntu 24.04. An algorithm that takes no
    time is QEMU 10's default, so this changes nothing there. Without the feature, programs for processors from ARMv8.3
    on would not run.
    """
    if parse_platform(platform).architecture == "arm64" and parse_platform(machine).architecture != "arm64":
        return (("QEMU_CPU", "max,pauth-impdef=on"),)
    return ()
