"""Which L4T runs with which, and which image is for it."""

from __future__ import annotations

import re
from itertools import combinations, pairwise

import pytest

from robenv.catalog.jetpack import (
    BOARDS,
    JETPACKS,
    board_of,
    family,
    jetpack_of,
    jetpack_of_image,
    l4t_of_image,
    l4t_of_profile,
    nearest_jetpack,
    parse_l4t,
    runs_on,
)
from robenv.catalog.releases import find_release


@pytest.mark.parametrize(
    ("reference", "release"),
    [
        ("nvcr.io/nvidia/l4t-jetpack:r36.4.0", (36, 4, 0)),
        ("nvcr.io/nvidia/l4t-ml:r35.2.1-py3", (35, 2, 1)),
        ("nvcr.io/nvidia/l4t-base:r32.7.1", (32, 7, 1)),
        ("nvcr.io:443/nvidia/l4t-base:r32.7.1@sha256:0123", (32, 7, 1)),
        ("dustynv/ros:humble-ros-base-l4t-r36.3.0", (36, 3, 0)),
        ("localhost:5000/l4t-jetpack:r36.2.0-mine", (36, 2, 0)),
        ("debian:bookworm", None),
        ("ros:r36.4.0", None),
        ("nvcr.io/nvidia/l4t-jetpack@sha256:0123", None),
        ("nvcr.io/nvidia/l4t-cuda:12.6.11-runtime", None),
        ("", None),
    ],
)
def test_l4t_by_an_images_name(reference: str, release: tuple[int, ...] | None) -> None:
    assert l4t_of_image(reference) == release


def test_families_part_where_they_do_not_mix() -> None:
    assert family((36, 3)) != family((36, 4, 3)) == family((36, 7)) == "36.4 and later"
    assert family((35, 2, 1)) == family((35, 6, 4)) == "35.1 and later"
    assert family((34, 1)) == "34.1"
    assert runs_on((36, 4, 0), (36, 5, 0))
    assert not runs_on((36, 4, 0), (36, 3, 0))
    assert runs_on((34, 1, 0), (34, 1, 1))
    assert not runs_on((34, 1), (34, 2))


@pytest.mark.parametrize(
    ("l4t", "nearest"),
    [
        ("32.6.1", "jp4"),
        ("28.4", "jp4"),
        ("34.1", "jp4"),
        ("35.0", "jp5"),
        ("37.0", "jp6"),
        ("38.0", "jp7-thor"),
        ("40.1", "jp7.2"),
    ],
)
def test_the_nearest_that_an_image_serves(l4t: str, nearest: str) -> None:
    found = jetpack_of(parse_l4t(l4t))
    assert found is None or not found.base
    near = nearest_jetpack(parse_l4t(l4t))
    assert near is not None
    assert near.name == nearest


@pytest.mark.parametrize(
    ("name", "l4t"),
    [
        ("jetson/r36.4.3", (36, 4, 3)),
        ("jetson/36.4", (36, 4)),
        ("jetson/l4t-r35.2.1", (35, 2, 1)),
        ("jetson/jp6", None),
        ("jetson/r36", None),
        ("jetson/r36.4.3/x", None),
        ("ros/r36.4.3", None),
    ],
)
def test_l4t_by_a_profiles_name(name: str, l4t: tuple[int, ...] | None) -> None:
    assert l4t_of_profile(name) == l4t


def test_the_family_of_an_image_on_a_jetson() -> None:
    families = {
        reference: row.name if (row := jetpack_of_image(reference)) else ""
        for reference in ("nvcr.io/nvidia/l4t-ml:r35.2.1-py3", "ubuntu:24.04", "debian:bookworm")
    }
    assert families == {"nvcr.io/nvidia/l4t-ml:r35.2.1-py3": "jp5", "ubuntu:24.04": "jp7.2", "debian:bookworm": ""}


def test_the_table_is_sound() -> None:
    assert len({row.name for row in JETPACKS}) == len(JETPACKS)
    for one, other in combinations(JETPACKS, 2):
        assert not (one.has(other.first) or other.has(one.first)), f"{one.name} and {other.name} overlap"
    assert all(one.first < other.first for one, other in pairwise(JETPACKS))
    for row in JETPACKS:
        assert row.has(row.first)
        release = find_release(row.suite)
        assert release is not None
        assert release.python == row.python
        made_for = l4t_of_image(row.base)
        assert made_for is None or row.has(made_for)
    for source, checked in [(jetpack.source, jetpack.checked) for jetpack in JETPACKS] + [
        (board.source, board.checked) for board in BOARDS
    ]:
        assert source.startswith("https://")
        assert re.fullmatch(r"20\d\d-\d\d(-\d\d)?", checked)
    names = {row.name for row in JETPACKS if row.base}
    assert all(set(board.jetpacks) <= names for board in BOARDS)


@pytest.mark.parametrize(
    ("model", "board"),
    [
        ("NVIDIA Jetson Orin NX Engineering Reference Developer Kit", "orin-nx"),
        ("NVIDIA Orin Nano Developer Kit", "orin-nano"),
        ("NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super", "orin-nano"),
        ("NVIDIA Jetson Nano Developer Kit", "nano"),
        ("NVIDIA Jetson Xavier NX Developer Kit", "xavier-nx"),
        ("NVIDIA Jetson AGX Orin Developer Kit", "agx-orin"),
        ("NVIDIA Jetson AGX Thor Developer Kit", "thor"),
        ("Jetson-AGX", None),
        ("Raspberry Pi 5 Model B Rev 1.0", None),
        ("", None),
    ],
)
def test_a_board_by_what_its_device_tree_says(model: str, board: str | None) -> None:
    found = board_of(model)
    assert (found.name if found else None) == board
