"""What a robenv that was killed leaves behind, so that the next one can tell."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from robenv.fast.clients import abandoned_commands, forget_clients, has_abandoned_commands, record_client


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def test_a_command_that_is_waited_for_is_not_abandoned_and_leaves_nothing(tmp_path: Path) -> None:
    with record_client("box", ("sleep", "1")), record_client("box", ("true",)):
        assert not has_abandoned_commands("box")
    assert not list((tmp_path / "robenv/running").iterdir())


def test_one_whose_robenv_was_killed_is_until_it_is_forgotten() -> None:
    code = """
from robenv.fast.clients import record_client
with record_client("box", ("sleep", "99")):
    print("on", flush=True)
    input()
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], text=True, **pipes) as client:  # type: ignore[call-overload]
        assert client.stdout.readline() == "on\n"
        assert not has_abandoned_commands("box")
        os.kill(client.pid, signal.SIGKILL)
    found = abandoned_commands("box")
    assert [argv for argv, _ in found.values()] == [("sleep", "99")]
    forget_clients(list(found))
    assert not has_abandoned_commands("box")


SINCE = '{"argv": ["x"], "since": %s}'


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"argv": 1}', "[" * 100_000),
        *(SINCE % since for since in ('"y"', "NaN", "1e300", "-Infinity", "9" * 400)),
    ],
)
def test_what_is_no_such_note_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "robenv/running/box").mkdir(parents=True)
    (tmp_path / "robenv/running/box/1-x.json").write_text(text)
    assert not has_abandoned_commands("box")


def test_without_a_place_to_write_the_command_runs_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/none")
    with record_client("box", ("true",)):
        assert not has_abandoned_commands("box")
