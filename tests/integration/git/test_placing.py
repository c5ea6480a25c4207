"""Where clones are made and how they get to their place, while a command in the container does what it can about it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

from robenv.errors import OperationFailed
from robenv.git.command import Git, GitFailed
from robenv.git.placing import placed
from robenv.git.workspace.clones import bring
from robenv.host.git.revision import read_revision
from tests.support.servers.hostile_git import git
from tests.support.servers.repos_entries import entries, entry
from tests.support.servers.upstream import Upstream

pytestmark = pytest.mark.usefixtures("cache")

TRIES = 200


@pytest.fixture
def origin(tmp_path: Path) -> Upstream:
    made = Upstream(tmp_path / "origin")
    made.commit({"file": "one", "deep/script": "#!/bin/sh\n"})
    (made.folder / "deep/script").chmod(0o755)
    (made.folder / "link").symlink_to("deep/script")
    made.commit({})
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "ws"
    made.mkdir()
    return made


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A folder of the user's outside of the workspace."""
    made = tmp_path / "home/.config/autostart"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def other_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Robenv's cache, on another file system than the workspace: the temp folder of tests is on the disk."""
    folder = Path("/dev/shm") / f"robenv-test-{os.getpid()}-{tmp_path.name}"
    assert Path("/dev/shm").stat().st_dev != tmp_path.stat().st_dev
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def quiet(text: str) -> None: ...


