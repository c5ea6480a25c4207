"""Debian's and Ubuntu's suites: where their packages are, and which keyring signs them.

Sources: the archives' own ``dists/`` folders (deb and archive.debian.org, archive and ports.ubuntu.com),
wiki.debian.org/SourcesList for the name and place of Debian's security suites, and wiki.ubuntu.com/Releases.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

DEBIAN = "http://deb.debian.org/debian"
DEBIAN_SECURITY = "http://deb.debian.org/debian-security"
DEBIAN_ARCHIVE = "http://archive.debian.org/debian"
DEBIAN_ARCHIVE_SECURITY = "http://archive.debian.org/debian-security"
UBUNTU = "http://archive.ubuntu.com/ubuntu"
UBUNTU_PORTS = "http://ports.ubuntu.com/ubuntu-ports"

_UBUNTU_MAIN_ARCHIVE = ("amd64", "i386")
"""Debian architecture names; every other one is on the ports archive."""


@dataclass(frozen=True)
class Keyring:
    """The file with an archive's keys, and the packages that install it on Debian and on Ubuntu."""

    path: str
    package_on_debian: str
    package_on_ubuntu: str


DEBIAN_KEYRING = Keyring(
    "/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring", "debian-archive-keyring"
)
DEBIAN_OLD_KEYRING = Keyring(
    "/usr/share/keyrings/debian-archive-removed-keys.gpg", "debian-archive-keyring", "debian-archive-keyring"
)
UBUNTU_KEYRING = Keyring("/usr/share/keyrings/ubuntu-archive-keyring.gpg", "ubuntu-archive-keyring", "ubuntu-keyring")


@dataclass(frozen=True)
class Suite:
    name: str
    distribution: str
    """``debian`` or ``ubuntu``."""
    components: tuple[str, ...]
    keyring: Keyring
    mirror: str
    ports_mirror: str = ""
    """Where other architectures than amd64 and i386 are; "" for the same place."""
    updates: str = ""
    """The suite of stable updates in the same archive; "" where there is none."""
    security: str = ""
    """The suite of security updates; "" where there is none."""
    security_mirror: str = ""
    """Its archive; "" for the suite's own."""
    expired: bool = False
    """No longer supported: its Release files are past their Valid-Until."""

    def mirror_for(self, architecture: str) -> str:
        """The suite's own archive for a Debian architecture (``amd64``, ``arm64``, ``armhf``, …)."""
        if self.ports_mirror and architecture not in _UBUNTU_MAIN_ARCHIVE:
            return self.ports_mirror
        return self.mirror


def _debian(name: str) -> Suite:
    return Suite(
        name, "debian", ("main",), DEBIAN_KEYRING, DEBIAN, "", f"{name}-updates", f"{name}-security", DEBIAN_SECURITY
    )


def _old_debian(name: str) -> Suite:
    return Suite(
        name,
        "debian",
        ("main",),
        DEBIAN_OLD_KEYRING,
        DEBIAN_ARCHIVE,
        security=f"{name}/updates",
        security_mirror=DEBIAN_ARCHIVE_SECURITY,
        expired=True,
    )


def _ubuntu(name: str) -> Suite:
    return Suite(
        name,
        "ubuntu",
        ("main", "universe"),
        UBUNTU_KEYRING,
        UBUNTU,
        UBUNTU_PORTS,
        f"{name}-updates",
        f"{name}-security",
    )


SUITES: tuple[Suite, ...] = (
    _old_debian("stretch"),
    _old_debian("buster"),
    _debian("bullseye"),
    _debian("bookworm"),
    _debian("trixie"),
    _debian("forky"),
    Suite("sid", "debian", ("main",), DEBIAN_KEYRING, DEBIAN),
    _ubuntu("xenial"),
    _ubuntu("bionic"),
    _ubuntu("focal"),
    _ubuntu("jammy"),
    _ubuntu("noble"),
    _ubuntu("resolute"),
)


def find_suite(name: str) -> Suite | None:
    """The suite of that name; None for one that robenv does not know."""
    return next((suite for suite in SUITES if suite.name == name), None)


def nearest_suite(name: str) -> str:
    """The known suite whose name is most like ``name``; "" where none is."""
    return next(iter(difflib.get_close_matches(name, [suite.name for suite in SUITES], n=1)), "")
