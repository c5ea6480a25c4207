"""Releases by the names that images have."""

from __future__ import annotations

import pytest

from robenv.catalog.releases import RELEASES, release_of_image
from robenv.catalog.suites import find_suite


@pytest.mark.parametrize(
    ("reference", "suite"),
    [
        ("ubuntu:24.04", "noble"),
        ("ubuntu:noble-20260901", "noble"),
        ("mirror.example.org/library/ubuntu:22.04@sha256:0123", "jammy"),
        ("debian:bookworm-slim", "bookworm"),
        ("debian:12", "bookworm"),
        ("nvidia/cuda:12.8.1-cudnn-devel-ubuntu24.04", "noble"),
        ("nvcr.io/nvidia/cuda-dl-base:25.08-cuda13.0-devel-ubuntu24.04", "noble"),
        ("ghcr.io/example/thing:ubuntu2204", "jammy"),
        ("ros:jazzy-ros-base-noble", "noble"),
        ("ubuntu:12", ""),
        ("ubuntu", ""),
        ("ghcr.io/example/thing:24.04", ""),
        ("", ""),
    ],
)
def test_the_release_by_an_images_name(reference: str, suite: str) -> None:
    found = release_of_image(reference)
    assert (found.suite if found else "") == suite


def test_suites_that_have_a_release_are_of_its_distribution() -> None:
    for release in RELEASES:
        suite = find_suite(release.suite)
        assert suite is not None
        assert suite.distribution == release.distribution
