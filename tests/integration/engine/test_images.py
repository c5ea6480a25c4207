"""Images of a real engine: find, list, tag, remove, prune."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from robenv.engine.docker_engine import connect
from robenv.engine.protocol import BuildRequest, Engine
from robenv.errors import ImageNotFound, OperationFailed
from tests.support.engines.second_engine import SecondEngine
from tests.support.images.building import context

pytestmark = pytest.mark.engine

PROJECT = "robenvtest-images"


@pytest.fixture
def image(engine: Engine) -> Iterator[str]:
    """Two tags of one image with labels and settings."""
    tag = f"{PROJECT}:1"
    dockerfile = (
        'FROM scratch\nCOPY Dockerfile /\nENV A="1"\nWORKDIR /w\nUSER 1000\nENTRYPOINT ["/e", "x"]\nCMD ["c"]\n'
        'LABEL other="2"\n'
    )
    wanted = BuildRequest(tag, "linux/arm64", {"robenv.project": PROJECT}, no_cache=True)
    list(engine.build(wanted, context(dockerfile)))
    yield tag
    for one in engine.images({"robenv.project": PROJECT}):
        engine.remove_image(one.id, force=True)


def test_what_an_image_says_of_itself(engine: Engine, image: str) -> None:
    found = engine.find_image(image)
    assert found is not None
    assert found.id.startswith("sha256:")
    assert found.tags == (image,)
    assert found.platform == "linux/arm64"
    assert found.labels == {"robenv.project": PROJECT, "other": "2"}
    assert found.entrypoint == ("/e", "x")
    assert found.command == ("c",)
    assert "A=1" in found.environment
    assert (found.working_dir, found.user) == ("/w", "1000")
    assert found.size > 0
    assert all(layer.startswith("sha256:") for layer in found.layers)
    assert engine.find_image(found.id) == found
    assert engine.find_image(image, "linux/arm64/v8") == found
    assert engine.find_image(image, "linux/amd64") is None


def test_an_image_that_is_not_there(engine: Engine) -> None:
    assert engine.find_image(f"{PROJECT}:none") is None
    assert engine.find_image("sha256:" + "0" * 64) is None
    with pytest.raises(ImageNotFound):
        engine.remove_image(f"{PROJECT}:none")
    with pytest.raises(ImageNotFound):
        engine.tag(f"{PROJECT}:none", f"{PROJECT}:2")


def test_images_are_listed_by_label(engine: Engine, image: str) -> None:
    found = engine.find_image(image)
    assert engine.images({"robenv.project": PROJECT}) == [found]
    assert engine.images({"robenv.project": PROJECT, "other": None}) == [found]
    assert engine.images({"robenv.project": PROJECT, "other": "3"}) == []
    assert found in engine.images()


def test_tags_come_and_go(engine: Engine, image: str) -> None:
    engine.tag(image, f"{PROJECT}:2")
    engine.tag(image, f"registry.example:5000/{PROJECT}")
    found = engine.find_image(image)
    assert found is not None
    assert set(found.tags) == {image, f"{PROJECT}:2", f"registry.example:5000/{PROJECT}:latest"}
    assert engine.remove_image(f"registry.example:5000/{PROJECT}") == 0
    assert engine.remove_image(f"{PROJECT}:2") == 0
    assert engine.remove_image(image) > 0
    assert engine.find_image(found.id) is None


def test_a_tag_that_is_none(engine: Engine, image: str) -> None:
    with pytest.raises(OperationFailed, match="invalid"):
        engine.tag(image, "Not//a tag")


def test_pruning_says_how_much_it_freed(second_engine: Callable[..., SecondEngine]) -> None:
    """On an engine of its own, for the cache of the other is the user's."""
    engine = connect(second_engine().environment)
    wanted = BuildRequest(f"{PROJECT}:1", "linux/amd64", {})
    list(engine.build(wanted, context("FROM scratch\nCOPY data /\n", data=b"\0" * 1_000_000)))
    engine.remove_image(f"{PROJECT}:1")
    assert engine.prune_build_cache() > 1_000_000
    assert engine.prune_build_cache() == 0
    engine.close()
