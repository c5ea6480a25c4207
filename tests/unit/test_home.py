"""Where robenv keeps what it keeps, for users whose home folder is not there, not theirs, or not named."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from robenv import notices, paths
from robenv.host.host import LocalHost
from robenv.host.probes.session import read_session
from robenv.host.session.container_session import SessionNeeds, make_folder
from robenv.paths import cache_folder, can_hold, config_folder, expanded, home_folder, is_private, state_folder
from tests.support.folders import ROOT

NO_HOME = [None, "", "/", "//", "relative", "~"]


@pytest.fixture(autouse=True)
def _stranger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A user whom passwd does not know, with temporary files of their own."""

    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(notices, "_given", set())
    own = tmp_path / "own"
    monkeypatch.setattr(paths, "own_folder_path", lambda uid: str(own))
    for variable in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable, raising=False)
    yield own
    shutil.rmtree(own, ignore_errors=True)


def _home(monkeypatch: pytest.MonkeyPatch, home: str | None) -> None:
    monkeypatch.delenv("HOME") if home is None else monkeypatch.setenv("HOME", home)


@pytest.mark.parametrize("home", NO_HOME)
def test_without_a_home(
    home: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _home(monkeypatch, home)
    assert home_folder() == ""
    assert (cache_folder(), state_folder()) == (str(tmp_path / "own/cache"), str(tmp_path / "own/state"))
    assert config_folder() == "/etc/xdg/robenv"
    assert expanded("~/.ca.pem") == "~/.ca.pem"
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: there is no home folder (HOME is unset or `/`), so robenv keeps its caches")
    assert str(tmp_path / "own") in line


def test_passwd_says_where_the_home_is_that_no_variable_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    entry = pwd.struct_passwd(("ann", "x", 1000, 1000, "", str(tmp_path), "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: entry)
    for home in (None, ""):
        _home(monkeypatch, home)
        assert cache_folder() == f"{tmp_path}/.cache/robenv"


def test_a_home_that_does_not_exist_is_not_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _home(monkeypatch, f"{tmp_path}/nonexistent")
    assert cache_folder() == str(tmp_path / "own/cache")
    assert not (tmp_path / "nonexistent").exists()
    assert f"the home folder {tmp_path}/nonexistent does not exist" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["/proc/sys", "FILE"])
@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_a_place_that_cannot_be_written(
    variable: str, place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    place = str(file) if place == "FILE" else place
    if variable == "HOME" and place == str(file):
        place = str(tmp_path)
        (tmp_path / ".cache").symlink_to(file)
    if place.startswith("/proc"):
        monkeypatch.setattr(os, "access", lambda path, mode, **_: not str(path).startswith("/proc"))
    monkeypatch.setenv(variable, place)
    assert cache_folder() == str(tmp_path / "own/cache")
    (line,) = capsys.readouterr().err.splitlines()
    assert "is not writable" in line or "is not a folder" in line


def test_a_named_place_is_made_where_it_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path}/a/b")
    assert cache_folder() == f"{tmp_path}/a/b/robenv"
    assert can_hold(f"{tmp_path}/a/b")


def test_a_folder_that_others_can_enter_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, _stranger: Path
) -> None:
    _home(monkeypatch, "/")
    _stranger.mkdir()
    _stranger.chmod(0o755)
    assert not is_private(str(_stranger))
    other = Path(cache_folder()).parent
    try:
        assert other != _stranger
        assert is_private(str(other))
    finally:
        other.rmdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    assert not is_private(str(link))


def test_session_folders_are_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, _stranger: Path) -> None:
    monkeypatch.setattr("robenv.host.session.login.own_folder_path", paths.own_folder_path)
    monkeypatch.setattr("robenv.host.session.container_session.own_folder_path", paths.own_folder_path)

    class NoLogin(LocalHost):
        def kind(self, path: str) -> str:
            return "" if path.startswith("/run/user/") else super().kind(path)

    for home in (None, "", "/", f"{tmp_path}/nonexistent"):
        _home(monkeypatch, home)
        assert read_session(NoLogin()).folder == f"{_stranger}/robenv/session"
    wanted = SessionNeeds(f"{_stranger}/robenv/session/one", ("git",), os.getuid(), str(tmp_path), (), False)
    make_folder(wanted)
    _stranger.chmod(0o777)
    with pytest.raises(PermissionError, match="open to others"):
        make_folder(wanted)


def test_the_same_without_the_tests_own_settings(tmp_path: Path) -> None:
    """In a process of its own, whatever was imported before."""
    import subprocess

    script = "from robenv.paths import cache_folder; print(cache_folder())"
    environ = {"HOME": f"{tmp_path}/none", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environ, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == f"/tmp/robenv-{os.geteuid()}/cache"
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
