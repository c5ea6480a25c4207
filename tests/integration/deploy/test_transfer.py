"""Images sent from engine to engine: what goes over, what is there afterwards, and what is left where it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.protocol import BuildEvent, Engine, StepEvent, TransferEvent
from robenv.errors import DiskFull, EngineLost, OperationFailed
from robenv.transfer.layers import archive
from robenv.transfer.load_stream import small_tar
from robenv.transfer.send import TransferResult, send_image
from robenv.transfer.source import find_source
from tests.support.engines.second_engine import SecondEngine
from tests.support.engines.store_engines import KINDS, NearRegistry, Way, empty, opened
from tests.support.images.base_image import build_context

pytestmark = pytest.mark.engine

MARK = uuid.uuid4().hex[:8]
BASE, FIRST, SECOND = (f"robenvtest-transfer/{name}:{MARK}" for name in ("base", "first", "second"))
NAME = "robenv/robenvtest-transfer:release"
PART = 300_000
"""Random bytes in a layer: none of them can be packed away."""

# A shell and little else, so that engines get it quickly and it runs.
_BASE = """FROM {base} AS whole
RUN mkdir /small && for program in /bin/sh /bin/cat; do \\
    cp -L --parents $program $(ldd $program | grep -o '/[^ ]*') /small; done
FROM scratch
COPY --from=whole /small /
COPY part0 /part0
ENV LESS=<more>&more
"""
_FIRST = f"FROM {BASE}\nCOPY part1 /part1\nCOPY part2 /part2\nCOPY part3 /part3\nCOPY text1 /text\n"
_SECOND = f'FROM {FIRST}\nCOPY text2 /text\nCMD ["cat", "/text"]\nLABEL robenvtest.unicode="\u00fc & \u2028"\n'


@pytest.fixture(scope="module")
def images(docker_api: Any, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """BASE, FIRST on top of it with three parts, and SECOND that changes a small file of it; on the system's engine."""
    files = {f"part{number}": os.urandom(PART * (4 if number == 0 else 1)) for number in range(4)}
    files |= {"text1": b"first", "text2": b"second"}
    folder = tmp_path_factory.mktemp("context")
    made = []
    for tag, dockerfile in ((BASE, _BASE.format(base=base_image)), (FIRST, _FIRST), (SECOND, _SECOND)):
        with tarfile.open(folder / "context.tar", "w", format=tarfile.GNU_FORMAT) as tar:
            for name, content in {**files, "Dockerfile": dockerfile.encode()}.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, BytesIO(content))
        build_context(docker_api, folder / "context.tar", tag)
        made.append(tag)
    yield
    for tag in reversed(made):
        docker_api.remove_image(tag)


@pytest.fixture(scope="module")
def machines() -> Iterator[Callable[[str], SecondEngine]]:
    """The engine of each kind, started when first asked for and emptied at every further asking."""
    with ExitStack() as stack:
        started: dict[str, SecondEngine] = {}

        def machine(kind: str) -> SecondEngine:
            if kind not in started:
                started[kind] = KINDS[kind.removeprefix("other ")]()
                stack.callback(started[kind].close)
                started[kind].start()
            empty(started[kind].api())
            return started[kind]

        yield machine


@pytest.fixture
def send(tmp_path: Path) -> Callable[..., TransferResult]:
    """``send_image`` with a spool of the test's own, and a step after each part."""

    def sent(source: Engine, target: Engine, image: str, **options: Any) -> TransferResult:
        return send_image(source, target, image, NAME, **{"spool_folder": tmp_path, "step_size": PART, **options})

    return sent


def give(machine: SecondEngine, docker_api: Any, image: str) -> None:
    machine.api().load_image(docker_api.get_image(image))


def pull(machine: SecondEngine, docker_api: Any, image: str, near: NearRegistry) -> None:
    """The image as a registry gives it: its layers compressed."""
    api, there = machine.api(), f"{near.address}/base"
    give(machine, docker_api, image)
    api.tag(image, there, "1")
    assert "error" not in api.push(there, "1")
    empty(api)
    api.pull(there, "1")


def fill(filler: Path, leave: int) -> None:
    """Leaves so many bytes on that disk."""
    free = shutil.disk_usage(filler.parent).free
    with filler.open("wb") as file:
        file.write(bytes(free - leave))


def run(machine: SecondEngine, image: str) -> bytes:
    api = machine.api()
    container = api.create_container(image, network_disabled=True)["Id"]
    try:
        api.start(container)
        api.wait(container)
        return bytes(api.logs(container))
    finally:
        api.remove_container(container)


def check_there(machine: SecondEngine, docker_api: Any) -> None:
    """The image is SECOND, it runs, and nothing else is left of its transfer."""
    api = machine.api()
    found, wanted = api.inspect_image(NAME), docker_api.inspect_image(SECOND)
    assert found["RootFS"] == wanted["RootFS"]
    assert found["Config"]["Labels"] == wanted["Config"]["Labels"]
    if "Descriptor" not in found and "Descriptor" not in wanted:
        assert found["Id"] == wanted["Id"]
    assert run(machine, NAME) == b"second"
    check_tidy(api)


