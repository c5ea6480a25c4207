"""Which address takes the place of which."""

from __future__ import annotations

import pytest

from robenv.plan.image.mirrors import MirrorRule, Mirrors, pinned_name, plan_mirrors
from robenv.profile.schema.mirrors import Mirrors as Section

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("reference", "mirrored"),
    [
        ("ubuntu:24.04", "lab:5000/library/ubuntu:24.04"),
        ("docker.io/ubuntu:24.04", "lab:5000/library/ubuntu:24.04"),
        ("nvidia/cuda:12", "lab:5000/nvidia/cuda:12"),
        (f"ros@{DIGEST}", f"lab:5000/library/ros@{DIGEST}"),
        ("nvcr.io/nvidia/l4t-base:r32", "lab:5000/nv/l4t-base:r32"),
        ("nvcr.io/other:1", "nvcr.io/other:1"),
        ("localhost/ubuntu", "localhost/ubuntu"),
    ],
)
def test_images(reference: str, mirrored: str) -> None:
    mirrors = Mirrors(registries=(("docker.io", "lab:5000"), ("nvcr.io/nvidia", "lab:5000/nv")))
    assert mirrors.image(reference) == mirrored


def test_an_image_by_its_digest_has_another_name_here() -> None:
    assert pinned_name(f"ros@{DIGEST}") == f"robenv/pinned:{DIGEST[7:]}"
    assert pinned_name("ros:jazzy") == "ros:jazzy"


def test_a_host_is_reached_both_ways_and_the_longest_address_counts() -> None:
    section = Section.model_validate(
        {"apt": {"a.org": {"url": "http://lab/a"}, "http://a.org/b/": {"url": "http://lab/b", "key": "/k"}}}
    )
    mirrors = plan_mirrors(section)
    assert mirrors.web == (
        MirrorRule("http://a.org/b/", "http://lab/b/", "/k"),
        MirrorRule("https://a.org/", "http://lab/a/"),
        MirrorRule("http://a.org/", "http://lab/a/"),
    )
    assert mirrors.archive("http://a.org/b") == MirrorRule("http://a.org/b/", "http://lab/b/", "/k")
    assert mirrors.archive("http://a.orgs/b") is None


def test_the_projects_own_count_before_those_of_the_user() -> None:
    own = Section.model_validate({"git": {"https://g.org/": "https://one/"}})
    users = Section.model_validate({"git": {"https://g.org/": "https://two/"}, "pip": "https://two/simple"})
    mirrors = plan_mirrors(own, users)
    assert mirrors.git == (("https://g.org/", "https://one/"),)
    assert mirrors.pip == "https://two/simple"
    assert mirrors.told() == ("the index of pip from https://two/simple", "https://g.org/ from https://one/")
