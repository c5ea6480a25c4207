"""What is known of ROS: the table is whole, and says what an image of ROS has."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from robenv.catalog.ros import DISTROS, VARIANTS, RosDistro, contained_variants, find_distro, image_of
from robenv.catalog.suites import find_suite


@pytest.mark.parametrize("distro", DISTROS, ids=lambda one: one.name)
def test_every_row_is_whole(distro: RosDistro) -> None:
    assert find_distro(distro.name) is distro
    assert find_suite(distro.suite)
    assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", distro.until) or (distro.name == "rolling" and not distro.until)
    successor = find_distro(distro.successor)
    assert not distro.successor or (successor and (successor.until > distro.until))


def test_the_ubuntu_of_a_suite_is_one() -> None:
    assert len({distro.suite for distro in DISTROS}) == len(
        {(distro.suite, distro.ubuntu, distro.python) for distro in DISTROS}
    )


def test_what_a_variant_has_in_it() -> None:
    assert contained_variants("ros-core") == ("ros-core",)
    assert contained_variants("desktop") == ("ros-core", "ros-base", "desktop")
    assert set(contained_variants("desktop-full")) == set(VARIANTS)


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("ros:jazzy", ("jazzy", "ros-base")),
        ("ros:jazzy-ros-core", ("jazzy", "ros-core")),
        ("registry.lan:5000/mirror/ros:noetic-perception-focal", ("noetic", "perception")),
        ("ros:humble@sha256:" + "0" * 64, ("humble", "ros-base")),
        ("osrf/ros:jazzy-desktop", ("", "")),
        ("ros:foxy", ("", "")),
        ("ubuntu:24.04", ("", "")),
        ("ros", ("", "")),
    ],
)
def test_what_an_image_has(reference: str, found: tuple[str, str]) -> None:
    assert image_of(reference) == found


@pytest.mark.parametrize(
    ("file", "fingerprint"),
    [
        ("ros/ros-snapshots.asc", "4b63cf8fde49746e98fa01ddad19bab3cbf125ea"),  # as Open Robotics' own images name it
        ("jetson/jetson-ota-public.asc", "3c6d1ff3100c8c3abb0869c0e6543461a9996195"),  # as on NVIDIA's boards
    ],
)
def test_the_keys_of_archives_are_those_that_are_known(root: Path, file: str, fingerprint: str) -> None:
    """By RFC 4880, 12.2."""
    text = (root / "profiles" / file).read_text()
    body = text.split("\n\n", 1)[1].split("\n=", 1)[0]
    data = base64.b64decode(body)
    assert data[0] == 0x99, "the first packet is a public key, with a length of two octets"
    key = data[: 3 + int.from_bytes(data[1:3], "big")]
    assert hashlib.sha1(key, usedforsecurity=False).hexdigest() == fingerprint
