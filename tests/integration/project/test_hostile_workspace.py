"""Commands over a workspace that a command in its container has written, as an ordinary user: nothing runs on the host,
and nothing lands outside of the workspace."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.projects.project import Project
from tests.support.servers.hostile_git import PAYLOADS, config, git

pytestmark = pytest.mark.engine

USER = 1000
COMMANDS = (
    ("up", "-d"),
    ("up", "-d", "--locked"),
    ("lock",),
    ("update", "repos", "--dry-run"),
    ("run", "--", "true"),
    ("save", "picker.robenv"),
    ("build", "--stage", "run"),
)


def own(*folders: Path) -> None:
    """All of it is the user's: so is what the container's user writes."""
    for one in folders:
        one.mkdir(exist_ok=True)
        for path in (one, *one.rglob("*")):
            os.chown(path, USER, USER, follow_symlinks=False)


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that the user can reach: git asks access(2), for which no capability of the tests counts."""
    made = Path(tempfile.mkdtemp(prefix="robenvtest-", dir="/var/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def mine(docker_api: Any, pushed_base: str, folder: Path) -> Iterator[Project]:
    """Of an ordinary user, in a repository of its own, with a clone for each payload."""
    origin, home = folder / "origin", folder / "home"
    origin.mkdir()
    git(origin, "init", "--quiet", "--initial-branch=main")
    for text in ("one", "two"):
        (origin / "file").write_text(text)
        git(origin, "add", "--all")
        git(origin, "commit", "--quiet", "-m", text)
    made = Project(
        folder / "project",
        pushed_base,
        "workspace: {repos: [picker.repos]}\nrun_image: {build: mkdir -p /opt/p, install: /opt/p}\n",
    )
    lines = (f"  p{n}: {{type: git, url: 'file://{origin}', version: main}}\n" for n in range(len(PAYLOADS)))
    (made.folder / "picker.repos").write_text("repositories:\n" + "".join(lines))
    (made.folder / "src").mkdir()
    (made.folder / "src/talk").write_text("x\n")
    git(made.folder, "init", "--quiet")
    git(made.folder, "add", "--all")
    git(made.folder, "commit", "--quiet", "-m", "all")
    made.environ |= {"HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}
    own(origin, home, made.folder, *(Path(made.environ[f"XDG_{name}_HOME"]) for name in ("CACHE", "STATE")))
    yield made
    made.close(docker_api)


def test_no_command_runs_what_a_container_wrote_into_a_repository(mine: Project, folder: Path) -> None:
    mine.run("up", "-d", user=USER)
    marks = {payload.name: folder / f"home/ran-{number}" for number, payload in enumerate(PAYLOADS)}
    aside = mine.folder / "aside"
    aside.mkdir()
    for number, (payload, mark) in enumerate(zip(PAYLOADS, marks.values(), strict=True)):
        (aside / str(number)).mkdir()  # what a payload puts beside its clone is its own
        clone = (mine.folder / f"src/p{number}").rename(aside / f"{number}/clone")
        payload.plant(clone, mark)
        clone.rename(mine.folder / f"src/p{number}")
        mark.unlink(missing_ok=True)
    config(
        mine.folder,
        ("core.sshCommand", f"touch {folder}/home/ran-ssh; false"),
        ("filter.x.clean", f"touch {folder}/home/ran-filter; cat"),
        ("core.fsmonitor", f"touch {folder}/home/ran-monitor; false"),
    )
    (mine.folder / ".git/info/attributes").write_text("* filter=x\n")
    os.utime(mine.folder / "src/talk", (1, 1))
    own(mine.folder)
    before = sorted((folder / "home").iterdir())
    for command in COMMANDS:
        mine.run(*command, user=USER, check=None)
        ran = [name for name, mark in marks.items() if mark.exists()]
        assert ran == [] and sorted((folder / "home").iterdir()) == before, command
    # The one after all of them is as good as the first.
    mine.run("up", "-d", user=USER)
    mine.run("save", "picker.robenv", user=USER)
    mine.run("build", "--stage", "run", user=USER)


def test_a_repository_by_ssh_is_asked_for_by_the_users_own_ssh(mine: Project, folder: Path) -> None:
    config(mine.folder, ("core.sshCommand", f"touch {folder}/home/ran; false"))
    (mine.folder / "picker.repos").write_text(
        "repositories:\n  a: {type: git, url: 'ssh://x@127.0.0.1:1/p', version: main}\n"
    )
    own(mine.folder)
    for command in (("up", "-d"), ("update", "repos", "--dry-run"), ("lock",)):
        mine.run(*command, user=USER, check=1)
        assert list((folder / "home").iterdir()) == [], command


@pytest.mark.parametrize("link", ["src", "src/drivers"])
def test_a_clone_lands_nowhere_else(mine: Project, folder: Path, link: str) -> None:
    autostart = folder / "home/.config/autostart"
    autostart.mkdir(parents=True)
    text = (mine.folder / "picker.repos").read_text().splitlines()[1]
    (mine.folder / "picker.repos").write_text(f"repositories:\n{text.replace('p0:', 'drivers/evil.desktop:')}\n")
    (mine.folder / "src/talk").unlink()
    if link == "src":
        (mine.folder / "src").rmdir()
    (mine.folder / link).symlink_to(autostart)
    own(mine.folder, folder / "home")
    done = mine.run("up", "-d", user=USER, check=1)
    assert f"{mine.folder / link} is a link, to {autostart}: nothing is cloned there" in done.stderr
    assert list(autostart.iterdir()) == []


def test_links_for_every_process_number_do_not_lead_a_lock_elsewhere(mine: Project, folder: Path) -> None:
    victim = folder / "home/.profile"
    victim.write_text("mine\n")
    for number in range(1, 32769):
        (mine.folder / f"robenv.lock.{number}.new").symlink_to(victim)
    own(mine.folder, folder / "home")
    mine.run("lock", user=USER)
    assert victim.read_text() == "mine\n"
    assert (mine.folder / "robenv.lock").read_text() != "mine\n"
