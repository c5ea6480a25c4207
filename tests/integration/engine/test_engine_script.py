"""scripts.engine with real engines: it uses what answers, starts what does not, and stops what it started."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.engines.second_engine import SecondEngine

pytestmark = pytest.mark.engine

_PING = "import docker; docker.from_env().ping(); print('pong')"


@pytest.fixture
def absent() -> Iterator[SecondEngine]:
    """The folders and options of an engine that does not run."""
    engine = SecondEngine()
    yield engine
    engine.close()


@pytest.fixture
def script(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(root)
    # In a network of its own: two engines in one would both claim docker0.
    return ["unshare", "--net", sys.executable, "-m", "scripts.engine"]


def _answers(engine: SecondEngine) -> bool:
    return subprocess.run([sys.executable, "-c", _PING], env=engine.environment, capture_output=True).returncode == 0


def _started_on_demand(engine: SecondEngine, *more: str) -> dict[str, str]:
    return {**engine.environment, "ROBENV_DOCKERD_OPTIONS": shlex.join([*engine.options, *more])}


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120
    )


def test_an_engine_that_answers_is_used_and_left_alone(
    script: list[str], second_engine: Callable[..., SecondEngine]
) -> None:
    second = second_engine()
    result = _run([*script, sys.executable, "-c", _PING], second.environment)
    assert (result.returncode, result.stdout, result.stderr) == (0, "pong\n", "")
    assert second.running
    assert _answers(second)


def test_without_one_it_is_started_for_the_command_and_stopped_after_it(
    script: list[str], absent: SecondEngine
) -> None:
    result = _run([*script, sys.executable, "-c", f"{_PING}; raise SystemExit(7)"], _started_on_demand(absent))
    assert (result.returncode, result.stdout) == (7, "pong\n"), result.stderr
    assert "starting dockerd" in result.stderr
    assert "stopping dockerd" in result.stderr
    assert not _answers(absent)
    assert absent.left_over() == []


@pytest.mark.parametrize(
    ("number", "whole_group", "code"),
    [(signal.SIGINT, True, 130), (signal.SIGTERM, False, 143), (signal.SIGHUP, False, 129)],
)
def test_what_was_started_is_stopped_when_a_signal_ends_it(
    script: list[str], absent: SecondEngine, number: int, whole_group: bool, code: int
) -> None:
    command = [*script, "sh", "-c", "echo ready; exec sleep 300"]
    environment = _started_on_demand(absent)
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert _answers(absent)
        # A terminal's ^C reaches the whole foreground group, `kill` the one process.
        (os.killpg if whole_group else os.kill)(process.pid, number)
        assert process.wait(60) == code
    assert not _answers(absent)
    assert absent.left_over() == []


def test_a_signal_while_the_engine_starts_leaves_nothing(script: list[str], absent: SecondEngine) -> None:
    environment = _started_on_demand(absent)
    process = subprocess.Popen([*script, "true"], env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "starting dockerd" not in process.stderr.readline():
        time.sleep(0.01)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode in (0, 128 + signal.SIGTERM)
    assert not _answers(absent)
    assert absent.left_over() == []


def test_an_engine_that_docker_host_names_is_never_replaced(script: list[str], absent: SecondEngine) -> None:
    result = _run([*script, "true"], absent.environment)
    assert result.returncode == 4
    assert result.stderr == f"engine: no engine answers at {absent.url} (DOCKER_HOST)\n"


def test_an_engine_that_does_not_start_shows_its_log(script: list[str], absent: SecondEngine) -> None:
    result = _run([*script, "true"], _started_on_demand(absent, "--storage-driver", "no-such-driver"))
    assert result.returncode == 4
    assert "the engine did not start" in result.stderr
    assert "no-such-driver" in result.stderr
    assert "Traceback" not in result.stderr
    assert absent.left_over() == []
