"""Files that robenv writes where a command in a container can write too: through no link, and under no name that
somebody can guess."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from robenv.lockfile import Lockfile
from robenv.paths import open_folder, open_output, unfinished, write_atomically
from robenv.project.image.build_trace import write_timeline
from robenv.project.lock_policy import write_lock

PROCESSES = 32768
"""As many as there can be by default: the planter does not know which one robenv will be."""


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    made = tmp_path / "home/notes"
    made.parent.mkdir()
    made.write_text("mine")
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "ws"
    made.mkdir()
    return made


WRITERS: dict[str, Callable[[Path], object]] = {
    "write_atomically": lambda path: write_atomically(str(path), b"new"),
    "write_lock": lambda path: write_lock(path, Lockfile()),
    "write_timeline": lambda path: write_timeline(path, ()),
    "unfinished": lambda path: Path(unfinished(str(path))).write_text("new"),
}


def test_links_for_every_process_number_lead_nowhere(folder: Path, victim: Path) -> None:
    path = folder / "robenv.lock"
    host = os.uname().nodename
    for number in {*range(1, PROCESSES + 1), os.getpid()}:
        Path(f"{path}.{number}.new").symlink_to(victim)
    for number in {*range(1, PROCESSES + 1, 97), os.getpid()}:
        Path(f"{path}.{host}.{number}.new").symlink_to(victim)
    for writer in WRITERS.values():
        writer(path)
        assert victim.read_text() == "mine"


@pytest.mark.parametrize("writer", ["write_atomically", "write_lock", "write_timeline"])
@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_replaced_and_not_followed(folder: Path, victim: Path, writer: str, there: bool) -> None:
    path = folder / "robenv.lock"
    victim.chmod(0o600)
    path.symlink_to(victim if there else victim.with_name("new"))
    WRITERS[writer](path)
    assert stat.S_ISREG(path.lstat().st_mode) and path.read_text() not in ("", "mine")
    assert [one.name for one in victim.parent.iterdir()] == ["notes"]
    assert (victim.read_text(), stat.S_IMODE(victim.stat().st_mode)) == ("mine", 0o600)
    assert [one.name for one in folder.iterdir()] == ["robenv.lock"]


def test_a_lock_is_for_everybody_to_read_whatever_the_umask(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        write_lock(folder / "robenv.lock", Lockfile())
        write_atomically(str(folder / "other"), b"")
        write_atomically(str(folder / "secret"), b"", 0o600)
    finally:
        os.umask(before)
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()}
    assert modes == {"robenv.lock": 0o644, "other": 0o600, "secret": 0o600}


def test_a_write_that_fails_leaves_nothing(folder: Path) -> None:
    (folder / "taken").mkdir()
    with pytest.raises(OSError):
        write_atomically(str(folder / "taken"), b"x")
    assert [one.name for one in folder.iterdir()] == ["taken"]


def test_only_what_killed_processes_have_left_goes(folder: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    host = os.uname().nodename
    names = [f"x.{host}.{ended.pid}.ab.new", f"x.{host}.{ended.pid}.new", f"x.{host}.{os.getpid()}.ab.new"]
    names += [f"x.elsewhere.{ended.pid}.ab.new", f"y.{host}.{ended.pid}.ab.new", f"x.{host}.new", f"x.{host}.1a.new"]
    for name in names:
        (folder / name).mkdir()
    first, second = (unfinished(str(folder / "x")) for _ in range(2))
    assert first != second and Path(first).parent == folder
    assert sorted(one.name for one in folder.iterdir()) == sorted(names[2:])


def test_no_part_of_a_way_is_a_link(folder: Path, victim: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a/b").symlink_to(victim.parent)
    with pytest.raises(NotADirectoryError) as raised:
        open_folder(str(folder), "a", "b", "c", make=True)
    assert raised.value.filename == str(folder / "a/b")
    with pytest.raises(NotADirectoryError):
        open_output(str(folder / "a/b/c"), str(folder))
    os.close(open_output(str(folder / "a/b/c")))
    assert (victim.parent / "c").is_dir(), "where no container can write, links are the user's own"
