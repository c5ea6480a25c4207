"""The command line in this process: it takes a tenth of the time of a new one."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from robenv.cli import app
from tests.support.projects.command_line import Done, Robenv


@pytest.fixture
def robenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Robenv:
    """Runs a command line in ``tmp_path``; also what the programs write that it starts is caught."""
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def run(*arguments: str) -> Done:
        capfd.readouterr()
        code = app.run(["-C", str(tmp_path), *arguments])
        return Done(code, *capfd.readouterr())

    return run


@pytest.fixture
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What robenv keeps, such as the logs of builds, in a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