@contextmanager
def meanwhile(step: Callable[[], None], pause: float = 0) -> Iterator[None]:
    """What another process does, again and again, for as long as the block lasts."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            with suppress(OSError):
                step()
            time.sleep(pause)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("link", ["src", "src/drivers", "src/drivers/lidar"])
@pytest.mark.parametrize("there", [True, False])
def test_a_link_on_the_way_sends_a_clone_nowhere(
    origin: Upstream, root: Path, victim: Path, link: str, there: bool
) -> None:
    (root / link).parent.mkdir(parents=True, exist_ok=True)
    (root / link).symlink_to(victim if there else victim / "new")
    if there and link == "src/drivers/lidar":
        (root / link).unlink()
        (root / link).symlink_to(victim / "file")
        (victim / "file").touch()
    before = sorted(victim.parent.rglob("*"))
    wanted = entries(f"drivers/lidar: {{type: git, url: '{origin.url}', version: main}}")
    notes: list[str] = []
    if link == "src/drivers/lidar":
        assert bring(wanted, root / "src", {}, Git(), notes.append) == {}
        assert f"drivers/lidar is a link to {(root / link).readlink()}, and no git repository" in notes[0]
    else:
        with pytest.raises(OperationFailed) as raised:
            bring(wanted, root / "src", {}, Git(), notes.append)
        (problem,) = raised.value.problems
        assert f"{root / link} is a link, to " in problem.message and problem.hint
    assert sorted(victim.parent.rglob("*")) == before


@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling"])
def test_nothing_that_is_there_is_replaced(root: Path, victim: Path, kind: str) -> None:
    place = root / "src/lidar"
    place.parent.mkdir()
    with pytest.raises(GitFailed, match="is in the way"), placed(root, "src/lidar") as new:
        (new / "inner").mkdir(parents=True)
        if kind == "file":
            place.write_text("mine")
        elif kind == "folder":
            (place / "mine").mkdir(parents=True)
        else:
            place.symlink_to(victim if kind == "link" else root / "nothing")
    assert place.is_symlink() or place.read_text() == "mine" if kind != "folder" else (place / "mine").is_dir()
    assert list(victim.iterdir()) == []
    assert [one.name for one in place.parent.iterdir()] == ["lidar"]


@pytest.mark.parametrize("part", ["src", "src/drivers"])
def test_a_folder_that_is_exchanged_for_a_link_again_and_again(root: Path, victim: Path, part: str) -> None:
    folder, numbers = root / part, count()
    folder.mkdir(parents=True)
    exchanged = 0

    def exchange() -> None:
        nonlocal exchanged
        with suppress(OSError):
            folder.rename(root / f"aside{next(numbers)}")
        with suppress(OSError):
            folder.symlink_to(victim)
            exchanged += 1
            folder.unlink()

    landed = 0
    with meanwhile(exchange):
        for number in range(TRIES):
            with suppress(GitFailed, OSError), placed(root, f"src/drivers/{number}") as new:
                new.mkdir()
                landed += 1
    assert list(victim.iterdir()) == []
    assert landed and exchanged, "some get through between two exchanges"


def clone_again_and_again(origin: Upstream, src: Path, tries: int) -> None:
    """Four side by side, as robenv does it."""
    wanted = entries(*(f"p{n}: {{type: git, url: '{origin.url}', version: main}}" for n in range(4)))
    for _ in range(tries // 4):
        with suppress(OperationFailed):
            bring(wanted, src, {}, Git(), quiet)
        for one in (*src.glob("*"), *src.glob(".*")):
            shutil.rmtree(one, ignore_errors=True)


def test_a_filter_that_is_planted_while_a_clone_is_made_does_not_run(origin: Upstream, root: Path) -> None:
    src, mark = root / "src", root / "mark"
    src.mkdir()
    origin.commit({".gitattributes": "* filter=x\n"})
    text = f'[filter "x"]\n\tsmudge = "touch {mark}; cat"\n\tclean = cat\n'
    planted = 0

    def plant() -> None:
        nonlocal planted
        for one in src.iterdir():
            with suppress(OSError), (one / ".git/config").open("r+") as file:
                said = file.read()
                if "[remote " in said and text not in said:
                    file.write(text)
                    planted += 1

    with meanwhile(plant, 0.001):
        clone_again_and_again(origin, src, TRIES)
    assert planted, "the clones were seen once they were there"
    assert not mark.exists()


def test_links_that_are_planted_while_a_clone_is_copied_lead_nowhere(
    origin: Upstream, root: Path, victim: Path, other_disk: Path
) -> None:
    src = root / "src"
    src.mkdir()

    def plant() -> None:
        for one in src.iterdir():
            for name in (".git/hooks", ".git/HEAD", ".git/config", ".git/objects", "file", "deep", ".git"):
                place = one / name
                if place.parent.is_symlink():
                    continue
                with suppress(OSError):
                    place.symlink_to(victim / "new")
                with suppress(OSError):
                    place.rename(one / f"aside-{place.name}")
                    place.symlink_to(victim)

    with meanwhile(plant, 0.001):
        clone_again_and_again(origin, src, TRIES // 2)
    assert list(victim.iterdir()) == []


def test_a_clone_on_another_disk_is_the_same_clone(origin: Upstream, root: Path, other_disk: Path) -> None:
    bring([entry(origin, "main")], root / "src", {}, Git(), quiet)
    clone = root / "src/lidar"
    assert [one.name for one in clone.parent.iterdir()] == ["lidar"]
    assert not read_revision(str(clone), [str(clone)], os.environ).dirty
    assert git(clone, "status", "--porcelain", "--branch") == "## main...origin/main"
    assert git(clone, "fsck", "--full") == ""
    assert os.access(clone / "deep/script", os.X_OK) and (clone / "link").readlink() == Path("deep/script")
    assert (clone / "file").stat().st_mode & 0o777 == (origin.folder / "file").stat().st_mode & 0o777
    assert list((other_disk / "robenv/clones").iterdir()) == []


@pytest.mark.parametrize("disk", ["same", "other"])
def test_what_a_killed_one_has_left_goes_the_next_time(
    origin: Upstream, root: Path, cache: Path, disk: str, request: pytest.FixtureRequest
) -> None:
    """Killed while git checks out, and a leftover of one that was killed while it copied."""
    cache = request.getfixturevalue("other_disk") if disk == "other" else cache
    programs, mark = root / "programs", root / "mark"
    programs.mkdir()
    wrapper = f'case " $* " in *" checkout "*) echo $$ > {mark}.new; mv {mark}.new {mark}; exec sleep 60;; esac'
    (programs / "git").write_text(f'#!/bin/sh\n{wrapper}\nPATH="{os.environ["PATH"]}" exec git "$@"\n')
    (programs / "git").chmod(0o755)
    script = (
        "import sys; from pathlib import Path; from robenv.git.workspace.clones import bring\n"
        "from robenv.git.command import Git; from tests.support.servers.repos_entries import entries\n"
        "bring(entries(sys.argv[1]), Path(sys.argv[2]), {}, Git(), print)\n"
    )
    line = f"lidar: {{type: git, url: '{origin.url}', version: main}}"
    environ = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    process = subprocess.Popen([sys.executable, "-c", script, line, str(root / "src")], env=environ)
    deadline = time.monotonic() + 60
    while not mark.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait(30)
    os.kill(int(mark.read_text()), signal.SIGKILL)
    (left,) = (cache / "robenv/clones").iterdir()
    assert list((root / "src").iterdir()) == [], "nothing of it is in the workspace"
    (root / "src" / left.name.replace("clone.", ".lidar.", 1)).mkdir()
    bring([entry(origin, "main")], root / "src", {}, Git(), quiet)
    assert [one.name for one in (root / "src").iterdir()] == ["lidar"]
    assert list((cache / "robenv/clones").iterdir()) == []
