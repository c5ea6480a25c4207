"""Building on a real engine, with BuildKit and with the classic builder: the same Protocol, the same events."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.build.progress import BuildState, apply_event
from robenv.engine.protocol import BuildRequest, Engine, ImageEvent, TransferEvent
from robenv.errors import BuildFailed, OperationFailed
from robenv.render import stream
from robenv.render.entries import FILE, ContextEntry, FileStat
from tests.support.images.building import build, context, output, request, steps

pytestmark = pytest.mark.engine

TAG = "robenvtest-build:1"
BUILDERS = pytest.mark.parametrize("buildkit", [True, False], ids=["buildkit", "classic"])


@pytest.fixture
def tag(docker_api: Any) -> Iterator[str]:
    yield TAG
    # An image that was built anew leaves the one before without a name.
    for image in docker_api.images(filters={"label": "robenv.project=robenvtest-build"}):
        docker_api.remove_image(image["Id"], force=True)


@BUILDERS
def test_the_last_event_is_the_image(engine: Engine, base_image: str, tag: str, buildkit: bool) -> None:
    events = build(engine, request(tag, buildkit), f"FROM {base_image}\nRUN echo hello; touch /new\nWORKDIR /opt\n")
    assert isinstance(events[-1], ImageEvent)
    assert sum(isinstance(event, ImageEvent) for event in events) == 1
    assert output(events) == "hello\n"
    image = engine.find_image(tag)
    assert image is not None
    assert (image.id, image.platform, image.working_dir) == (events[-1].image_id, "linux/amd64", "/opt")
    assert image.labels["robenv.project"] == "robenvtest-build"
    assert len(image.layers) >= 2
    run = next(step for name, step in steps(events).items() if "RUN echo hello; touch" in name)
    assert run.started is not None
    assert run.completed is not None
    assert not run.cached


@BUILDERS
def test_the_second_time_it_is_cached(engine: Engine, base_image: str, tag: str, buildkit: bool) -> None:
    wanted, dockerfile = request(tag, buildkit, no_cache=False), f"FROM {base_image}\nRUN echo cached once\n"
    first = build(engine, wanted, dockerfile)
    second = build(engine, wanted, dockerfile)
    assert next(step for name, step in steps(second).items() if "RUN echo" in name).cached
    assert isinstance(first[-1], ImageEvent)
    assert second[-1] == first[-1]
    third = build(engine, request(tag, buildkit, no_cache=True), dockerfile)
    assert output(third) == "cached once\n"


@BUILDERS
def test_a_failing_step_is_named(engine: Engine, base_image: str, tag: str, buildkit: bool) -> None:
    state = BuildState()
    with pytest.raises(BuildFailed) as caught:
        for event in engine.build(request(tag, buildkit), context(f"FROM {base_image}\nRUN echo why; exit 7\n")):
            state = apply_event(state, event)
    assert "RUN echo why; exit 7" in caught.value.message
    assert "exit code 7" in caught.value.details
    assert state.failed is not None
    assert state.failed.lines == ("why",)
    assert engine.find_image(tag) is None


@BUILDERS
def test_a_dockerfile_that_is_none(engine: Engine, tag: str, buildkit: bool) -> None:
    with pytest.raises(BuildFailed) as caught:
        build(engine, request(tag, buildkit), "FROM scratch\nFOO bar\n")
    assert "unknown instruction: FOO" in caught.value.details


@BUILDERS
def test_a_tag_that_is_none(engine: Engine, buildkit: bool) -> None:
    with pytest.raises(BuildFailed) as caught:
        build(engine, request("Robenvtest//no", buildkit), "FROM scratch\nCOPY Dockerfile /\n")
    assert "invalid reference format" in caught.value.details


@BUILDERS
def test_a_base_that_is_not_there(engine: Engine, tag: str, buildkit: bool) -> None:
    with pytest.raises(BuildFailed):
        build(engine, request(tag, buildkit), "FROM 127.0.0.1:1/robenvtest-none:1\nRUN true\n")


def test_buildkit_mounts_caches_and_runs_stages_side_by_side(engine: Engine, base_image: str, tag: str) -> None:
    stage = "FROM {} AS {}\nRUN --mount=type=cache,target=/c,id=robenvtest sleep 1; echo {} > /out\n"
    dockerfile = "".join(stage.format(base_image, name, name) for name in ("one", "two"))
    dockerfile += "FROM scratch\nCOPY --from=one /out /one\nCOPY --from=two /out /two\n"
    told = steps(build(engine, request(tag), dockerfile))
    one, two = (next(step for name, step in told.items() if f"[{stage} 2/2]" in name) for stage in ("one", "two"))
    assert one.started is not None
    assert two.started is not None
    assert max(one.started, two.started) < min(one.completed or 0, two.completed or 0)


def test_buildkit_writes_the_platform_that_was_asked_for(engine: Engine, tag: str) -> None:
    wanted = BuildRequest(tag, "linux/arm64", {"robenv.project": "robenvtest-build"}, no_cache=True)
    list(engine.build(wanted, context("FROM scratch\nCOPY Dockerfile /\n")))
    image = engine.find_image(tag)
    assert image is not None
    assert image.platform == "linux/arm64"


@pytest.mark.alone
def test_the_classic_builder_leaves_no_containers(engine: Engine, docker_api: Any, base_image: str, tag: str) -> None:
    before = {container["Id"] for container in docker_api.containers(all=True)}
    build(engine, request(tag, buildkit=False), f"FROM {base_image}\nRUN true\n")
    with pytest.raises(BuildFailed):
        build(engine, request(tag, buildkit=False), f"FROM {base_image}\nRUN false\n")
    after = docker_api.containers(all=True)
    ours = [one for one in after if one["Id"] not in before and "/bin/sh -c" in one["Command"]]
    assert ours == []


@BUILDERS
def test_what_the_context_raises_comes_out_as_it_is(engine: Engine, docker_api: Any, tag: str, buildkit: bool) -> None:
    def broken() -> Iterator[bytes]:
        yield from list(context("FROM scratch\n"))[:1]
        raise OperationFailed("a file changed")

    with pytest.raises(OperationFailed, match=r"^a file changed$"):
        list(engine.build(request(tag, buildkit), broken()))
    assert engine.find_image(tag) is None


@BUILDERS
def test_a_big_context_is_streamed(engine: Engine, tag: str, tmp_path: Path, buildkit: bool) -> None:
    """64 MB of file must not become memory of this process."""
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(64 << 20)
    status = big.stat()
    stat = FileStat(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    entries = [
        ContextEntry("Dockerfile", FILE, 0o644, data=b"FROM scratch\nCOPY big /\n"),
        ContextEntry("big", FILE, 0o644, host_path=str(big), stat=stat),
    ]
    build(engine, request(tag, buildkit), "FROM scratch\nCOPY Dockerfile /\n")  # so that all is imported
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    events = list(engine.build(request(tag, buildkit), stream(entries)))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert isinstance(events[-1], ImageEvent)
    assert grown < 16 << 10  # KiB
    sent = [event.current for event in events if isinstance(event, TransferEvent) and event.name == "context"]
    assert sent == sorted(sent)
    assert sent[-1] > 64 << 20
