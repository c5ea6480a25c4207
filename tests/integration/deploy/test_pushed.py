"""Single layers out of a storage driver's store, by a push to a registry inside this process. Real engines."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.docker_engine import connect
from robenv.engine.protocol import BuildRequest, Engine, ImageInfo
from robenv.errors import DiskFull
from robenv.transfer.embedded_registry import HOST
from robenv.transfer.layer_cache import ZSTD, LayerCache
from robenv.transfer.push_capture import noting, push_into
from robenv.transfer.send import send_image
from tests.support.engines.second_engine import SecondEngine
from tests.support.images import small_image
from tests.support.images.building import context
from tests.support.robots.releases import eventually

pytestmark = [pytest.mark.engine, pytest.mark.graph_driver]

Make = Callable[..., ImageInfo]


class Unsaved:
    """An engine that does not give an image whole."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        assert name != "save_images", "the whole image was read"
        return getattr(self._engine, name)


@pytest.fixture
def make(engine: Engine, docker_api: Any) -> Iterator[Make]:
    """Images of a small base and a layer of so many bytes for each name."""
    base, made = small_image.ensure(docker_api), []

    def build(**sizes: int) -> ImageInfo:
        made.append(f"robenvtest-pushed:{uuid.uuid4().hex[:12]}")
        lines = "".join(f"COPY {name} /{name}\n" for name in sizes)
        files = {name: os.urandom(size) for name, size in sizes.items()}
        wanted = BuildRequest(made[-1], engine.info().platform, {}, buildkit=False)
        list(engine.build(wanted, context(f"FROM {base}\n{lines}", **files)))
        found = engine.find_image(made[-1])
        assert found is not None
        return found

    yield build
    for name in made:
        found = engine.find_image(name)
        assert found is not None
        assert found.tags == (name,), "the name for the push must not stay"
        engine.remove_image(name)


def pushed(engine: Engine, image: ImageInfo, wanted: set[str], folder: Path) -> frozenset[str]:
    return push_into(engine, image, wanted, LayerCache(ZSTD, folder / uuid.uuid4().hex), lambda count: None)


def test_what_the_engine_has_noted_is_read_only_where_it_is_wanted(engine: Engine, make: Make, tmp_path: Path) -> None:
    image = make(one=100_000, two=50_000)
    first = pushed(engine, image, {image.id, image.layers[-1]}, tmp_path)
    assert first >= {image.id, *image.layers[-2:]}, "nobody has had these before"
    assert pushed(engine, image, {image.id}, tmp_path) == {image.id}
    assert pushed(engine, image, {image.layers[-2]}, tmp_path) == {image.id, image.layers[-2]}


def test_an_update_does_without_the_whole_image(
    engine: Engine, make: Make, second_engine: Callable[..., SecondEngine], docker_api: Any, tmp_path: Path
) -> None:
    robot, image = second_engine(), make(one=300_000)
    robot.copy_image(docker_api, small_image.TAG)
    target = connect(robot.environment)
    source: Any = Unsaved(engine)
    try:
        sent = send_image(source, target, image.tags[0], "robenvtest-pushed:there", spool_folder=tmp_path)
        assert (sent.image_id, sent.layers_sent) == (image.id, 1)
        assert sent.bytes < 310_000
    finally:
        target.close()


def test_much_of_an_image_is_left_to_docker_save_until_the_engine_has_noted_it(
    engine: Engine, make: Make, tmp_path: Path
) -> None:
    image = make(much=40 << 20, little=1000)
    assert not pushed(engine, image, {image.id}, tmp_path) & {image.id, image.layers[-2]}
    with noting(engine) as note:
        note(image)
        note(image)
        eventually(lambda: pushed(engine, image, {image.id, image.layers[-1]}, tmp_path) >= {image.id})
    came = pushed(engine, image, {image.layers[-1]}, tmp_path)
    assert came == {image.id, image.layers[-1]}


def test_noting_ends_with_what_it_goes_beside(engine: Engine, make: Make) -> None:
    image = make(much=60 << 20)
    with noting(engine) as note:
        note(image)
        eventually(lambda: "robenv:noting" in "".join(tag for image in engine.images() for tag in image.tags))
        began = time.monotonic()
    assert time.monotonic() - began < 5


def test_a_full_disk_here_ends_it_at_once(engine: Engine, make: Make, tmp_path: Path) -> None:
    image = make(one=3 << 20)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)], check=True)
    try:
        began = time.monotonic()
        with pytest.raises(DiskFull, match="on this machine"):
            pushed(engine, image, {image.layers[-1]}, tmp_path)
        assert time.monotonic() - began < 10, "an engine tries five times, later and later"
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_an_engine_that_does_not_reach_this_machine(
    second_engine: Callable[..., SecondEngine], docker_api: Any, tmp_path: Path
) -> None:
    elsewhere = second_engine()
    elsewhere.copy_image(docker_api, small_image.ensure(docker_api))
    engine = connect(elsewhere.environment)
    try:
        image = engine.find_image(small_image.TAG)
        assert image is not None
        assert pushed(engine, image, {image.id}, tmp_path) == frozenset()
        assert not [tag for tag in engine.images()[0].tags if HOST in tag]
    finally:
        engine.close()


_STRANGER = """
import encodings.idna, http.client, itertools, os, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for port in itertools.cycle(range(5082, 5090)):
    for method, path in (("POST", "/v2/robenv/blobs/uploads/"), ("PATCH", "/v2/robenv/blobs/uploads/1"),
                         ("PUT", "/v2/robenv/manifests/sending"), ("PUT", "/v2/robenv/manifests/noting")):
        there = http.client.HTTPConnection(sys.argv[1], port, timeout=5)
        try:
            there.request(method, path, b"STRANGE" * 3000)
            status = there.getresponse().status
            print(status, flush=True)
        except OSError:
            pass
        there.close()
"""


def test_another_user_of_this_machine_brings_nothing_into_a_push(engine: Engine, make: Make, tmp_path: Path) -> None:
    """While the engine's own push goes on."""
    image = make(one=2_000_000)
    layer_cache = LayerCache(ZSTD, tmp_path / "spool")
    stranger = subprocess.Popen([sys.executable, "-c", _STRANGER, HOST], stdout=subprocess.PIPE, text=True)
    try:
        came, wanted = frozenset[str](), {image.id, *image.layers}
        for _ in range(3):
            came |= push_into(engine, image, wanted, layer_cache, lambda count: None)
    finally:
        stranger.kill()
        said, _ = stranger.communicate()
    assert came >= {image.id, image.layers[-1]}
    assert set(said.split()) == {"401"}, "it was there, and was refused each time"
    kept = {f"sha256:{path.name.partition('.')[0]}" for path in (tmp_path / "spool").iterdir() if path.name != "lock"}
    assert kept <= wanted, "nothing else was stored"
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


def test_the_login_is_in_nothing_that_stays(engine: Engine, make: Make, tmp_path: Path) -> None:
    image = make(one=1000)
    seen: list[str] = []

    class Told:
        def __getattr__(self, name: str) -> Any:
            return getattr(engine, name)

        def push(self, reference: str, login: Any) -> Any:
            seen.extend([reference, login["password"]])
            return engine.push(reference, login)

    told: Any = Told()
    assert pushed(told, image, {image.id, image.layers[-1]}, tmp_path)
    reference, password = seen[:2]
    assert password not in reference
    found = engine.find_image(image.id)
    assert found is not None
    assert password not in str(found)
