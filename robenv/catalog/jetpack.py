"""JetPack: which L4T runs with which, what each brings, and the image to begin from. Rows age, so each says its source.

An image for a Jetson is made for one family of L4T: its CUDA speaks to the driver of the machine beneath. From L4T 38
on the driver is the one of servers, and takes images of any origin: those have no family in their name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

Version = tuple[int, ...]


@dataclass(frozen=True)
class JetPack:
    """A family of L4T releases whose images run on each other's machines, and on no others."""

    name: str
    """As in ``jetson/NAME``, where there is a base."""
    versions: str
    """Of JetPack, for people."""
    first: Version
    last: Version
    """L4T releases, both ends in it, as far as they are written out: (36, 3) has 36.3.1 in it, and (36,) all of 36."""
    suite: str
    """Ubuntu's codename."""
    python: str
    cuda: str
    base: str
    """The image to begin from; "" where there is none for it."""
    source: str
    checked: str
    """The day on which somebody last looked at the source."""

    def has(self, l4t: Version) -> bool:
        return self.first <= l4t and l4t[: len(self.last)] <= self.last

    @property
    def range(self) -> str:
        low = dotted(self.first)
        if len(self.last) == 1:
            return f"{low} and later"
        return low if self.first == self.last else f"{low} to {dotted(self.last)}"


_STATS = "https://github.com/rbonghi/jetson_stats"
_CONTAINERS = "https://github.com/dusty-nv/jetson-containers"
_AUGUST = "2026-08"

JETPACKS: tuple[JetPack, ...] = (
    JetPack("jp4.6.0", "4.6", (32, 6), (32, 6), "bionic", "3.6", "10.2", "", _STATS, _AUGUST),
    JetPack(
        "jp4", "4.6.1 to 4.6.6", (32, 7), (32, 7), "bionic", "3.6", "10.2",
        "nvcr.io/nvidia/l4t-base:r32.7.1", _CONTAINERS, _AUGUST,
    ),
    JetPack(
        "jp5", "5.0.2, 5.1.x", (35, 1), (35,), "focal", "3.8", "11.4",
        "nvcr.io/nvidia/l4t-jetpack:r35.4.1", _CONTAINERS, _AUGUST,
    ),
    JetPack(
        "jp6.0", "6.0", (36, 0), (36, 3), "jammy", "3.10", "12.2",
        "nvcr.io/nvidia/l4t-jetpack:r36.2.0", _CONTAINERS, _AUGUST,
    ),
    JetPack(
        "jp6", "6.1, 6.2.x", (36, 4), (36,), "jammy", "3.10", "12.6",
        "nvcr.io/nvidia/l4t-jetpack:r36.4.0", _CONTAINERS, _AUGUST,
    ),
    JetPack(
        "jp7-thor", "7.0, 7.1", (38, 2), (38,), "noble", "3.12", "13.0",
        "nvcr.io/nvidia/cuda-dl-base:25.08-cuda13.0-devel-ubuntu24.04", _CONTAINERS, _AUGUST,
    ),
    JetPack("jp7.2", "7.2", (39, 0), (39,), "noble", "3.12", "13.2", "ubuntu:24.04", _STATS, _AUGUST),
)  # fmt: skip
"""Lowest first. Where the sources disagree, Isaac ROS's and DUA's images decided."""

_IMAGE = re.compile(r"(?:^|[-_])r(\d+)\.(\d+)((?:\.\d+)*)(?:[-_]|$)")
"""L4T in a tag: ``r36.4.0``, ``r35.2.1-py3``, ``humble-ros-base-l4t-r36.3.0``."""
_PROFILE = re.compile(r"jetson/(?:l4t-)?r?(\d{1,3}(?:\.\d{1,3}){1,3})", re.ASCII)


def dotted(version: Version) -> str:
    return ".".join(map(str, version))


def parse_l4t(text: str) -> Version:
    """``36.4.3`` as numbers, at least two of them. Raises ValueError."""
    numbers = tuple(int(part) for part in text.split("."))
    return numbers if len(numbers) > 1 else (*numbers, 0)


