"""Releases of Debian and Ubuntu as people name them: numbers, Python, until when they are supported; and which of them
an image has, by its name.

Sources: https://wiki.debian.org/DebianReleases and https://wiki.debian.org/LTS, https://ubuntu.com/about/release-cycle
(standard support), each distribution's python3-defaults.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class DistroRelease:
    suite: str
    distribution: str
    """``debian`` or ``ubuntu``."""
    version: str
    python: str
    until: str
    """The month in which free support ends: ``2029-04``."""
    checked: str = "2026-08"
    """When somebody last looked at the sources."""

    @property
    def title(self) -> str:
        return f"{self.distribution.capitalize()} {self.version}"


RELEASES: tuple[DistroRelease, ...] = (
    DistroRelease("bionic", "ubuntu", "18.04", "3.6", "2023-05"),
    DistroRelease("focal", "ubuntu", "20.04", "3.8", "2025-05"),
    DistroRelease("jammy", "ubuntu", "22.04", "3.10", "2027-04"),
    DistroRelease("noble", "ubuntu", "24.04", "3.12", "2029-04"),
    DistroRelease("resolute", "ubuntu", "26.04", "3.14", "2031-04"),
    DistroRelease("bullseye", "debian", "11", "3.9", "2026-08"),
    DistroRelease("bookworm", "debian", "12", "3.11", "2028-06"),
    DistroRelease("trixie", "debian", "13", "3.13", "2030-06"),
)

_UBUNTU_IN_TAG = re.compile(r"(?:^|[-_.])ubuntu-?(\d\d\.?\d\d)(?:[-_.]|$)")


def find_release(name: str) -> DistroRelease | None:
    """By codename, by ``24.04``, or by Debian's number."""
    return next((release for release in RELEASES if name in (release.suite, release.version)), None)


def release_of_image(reference: str) -> DistroRelease | None:
    """By names that say it: ``ubuntu:24.04``, ``debian:bookworm-slim``, ``…-ubuntu24.04``, ``ros:jazzy-noble``.
    None where the name does not say."""
    name, _, tag = reference.rpartition("/")[2].partition("@")[0].partition(":")
    if name in ("ubuntu", "debian"):
        found = find_release(tag.partition("-")[0])
        return found if found and found.distribution == name else None
    if numbered := _UBUNTU_IN_TAG.search(tag):
        digits = numbered[1].replace(".", "")
        return find_release(f"{digits[:2]}.{digits[2:]}")
    return next((release for release in RELEASES if release.suite in re.split("[-_.]", tag)), None)
