"""What a running container shows of this machine, by the note of its start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from robenv.engine.terminal.types import ContainerInfo
from robenv.fast import mounted

BOX = ContainerInfo("1", "box", "i", "i", {}, "running", 0, False, "", "", "then", ())


@pytest.fixture
def note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a container that shows the folder ``tmp_path/ws``, in whose place there is another one."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    workspace = tmp_path / "ws"
    workspace.mkdir()
    mounted.record_inodes(BOX, mounted.read_inodes([str(workspace)]))
    workspace.rename(tmp_path / "aside")
    workspace.mkdir()
    return tmp_path / "robenv/mounted/box.json"


def test_a_folder_in_the_place_of_another_is_told(note: Path, tmp_path: Path) -> None:
    assert mounted.replaced_paths(BOX, folders=True) == [str(tmp_path / "ws")]
    assert mounted.replaced_paths(BOX, folders=False) == []
    assert mounted.replaced_paths(BOX._replace(started_at="later"), folders=True) == []


@pytest.mark.parametrize(
    "inodes",
    [{"/a\0b": [1, True]}, {"/\ud800": [1, True]}, {"/": [float("inf"), True]}, {"/": 1}, [1], None],
)
def test_a_broken_note_is_as_none(note: Path, inodes: object) -> None:
    note.write_text(json.dumps({**json.loads(note.read_text()), "inodes": inodes}))
    assert mounted.replaced_paths(BOX, folders=True) == []


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000])
def test_what_is_no_note_is_as_none(note: Path, text: str) -> None:
    note.write_text(text)
    assert mounted.replaced_paths(BOX, folders=True) == []
