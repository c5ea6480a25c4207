"""Which folder a project is in: its identity stays when it is moved, and follows no other folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robenv.host import project_folder as places
from robenv.host.birth import birth_of
from robenv.host.project_folder import FolderIdentity, project_id, read_known
from robenv.plan.names import home_volume, resource_prefix
from robenv.profile.chain.project import ProjectFiles, find_project
from robenv.project import identity


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def project(folder: Path, file: str = "robenv.yaml") -> ProjectFiles:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text("name: picker\n")
    return find_project(folder, Path(file))


NO_ENGINE: Any = None
"""It is asked only of a folder whose name has letters beyond ASCII."""


def bring_up(files: ProjectFiles) -> tuple[FolderIdentity, list[str]]:
    """As `up` does: the identity, and what was told of it."""
    notes: list[str] = []
    identity.settle_identity(NO_ENGINE, files, "", notes.append)
    place = identity.place_of(files)
    prefix = place.prefix or resource_prefix("picker", place.id)
    identity.record_identity(files, place, prefix, home_volume(prefix, place.uid))
    return identity.place_of(files), notes


def moved(files: ProjectFiles, to: Path) -> ProjectFiles:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(files.root, to)
    return find_project(to, Path(files.file.name))


def test_one_that_nobody_knows_follows_from_its_path_and_is_not_noted(tmp_path: Path) -> None:
    files = project(tmp_path / "picker")
    place = identity.place_of(files)
    assert (place.id, place.suffix, place.prefix) == (project_id(files.root), "", "")
    assert read_known() == []


def test_ids_tell_apart_folders_with_any_bytes() -> None:
    assert project_id("/home/\udcff/x") != project_id("/home/\udcfe/x")


def test_what_belongs_to_a_folder_goes_with_it_and_that_is_told(tmp_path: Path) -> None:
    first, _ = bring_up(project(tmp_path / "picker"))
    elsewhere = moved(find_project(tmp_path / "picker"), tmp_path / "deep" / "grabber")
    second, notes = bring_up(elsewhere)
    assert (second.id, second.prefix, second.homes) == (first.id, first.prefix, first.homes)
    assert notes == [f"this folder was {tmp_path}/picker before; its home and volumes came with it"]
    third, notes = bring_up(moved(elsewhere, tmp_path / "picker"))
    assert third.id == first.id
    assert len(notes) == 1
    assert bring_up(find_project(tmp_path / "picker")) == (third, [])


def test_a_copy_has_an_identity_of_its_own(tmp_path: Path) -> None:
    first, _ = bring_up(project(tmp_path / "picker"))
    shutil.copytree(tmp_path / "picker", tmp_path / "copy")
    second, notes = bring_up(find_project(tmp_path / "copy"))
    assert second.id != first.id
    assert notes == []


def test_a_folder_made_anew_in_the_place_of_one_that_is_gone_takes_its_home(tmp_path: Path) -> None:
    files = project(tmp_path / "picker")
    first, _ = bring_up(files)
    (tmp_path / "picker").rename(tmp_path / "away")
    hold = os.open(tmp_path / "away", os.O_RDONLY)  # so that its inode is not given again
    shutil.rmtree(tmp_path / "away")
    second, notes = bring_up(project(tmp_path / "picker"))
    os.close(hold)
    assert second.inode != first.inode
    assert (second.id, second.homes, notes) == (first.id, first.homes, [])


def test_one_that_was_moved_aside_keeps_its_home_and_the_new_one_gets_its_own(tmp_path: Path) -> None:
    first, _ = bring_up(project(tmp_path / "picker"))
    (tmp_path / "picker").rename(tmp_path / "picker.old")
    second, notes = bring_up(project(tmp_path / "picker"))
    assert second.id != first.id
    assert notes == [
        f"the folder that was {tmp_path}/picker before is now {tmp_path}/picker.old and keeps its home; "
        "this one gets its own"
    ]
    old, _ = bring_up(find_project(tmp_path / "picker.old"))
    assert (old.id, old.homes) == (first.id, first.homes)
    assert bring_up(find_project(tmp_path / "picker")) == (second, [])


def test_a_move_to_another_disk_is_known_by_the_file_with_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = bring_up(project(tmp_path / "picker"))
    shutil.copytree(tmp_path / "picker", tmp_path / "disk" / "picker")  # with its times, as `mv` does there
    shutil.rmtree(tmp_path / "picker")
    known = json.loads((tmp_path / "state/robenv/folders.json").read_text())
    known["folders"][0]["device"] += 1
    (tmp_path / "state/robenv/folders.json").write_text(json.dumps(known))
    monkeypatch.setattr(places, "disk_is_there", lambda folder, device: False)
    assert bring_up(find_project(tmp_path / "disk" / "picker"))[0].id != first.id, "its disk is only not mounted"
    (tmp_path / "state/robenv/folders.json").write_text(json.dumps(known))
    monkeypatch.setattr(places, "disk_is_there", lambda folder, device: True)
    assert bring_up(find_project(tmp_path / "disk" / "picker"))[0].id == first.id


def test_two_files_in_a_folder_have_volumes_of_their_own(tmp_path: Path) -> None:
    one, other = project(tmp_path / "ws"), project(tmp_path / "ws", "sim.yaml")
    first, _ = bring_up(one)
    place = identity.place_of(other)
    assert (place.id, place.prefix, place.homes) == (first.id, "", ())


def test_who_does_not_own_the_folder_has_names_of_their_own(tmp_path: Path) -> None:
    files = project(tmp_path / "lab")
    own = places.read_place(str(files.root), "robenv.yaml", os.geteuid())
    other = places.read_place(str(files.root), "robenv.yaml", 1102)
    assert (own.suffix, other.suffix) == ("", "-1102")


def test_a_link_is_the_folder_that_it_leads_to(tmp_path: Path) -> None:
    files = project(tmp_path / "data" / "ws")
    (tmp_path / "ws").symlink_to(tmp_path / "data" / "ws")
    for way in (find_project(tmp_path / "ws"), find_project(tmp_path, Path("ws/robenv.yaml"))):
        assert (way.root, way.file) == (files.root, files.file)


def note_with(**values: Any) -> str:
    sound = {"uid": 0, "root": "/x", "device": 1, "inode": 1, "born": 0, "id": "abcdef", "suffix": "", "files": {}}
    return json.dumps({"folders": [{**sound, **values}]})


def test_a_note_of_an_earlier_robenv_is_read(tmp_path: Path) -> None:
    path = tmp_path / "state/robenv/folders.json"
    path.parent.mkdir(parents=True)
    path.write_text(note_with().replace('"born": 0, ', ""))
    assert [one.root for one in read_known()] == ["/x"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"folders": 1}', '{"folders": [{"root": 1}]}', "\0"),
        *(note_with(root=root) for root in ("", "x/y", "/x\0y", "/\ud800")),
        *(note_with(inode=float("inf")), note_with(id="../../x"), note_with(suffix="/..")),
    ],
)
def test_a_broken_note_is_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state/robenv/folders.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert read_known() == []
    bring_up(project(tmp_path / "picker"))
    assert len(read_known()) == 1


def test_without_a_place_to_write_identities_follow_from_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    place, _ = bring_up(project(tmp_path / "picker"))
    assert place.id == project_id(tmp_path / "picker")


def test_homes_that_are_removed_on_purpose_are_forgotten(tmp_path: Path) -> None:
    place, _ = bring_up(project(tmp_path / "picker"))
    identity.forget_homes(place, list(place.homes))
    assert identity.place_of(find_project(tmp_path / "picker")).homes == ()


def test_a_folder_is_found_by_its_inode_wherever_it_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def above(device: int) -> list[str]:
        """Of the disk, what is above this test: all of it may be a million folders."""
        assert device == tmp_path.stat().st_dev
        return [str(tmp_path.parent)]

    monkeypatch.setattr(places, "_mount_points", above)
    target = tmp_path / "a" / "b" / "picker"
    target.mkdir(parents=True)
    place, _ = bring_up(project(target))
    (known,) = read_known()
    assert places.search(known) == place.root
    assert not places.search(replace(known, born=known.born + 1)) or not birth_of(str(target))


def test_a_disk_is_looked_at_from_each_place_where_it_is_mounted(tmp_path: Path) -> None:
    device = tmp_path.stat().st_dev
    points = list(places._mount_points(device))
    assert any(tmp_path.is_relative_to(point) for point in points)
    assert {Path(point).stat().st_dev for point in points} == {device}


def test_a_folder_that_got_the_inode_of_a_removed_one_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    births = {"old": 1, "new": 2, "beside": 3}
    for module in (places, identity):
        monkeypatch.setattr(module, "birth_of", lambda path: births.get(Path(path).name, 9))
    first, _ = bring_up(project(tmp_path / "old"))
    shutil.rmtree(tmp_path / "old")
    new = project(tmp_path / "new")
    note = tmp_path / "state/robenv/folders.json"
    note.write_text(note.read_text().replace(f'"inode": {first.inode}', f'"inode": {new.root.stat().st_ino}'))
    second, notes = bring_up(new)
    assert (second.id != first.id, notes) == (True, [])

    shutil.rmtree(new.root)
    beside = project(tmp_path / "beside")
    note.write_text(note.read_text().replace(f'"inode": {second.inode}', f'"inode": {beside.root.stat().st_ino}'))
    third, notes = bring_up(project(tmp_path / "new"))
    assert (third.id, notes) == (second.id, [])


def test_a_birth_is_the_one_that_stat_shows(tmp_path: Path) -> None:
    shown = subprocess.run(["stat", "--format=%W", tmp_path], check=True, capture_output=True, text=True).stdout
    assert birth_of(str(tmp_path)) // 1_000_000_000 == int(shown)
    assert birth_of(str(tmp_path / "absent")) == 0


def test_what_may_not_be_looked_at_is_not_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.stat

    def stat(path: Any, **options: Any) -> os.stat_result:
        if path == "/home/ada/x":
            raise PermissionError(path)
        return real(path, **options)

    monkeypatch.setattr(os, "stat", stat)
    assert not places.is_gone("/home/ada/x")
    assert places.is_gone(str(tmp_path / "none"))


def test_another_user_with_the_same_state_folder_has_an_identity_of_their_own(tmp_path: Path) -> None:
    """As root has by sudo, where it keeps the environment."""
    files = project(tmp_path / "picker")
    mine, _ = bring_up(files)
    other = places.read_place(str(files.root), "robenv.yaml", mine.uid + 1)
    assert (other.suffix, other.prefix, other.homes) == (f"-{mine.uid + 1}", "", ())
    identity.record_identity(files, other, "robenv-picker-x", "home")
    assert identity.place_of(files) == mine


@pytest.mark.parametrize("point", ["/", "/mnt/two words", "/mnt/Größe", "/mnt/\udcff", "/mnt/back\\slash"])
def test_mount_points_are_read_as_the_kernel_writes_them(point: str) -> None:
    written = "".join(f"\\{ord(one):03o}" if one in " \t\n\\" else one for one in point)
    assert places.mount_point(f"36 35 98:0 / {written} rw,noatime - ext3 /dev/root rw\n") == point
