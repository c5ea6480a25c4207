"""A build that is given up leaves nothing on the engine: no process, no container, no image."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.protocol import Engine, LogEvent, TransferEvent
from tests.support.images.building import context, endless_context, request

pytestmark = pytest.mark.engine

BUILDERS = pytest.mark.parametrize("buildkit", [True, False], ids=["buildkit", "classic"])
TAG = "robenvtest-cancelled:1"


def _sleepers(mark: str) -> list[str]:
    """The processes of this machine that sleep so long; the engine's containers run on it."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if (entry / "cmdline").read_bytes() == f"sleep\0{mark}\0".encode():
                found.append(entry.name)
    return found


def _until(condition: Callable[[], object]) -> bool:
    """Whether it comes true within some seconds: the engine does its tidying up on the side."""
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _listing(folder: Path) -> set[str]:
    """Empty where the engine has its folders elsewhere than this machine."""
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def _build_containers(api: Any) -> set[str]:
    return {container["Id"] for container in api.containers(all=True) if "sleep 98" in container["Command"]}


def _gone(mark: str, api: Any) -> None:
    assert _until(lambda: not _sleepers(mark))
    assert _build_containers(api) == set()
    assert not api.images(name=TAG)


@BUILDERS
def test_closing_ends_a_running_step(engine: Engine, docker_api: Any, base_image: str, buildkit: bool) -> None:
    mark = f"98{os.getpid()}"
    events = engine.build(request(TAG, buildkit), context(f"FROM {base_image}\nRUN echo now; sleep {mark}\n"))
    next(event for event in events if isinstance(event, LogEvent))
    assert _until(lambda: _sleepers(mark))
    events.close()  # type: ignore[attr-defined]
    _gone(mark, docker_api)


@pytest.mark.alone
@BUILDERS
def test_closing_ends_the_upload(engine: Engine, docker_api: Any, base_image: str, buildkit: bool) -> None:
    """The engine may not keep what came so far, nor this process go on sending."""
    ended = []

    def chunks() -> Iterator[bytes]:
        try:
            yield from endless_context(f"FROM {base_image}\nRUN sleep 98\n", pause=0.05)
        finally:
            ended.append(True)

    temporary = Path(docker_api.info()["DockerRootDir"], "tmp")
    before = _listing(temporary)
    events = engine.build(request(TAG, buildkit), chunks())
    next(event for event in events if isinstance(event, TransferEvent) and event.current > 1 << 20)
    events.close()  # type: ignore[attr-defined]
    assert ended
    _gone("98", docker_api)
    assert _until(lambda: _listing(temporary) <= before)


_SCRIPT = """
import os, sys
from robenv.engine.docker_engine import connect
from robenv.engine.protocol import LogEvent
from tests.support.images.building import context, request
engine = connect(os.environ)
try:
    for event in engine.build(request(sys.argv[1], sys.argv[2] == "buildkit"), context(sys.argv[3])):
        if isinstance(event, LogEvent):
            print(event.text, end="", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@BUILDERS
def test_an_interrupt_from_the_keyboard_ends_it(docker_api: Any, base_image: str, root: Path, buildkit: bool) -> None:
    mark = f"98{os.getpid()}1"
    builder = "buildkit" if buildkit else "classic"
    dockerfile = f"FROM {base_image}\nRUN echo now; sleep {mark}\n"
    process = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, TAG, builder, dockerfile], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "now\n"
        assert _until(lambda: _sleepers(mark))
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "interrupted\n"
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    _gone(mark, docker_api)
