"""scripts/engine.py for users who are not root, with a stub of sudo that notes what it is asked for."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from robenv.engine.transport.endpoint import Endpoint
from robenv.errors import EngineDenied
from scripts import engine

_USER = 1000
_DOCKER = 998


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Endpoint:
    """Makes this process look like a user who is in no group, beside a socket of the group docker."""
    socket = tmp_path / "docker.sock"
    real_stat = Path.stat

    def stat(path: Path, **options: bool) -> os.stat_result:
        return (
            os.stat_result((0o140660, 0, 0, 1, 0, _DOCKER, 0, 0, 0, 0))
            if path == socket
            else real_stat(path, **options)
        )

    monkeypatch.setattr(Path, "stat", stat)
    for name in ("geteuid", "getuid", "getgid"):
        monkeypatch.setattr(os, name, lambda: _USER)
    monkeypatch.setattr(os, "getgroups", lambda: [27, _USER])
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: SimpleNamespace(pw_name="ada"))
    monkeypatch.setattr(grp, "getgrgid", lambda gid: SimpleNamespace(gr_name="docker"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return Endpoint(f"unix://{socket}", "the default")


def _sudo(folder: str, code: int) -> None:
    path = Path(folder, "sudo")
    path.write_text(f"#!/bin/sh\nexit {code}\n")
    path.chmod(0o755)


def test_a_user_with_sudo_borrows_the_sockets_group_for_one_run(
    user: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    _sudo(os.environ["PATH"], 0)
    command = engine.borrowed_group(user, ["pytest", "-x"])
    assert command[:3] == ["sudo", "--preserve-env", "--"]
    assert command[3:7] == ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", f"--groups=27,{_DOCKER},{_USER}"]
    assert command[-2:] == ["pytest", "-x"]
    assert f"PATH={os.environ['PATH']}" in command
    told = capsys.readouterr().err
    assert "ada is not in the group docker: this run borrows it through sudo" in told
    assert "sudo usermod -aG docker ada" in told


@pytest.mark.parametrize("has_sudo", [True, False])
def test_a_user_without_sudo_is_told_how_to_join_the_group(user: Endpoint, has_sudo: bool) -> None:
    if has_sudo:
        _sudo(os.environ["PATH"], 1)
    with pytest.raises(engine.Refused, match=r"may not be opened by ada.*sudo usermod -aG docker ada"):
        engine.borrowed_group(user, ["pytest"])


def test_a_denied_engine_counts_as_one_that_answers(user: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied() -> bool:
        raise EngineDenied("no")

    started = engine.Started()
    monkeypatch.setattr(engine, "answers", denied)
    monkeypatch.setattr(engine, "find_endpoint", lambda environ: user)
    monkeypatch.setattr(engine, "borrowed_group", lambda endpoint, command: ["borrowed", *command])
    monkeypatch.setattr(started, "ensure", lambda: pytest.fail("started a second engine"))
    assert engine.ensure(started, ["pytest"]) == ["borrowed", "pytest"]


def test_as_root_a_user_goes_through_sudo_and_leaves_nothing_in_the_checkout(user: Endpoint) -> None:
    _sudo(os.environ["PATH"], 0)
    command = engine.root_command(["python", "-m", "pytest"])
    assert command[:4] == ["sudo", "--preserve-env", "--", "env"]
    assert {"PYTHONDONTWRITEBYTECODE=1", "PYTEST_ADDOPTS=-p no:cacheprovider"} < set(command)
    assert command[-3:] == ["python", "-m", "pytest"]


def test_as_root_a_user_without_sudo_is_refused(user: Endpoint) -> None:
    with pytest.raises(engine.Refused, match="needs root"):
        engine.root_command(["pytest"])