def check_tidy(api: Any) -> None:
    tags = [tag for image in api.images() for tag in image["RepoTags"] or ()]
    assert not [tag for tag in tags if tag.startswith("robenv-staging")]
    assert api.containers(all=True) == []


@pytest.mark.parametrize("base", ["nothing", "loaded", "pulled"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_missing_goes_and_the_image_runs(
    kind: str, base: str, images: None, machines: Any, docker_api: Any, engine: Engine, send: Any
) -> None:
    machine = machines(kind)
    with ExitStack() as stack:
        if base == "loaded":
            give(machine, docker_api, BASE)
        if base == "pulled":
            near = NearRegistry(machine)
            stack.callback(near.close)
            pull(machine, docker_api, BASE, near.start())
        target = stack.enter_context(opened(machine.url))
        sent = send(engine, target, SECOND)
        below = 0 if base == "nothing" else len(docker_api.inspect_image(BASE)["RootFS"]["Layers"])
        assert (sent.layers_there, sent.layers_sent) == (below, 5 + (2 if base == "nothing" else 0))
        assert 3 * PART < sent.bytes < 3 * PART + 20_000 or (base == "nothing" and sent.bytes > 7 * PART)
        check_there(machine, docker_api)
        again = send(engine, target, SECOND)
        assert (again.bytes, again.layers_sent) == (0, 0)
        assert again.image_id == sent.image_id == machine.api().inspect_image(NAME)["Id"]


@pytest.mark.parametrize("target_kind", KINDS)
@pytest.mark.parametrize("source_kind", ["newer", "containerd"])
def test_every_store_sends_to_every_store(
    source_kind: str, target_kind: str, images: None, machines: Any, docker_api: Any, send: Any
) -> None:
    origin = machines(f"other {source_kind}")
    give(origin, docker_api, SECOND)
    machine = machines(target_kind)
    give(machine, docker_api, FIRST)
    with opened(origin.url) as source, opened(machine.url) as target:
        sent = send(source, target, SECOND)
        assert sent.layers_sent == 1
        assert sent.bytes < 10_000
        check_there(machine, docker_api)
        if target_kind == source_kind:
            assert origin.api().inspect_image(SECOND)["Id"] == sent.image_id
    check_tidy(origin.api())


@pytest.mark.parametrize("target_kind", KINDS)
def test_compressed_layers_of_a_pulled_image_are_sent_on(
    target_kind: str, images: None, machines: Any, docker_api: Any, send: Any
) -> None:
    origin, machine = machines("other containerd"), machines(target_kind)
    near = NearRegistry(origin)
    try:
        pull(origin, docker_api, SECOND, near.start())
    finally:
        near.close()
    with opened(origin.url) as source, opened(machine.url) as target:
        send(source, target, f"{near.address}/base:1")
        check_there(machine, docker_api)


def test_progress_tells_bytes_of_all_bytes(
    images: None, machines: Any, engine: Engine, docker_api: Any, send: Any
) -> None:
    machine = machines("system's")
    heard: list[BuildEvent] = []
    with opened(machine.url) as target:
        sent = send(engine, target, SECOND, progress=heard.append)
    moved = [event for event in heard if isinstance(event, TransferEvent) and event.name.startswith("send ")]
    assert [event.current for event in moved] == sorted(event.current for event in moved)
    assert {event.total for event in moved} == {sent.bytes}
    assert moved[-1].current == sent.bytes
    ended = [event.name for event in heard if isinstance(event, StepEvent) and event.completed]
    assert ended == [f"pack 7 layers of {SECOND}", f"send 7 layers of {SECOND}"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_cut_transfer_goes_on_with_what_is_missing(
    kind: str, quarter: int, images: None, machines: Any, docker_api: Any, engine: Engine, send: Any
) -> None:
    machine = machines(kind)
    give(machine, docker_api, BASE)
    machine.api().tag(BASE, *NAME.rsplit(":", 1))
    old = machine.api().inspect_image(NAME)["Id"]
    with Way(machine.socket) as way, opened(way.url) as target:
        way.after("up", quarter * 3 * PART // 4, way.cut)
        with pytest.raises(EngineLost, match="target"):
            send(engine, target, SECOND)
        assert machine.api().inspect_image(NAME)["Id"] == old
        before = way.count["up"]
        sent = send(engine, target, SECOND)
        assert sent.layers_there == 2 + (quarter * 3 * PART // 4) // PART
        assert way.count["up"] - before < (5 - quarter) * PART
    check_there(machine, docker_api)


@pytest.mark.parametrize("kind", KINDS)
def test_a_load_whose_answer_is_lost_has_succeeded(
    kind: str, images: None, machines: Any, docker_api: Any, engine: Engine, send: Any
) -> None:
    machine = machines(kind)
    give(machine, docker_api, FIRST)
    with Way(machine.socket) as way, opened(way.url) as target:

        def lose_the_answer(event: BuildEvent) -> None:
            if isinstance(event, TransferEvent) and event.name.startswith("send") and not event.completed:
                way.after("down", 1, way.cut)

        send(engine, target, SECOND, progress=lose_the_answer)
    check_there(machine, docker_api)


@pytest.mark.parametrize("quarter", [1, 2, 3])
@pytest.mark.parametrize("kind", ["newer", "containerd"])
def test_a_source_that_breaks_off_leaves_nothing_half(
    kind: str, quarter: int, images: None, machines: Any, docker_api: Any, send: Any
) -> None:
    origin, machine = machines(f"other {kind}"), machines("system's")
    give(origin, docker_api, SECOND)
    with Way(origin.socket) as way, opened(way.url) as source, opened(machine.url) as target:
        way.after("down", quarter * 7 * PART // 4, way.cut)
        with pytest.raises((EngineLost, OperationFailed)):
            send(source, target, SECOND)
        assert machine.api().images() == []
        send(source, target, SECOND)
    check_there(machine, docker_api)
    check_tidy(origin.api())


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_that_dies_and_comes_back(
    kind: str, images: None, machines: Any, docker_api: Any, engine: Engine, send: Any
) -> None:
    machine = machines(f"other {kind}")
    with Way(machine.socket) as way, opened(way.url) as target:
        way.after("up", 5 * PART, machine.kill)
        try:
            with pytest.raises(EngineLost):
                send(engine, target, SECOND)
        finally:
            machine.start()
        sent = send(engine, target, SECOND)
        assert sent.layers_there >= 1
    check_there(machine, docker_api)


@pytest.mark.parametrize("leave", [PART, 10 * PART], ids=["while-it-comes", "while-it-is-unpacked"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_is_said_to_be_the_targets(
    kind: str, leave: int, images: None, docker_api: Any, engine: Engine, send: Any
) -> None:
    machine = KINDS[kind](data_size=48 << 20)
    try:
        machine.start()
        api, data = machine.api(), machine.folder / "data"
        fill(data / "filler", leave)
        with opened(machine.url) as target:
            with pytest.raises(DiskFull, match="The disk of the target") as caught:
                send(engine, target, SECOND, step_size=1 << 30)
            assert str(data) in caught.value.message
            assert api.images() == []
            assert api.containers(all=True) == []
            (data / "filler").unlink()
            send(engine, target, SECOND)
        check_there(machine, docker_api)
    finally:
        machine.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_that_arrives_damaged_is_refused_and_packed_anew(
    kind: str, images: None, machines: Any, docker_api: Any, engine: Engine, send: Any, tmp_path: Path
) -> None:
    machine = machines(kind)
    give(machine, docker_api, BASE)
    machine.api().tag(BASE, *NAME.rsplit(":", 1))
    old = machine.api().inspect_image(NAME)["Id"]

    def damage(event: BuildEvent) -> None:
        if isinstance(event, StepEvent) and event.name.startswith("send") and not event.completed:
            (packed,) = tmp_path.glob(f"{find_source(engine, SECOND, 'robenv-staging/test:read').layers[3][7:]}.*")
            content = bytearray(packed.read_bytes())
            content[PART // 2] ^= 0xFF
            packed.write_bytes(content)

    with opened(machine.url) as target:
        with pytest.raises(OperationFailed, match="did not take") as caught:
            send(engine, target, SECOND, progress=damage)
        assert not isinstance(caught.value, DiskFull)
        assert machine.api().inspect_image(NAME)["Id"] == old
        assert send(engine, target, SECOND).layers_there == 3
    check_there(machine, docker_api)


@pytest.mark.parametrize("kind", KINDS)
def test_a_base_that_goes_meanwhile_is_sent_too(
    kind: str, images: None, machines: Any, docker_api: Any, engine: Engine, send: Any
) -> None:
    machine = machines(kind)
    give(machine, docker_api, FIRST)
    failed: list[str] = []

    def remove(event: BuildEvent) -> None:
        if isinstance(event, StepEvent) and event.name == f"send 1 layers of {SECOND}":
            failed.append(event.error)
            if not event.completed:
                machine.api().remove_image(FIRST)
                assert machine.api().images() == []

    with opened(machine.url) as target:
        sent = send(engine, target, SECOND, progress=remove)
    assert failed[-1]
    assert (sent.layers_there, sent.layers_sent) == (0, 7)
    check_there(machine, docker_api)


def test_an_image_without_its_blobs_is_made_whole(
    images: None, machines: Any, docker_api: Any, engine: Engine, send: Any
) -> None:
    machine = machines("containerd")
    api = machine.api()
    give(machine, docker_api, SECOND)
    with opened(machine.url) as target:
        whole = find_source(target, SECOND, "robenv-staging/test:read")
        assert whole.manifest is not None
        empty(api)
        said = archive(SECOND, whole.config_text, whole.manifest.layers, whole.manifest.text)
        api.load_image(small_tar(said.files))
        assert api.inspect_image(SECOND)["Id"] == whole.image.id
        assert send(engine, target, SECOND).layers_sent == 7
    check_there(machine, docker_api)


def test_a_large_layer_does_not_pass_through_memory(machines: Any, tmp_path: Path, root: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.support.robots.sending",
        machines("system's").url,
        str(96 << 20),
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    idle, most = map(int, done.stdout.split())
    assert most - idle < 48 << 10
