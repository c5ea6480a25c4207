"""What a clean-up may take: nothing of a folder that has only moved, of another user, or of an unknown folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from robenv.host import project_folder
from robenv.host.project_folder import FolderIdentity
from robenv.plan.names import LABEL_DIRECTORY, LABEL_PLACE, LABEL_UID
from robenv.profile.chain.project import find_project
from robenv.project import identity
from robenv.project.containers import orphans
from robenv.project.containers.orphans import FolderStates


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderIdentity:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "picker"
    folder.mkdir()
    (folder / "robenv.yaml").write_text("name: picker\n")
    files = find_project(folder)
    identity.record_identity(files, identity.place_of(files), "robenv-picker-abcdef", "robenv-picker-abcdef-home-0")
    return identity.place_of(files)


def labels(place: FolderIdentity, uid: int | None = None) -> dict[str, str]:
    own = os.geteuid() if uid is None else uid
    return {LABEL_PLACE: place.id, LABEL_UID: str(own), LABEL_DIRECTORY: place.root}


def test_a_folder_that_is_there(place: FolderIdentity) -> None:
    assert not FolderStates(lambda _: None).is_surely_gone("v", labels(place))


def test_a_folder_that_was_moved_is_there(
    place: FolderIdentity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The search of a whole disk: tests/unit/host/test_project_folder.py.
    monkeypatch.setattr(project_folder, "_mount_points", lambda device: [str(tmp_path)])
    (tmp_path / "else").mkdir()
    Path(place.root).rename(tmp_path / "else" / "grabber")
    notes: list[str] = []
    assert not FolderStates(notes.append).is_gone(labels(place))
    assert notes[-1] == f"{place.root} is now {tmp_path}/else/grabber: what belongs to it stays"


def remove(place: FolderIdentity) -> None:
    (Path(place.root) / "robenv.yaml").unlink()
    Path(place.root).rmdir()


def test_a_folder_that_was_removed_is_gone_for_its_user_alone(
    place: FolderIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove(place)
    monkeypatch.setattr(orphans, "search", lambda *_: "")  # its inode may belong to another folder by now
    assert FolderStates(lambda _: None).is_surely_gone("v", labels(place))
    assert not FolderStates(lambda _: None).is_surely_gone("v", labels(place, 4242))


def test_a_folder_on_a_disk_that_is_not_mounted_is_not_gone(
    place: FolderIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove(place)
    monkeypatch.setattr(orphans, "search", lambda *_: "")
    monkeypatch.setattr(orphans, "disk_is_there", lambda *_: False)
    assert not FolderStates(lambda _: None).is_gone(labels(place))


def test_data_of_a_folder_that_robenv_does_not_know_stays_and_is_named(place: FolderIdentity, tmp_path: Path) -> None:
    unknown = {LABEL_DIRECTORY: str(tmp_path / "never"), LABEL_UID: str(os.geteuid())}
    notes: list[str] = []
    folders = FolderStates(notes.append)
    assert folders.is_gone(unknown)
    assert not folders.is_surely_gone("robenv-x-home-0", unknown)
    assert "docker volume rm robenv-x-home-0" in notes[0]
