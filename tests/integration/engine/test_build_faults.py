"""Engines that die, freeze and fill up in the middle of a build."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from robenv.engine.docker_engine import connect
from robenv.engine.protocol import Engine, LogEvent, TransferEvent
from robenv.errors import DiskFull, EngineLost, EngineUnreachable
from tests.support.engines.second_engine import SecondEngine
from tests.support.images.building import build, context, endless_context, request

pytestmark = pytest.mark.engine

BUILDERS = pytest.mark.parametrize("buildkit", [True, False], ids=["buildkit", "classic"])
TAG = "robenvtest-faults:1"
SHELL = "robenvtest-shell:1"


@pytest.fixture(scope="module")
def shell_image(engine: Engine, base_image: str) -> Iterator[str]:
    """A shell, sleep and head with their libraries: a few megabytes, quickly copied to another engine."""
    programs = "cp --parents -L /bin/sh /bin/sleep /usr/bin/head /lib*/ld-linux-*.so.* /lib/*/libc.so.6 /root"
    dockerfile = f"FROM {base_image} AS base\nRUN {programs}\nFROM scratch\nCOPY --from=base /root /\n"
    build(engine, request(SHELL), dockerfile)
    yield SHELL
    engine.remove_image(SHELL)


@pytest.fixture
def doomed(second_engine: Callable[..., SecondEngine]) -> Iterator[tuple[SecondEngine, Engine]]:
    second = second_engine()
    engine = connect(second.environment)
    yield second, engine
    engine.close()


@BUILDERS
def test_an_engine_that_dies_in_a_step(
    doomed: tuple[SecondEngine, Engine], docker_api: Any, shell_image: str, buildkit: bool
) -> None:
    second, engine = doomed
    second.copy_image(docker_api, shell_image)
    events = engine.build(request(TAG, buildkit), context(f"FROM {shell_image}\nRUN echo now; sleep 97\n"))
    next(event for event in events if isinstance(event, LogEvent))
    second.kill()
    with pytest.raises(EngineLost) as caught:
        list(events)
    assert f"could not build {TAG}" in caught.value.message
    assert "journalctl" in caught.value.hint
    with pytest.raises(EngineUnreachable, match="No engine answers"):
        connect(second.environment)
    second.start()
    assert engine.find_image(TAG) is None


@BUILDERS
def test_an_engine_that_dies_in_the_upload(doomed: tuple[SecondEngine, Engine], buildkit: bool) -> None:
    second, engine = doomed

    events = engine.build(request(TAG, buildkit), endless_context("FROM scratch\nCOPY Dockerfile /\n", pause=0.01))
    next(event for event in events if isinstance(event, TransferEvent) and event.current > 1 << 20)
    second.kill()
    with pytest.raises(EngineLost):
        list(events)


def test_a_frozen_engine_does_not_hold_up_giving_up(
    doomed: tuple[SecondEngine, Engine], docker_api: Any, shell_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("robenv.engine.api.build._PATIENCE", 1.0)
    second, engine = doomed
    second.copy_image(docker_api, shell_image)
    events = engine.build(request(TAG), context(f"FROM {shell_image}\nRUN echo now; sleep 97\n"))
    next(event for event in events if isinstance(event, LogEvent))
    second.freeze()
    closing = threading.Thread(target=events.close)  # type: ignore[attr-defined]
    closing.start()
    closing.join(20)
    second.thaw()
    assert not closing.is_alive()


@BUILDERS
def test_a_disk_that_is_full(
    second_engine: Callable[..., SecondEngine], docker_api: Any, shell_image: str, buildkit: bool
) -> None:
    second = second_engine(data_size=100 << 20)
    second.copy_image(docker_api, shell_image)
    engine = connect(second.environment)
    dockerfile = f"FROM {shell_image}\nRUN head -c 300000000 /dev/zero > /big\n"
    with pytest.raises(DiskFull) as caught:
        list(engine.build(request(TAG, buildkit), context(dockerfile)))
    assert "robenv clean" in caught.value.hint
    assert engine.find_image(TAG) is None
    engine.close()