def l4t_of_image(reference: str) -> Version | None:
    """The L4T release that an image is made for, by its name; None where it is made for none."""
    name, _, tag = reference.rpartition("/")[2].partition("@")[0].partition(":")
    if "l4t" not in name and "l4t" not in tag and "jetson" not in reference:
        return None
    match = _IMAGE.search(tag)
    return parse_l4t(f"{match[1]}.{match[2]}{match[3]}") if match else None


def l4t_of_profile(name: str) -> Version | None:
    """The L4T release in a name such as ``jetson/r36.4.3``; None where it is another kind of name."""
    match = _PROFILE.fullmatch(name)
    return parse_l4t(match[1]) if match else None


def jetpack_of(l4t: Version, rows: Iterable[JetPack] = JETPACKS) -> JetPack | None:
    """The family that a release is of; None for one that no row has."""
    return next((row for row in rows if row.has(l4t)), None)


def jetpack_of_image(reference: str, rows: Iterable[JetPack] = JETPACKS) -> JetPack | None:
    """The family that an image on a Jetson is for: by its name, or as a row's own base, also as robenv ships it; None
    where for none."""
    rows = tuple(rows)
    l4t = l4t_of_image(reference)
    if l4t is not None:
        return jetpack_of(l4t, rows)
    shipped = next((row.name for row in JETPACKS if row.base == reference), "")
    return next((row for row in rows if row.base == reference or row.name == shipped), None)


def nearest_jetpack(l4t: Version, rows: Iterable[JetPack] = JETPACKS) -> JetPack | None:
    """The family with a base image that is nearest to a release that has none: an older one before a newer one, of
    the same L4T before any other."""
    served = [row for row in rows if row.base]
    same = [row for row in served if row.first[0] == l4t[0]]
    older = [row for row in same or served if row.first <= l4t]
    return older[-1] if older else next(iter(same or served), None)


def runs_on(image: Version, machine: Version, rows: Iterable[JetPack] = JETPACKS) -> bool:
    """Whether an image for one L4T runs on a machine with another. Of releases that no row has, only those of one
    major and minor number are taken to fit."""
    rows = tuple(rows)
    of_image, of_machine = jetpack_of(image, rows), jetpack_of(machine, rows)
    if of_image is None or of_machine is None:
        return of_image is of_machine and image[:2] == machine[:2]
    return of_image == of_machine


def family(l4t: Version, rows: Iterable[JetPack] = JETPACKS) -> str:
    """What a release runs with, in words: ``36.4 to 36.5``; for one that no row has, itself."""
    row = jetpack_of(l4t, rows)
    return row.range if row is not None else dotted(l4t)


@dataclass(frozen=True)
class Board:
    """A board by the name that people use, which is that of its profile: ``jetson/NAME``."""

    name: str
    what: str
    jetpacks: tuple[str, ...]
    """Names of families; first the one that its profile is for."""
    source: str
    checked: str


_LINUX = "https://developer.nvidia.com/embedded/jetson-linux-archive"

BOARDS: tuple[Board, ...] = (
    Board("nano", "Jetson Nano", ("jp4",), _LINUX, _AUGUST),
    Board("tx2", "Jetson TX2", ("jp4",), _LINUX, _AUGUST),
    Board("xavier-nx", "Jetson Xavier NX", ("jp5", "jp4"), _LINUX, _AUGUST),
    Board("agx-xavier", "Jetson AGX Xavier", ("jp5", "jp4"), _LINUX, _AUGUST),
    Board("orin-nano", "Jetson Orin Nano", ("jp6", "jp7.2", "jp6.0", "jp5"), _LINUX, _AUGUST),
    Board("orin-nx", "Jetson Orin NX", ("jp6", "jp7.2", "jp6.0", "jp5"), _LINUX, _AUGUST),
    Board("agx-orin", "Jetson AGX Orin", ("jp6", "jp7.2", "jp6.0", "jp5"), _LINUX, _AUGUST),
    Board("thor", "Jetson AGX Thor", ("jp7-thor", "jp7.2"), _LINUX, _AUGUST),
)


def board_of(model: str) -> Board | None:
    """The board that a device tree's model names, as in ``NVIDIA Jetson Orin NX Engineering Reference Developer Kit``;
    None where it names none of them."""
    words = set(re.split(r"[^a-z0-9]+", model.lower()))
    named = [board for board in BOARDS if words.issuperset(board.name.split("-"))]
    return max(named, key=lambda board: board.name.count("-"), default=None)
