"""Folders for sockets: of one process each, and gone with it, whatever ends it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from robenv.paths import remove_socket_folder, socket_folder

_MAKE = "import sys, tempfile; tempfile.tempdir = sys.argv[1]; from robenv.paths import socket_folder; "


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rt-", dir="/var/tmp") as name:
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)


def _in_a_process(place: Path, more: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", _MAKE + more, str(place)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_what_a_killed_process_left_goes_with_the_next(place: Path) -> None:
    with _in_a_process(place, "print(socket_folder('robenv-r-'), flush=True); sys.stdin.read()") as client:
        assert client.stdout is not None
        left = Path(client.stdout.readline().decode().strip())
        (left / "c").touch()
        kept = socket_folder("robenv-r-")
        assert left.is_dir(), "in use"
        client.kill()
    own = socket_folder("robenv-r-")
    assert not left.exists()
    assert {path.name for path in place.iterdir()} == {Path(kept).name, Path(own).name}
    for folder in (kept, own):
        remove_socket_folder(folder)
    assert list(place.iterdir()) == []


def test_what_is_not_a_socket_folder_stays(place: Path) -> None:
    for name in ("robenv-r-older", "robenv-ssh-x.d", "something.d"):
        (place / name).mkdir()
    (place / "robenv-r-link.d").symlink_to(place / "something.d")
    remove_socket_folder(socket_folder("robenv-r-"))
    assert {path.name for path in place.iterdir()} == {
        "robenv-r-older", "robenv-ssh-x.d", "something.d", "robenv-r-link.d",
    }  # fmt: skip


def test_many_at_once(place: Path) -> None:
    """None takes another's for a leftover."""
    make = "made = [socket_folder('robenv-r-') for _ in range(20)]; import os; "
    each = [_in_a_process(place, make + "print(all(map(os.path.isdir, made)))") for _ in range(6)]
    assert [one.communicate()[0] for one in each] == [b"True\n"] * 6
