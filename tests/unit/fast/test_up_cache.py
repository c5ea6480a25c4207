"""What the last `up` found out, for the quick way in: an entry never outlives what it was made from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from robenv.fast import up_cache


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for kind in ("CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setattr(up_cache, "_RACY_SECONDS", -60.0)
    project = tmp_path / "project"
    project.mkdir()
    (project / "robenv.yaml").write_text("name: x\n")
    return project


def remember(folder: Path) -> None:
    """As after an `up` that read the profile and found no lock."""
    files, absent = [str(folder / "robenv.yaml")], [str(folder / "robenv.lock")]
    up_cache.write_entry(str(folder), files, absent, {}, "unix:///x", "box", "abc", None)


def recalled(folder: Path) -> tuple[str, str] | None:
    return up_cache.read_entry(str(folder), "unix:///x")


def test_an_entry_holds_as_long_as_nothing_changed(folder: Path) -> None:
    remember(folder)
    assert recalled(folder) == ("box", "abc")
    (folder / "robenv.lock").write_text("")
    assert recalled(folder) is None


def test_a_lock_that_was_written_meanwhile_and_removed_later_does_not_bring_the_entry_back(folder: Path) -> None:
    (folder / "robenv.lock").write_text("")
    remember(folder)
    (folder / "robenv.lock").unlink()
    assert recalled(folder) is None


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"key": 1}'])
def test_a_broken_entry_is_as_none(folder: Path, text: str) -> None:
    remember(folder)
    (entry,) = Path(os.environ["XDG_CACHE_HOME"], "robenv/warm").iterdir()
    entry.write_text(text)
    assert recalled(folder) is None


def test_a_container_by_what_is_no_name_is_looked_for_in_vain(folder: Path) -> None:
    remember(folder)
    (entry,) = Path(os.environ["XDG_CACHE_HOME"], "robenv/warm").iterdir()
    entry.write_text(entry.read_text().replace('"box"', "5"))
    assert recalled(folder) == ("5", "abc")
