"""`save` and `load` of a project with workspace.repos: nobody is asked for the repositories where it arrives, for their
origins are gone by then."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.protocol import Engine
from tests.support.images import small_image
from tests.support.projects.project import Project

pytestmark = pytest.mark.engine


def _git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(folder)]
    return subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True).stdout.strip()


class Site:
    """A saved project whose origins are away, its image too; and how to run robenv with nothing of robenv's there."""

    def __init__(self, project: Project, folder: Path, engine: Engine) -> None:
        self.project, self.folder, self.engine = project, folder, engine
        self.file = folder / "picker.robenv"
        self.origins = folder / "origins"
        self.origins.mkdir()
        for name in ("lidar", "arm"):
            origin = self.origins / name
            _git(self.origins, "init", "--quiet", "--initial-branch=main", name)
            for text in ("one", "two"):
                (origin / "talk").write_text(f"#!/bin/sh\necho {name} {text}\n")
                (origin / "talk").chmod(0o755)
                _git(origin, "add", "--all")
                _git(origin, "commit", "--quiet", "-m", text)
            _git(origin, "tag", "-a", "-m", "said", "v1", "HEAD~1")
        (project.folder / "picker.repos").write_text(
            "repositories:\n"
            f"  drivers/lidar: {{type: git, url: 'file://{self.origins}/lidar', version: main}}\n"
            f"  arm: {{type: git, url: 'file://{self.origins}/arm', version: v1}}\n"
        )
        project.write("workspace: {repos: [picker.repos]}\n")
        project.run("save", str(self.file))
        self.lock = (project.folder / "robenv.lock").read_text()
        self.origins.rename(folder / "away")

    def take_image_away(self) -> None:
        for image in self.engine.images({"robenv.project": self.project.name}):
            self.engine.remove_image(image.id)

    def at(self, name: str) -> dict[str, Any]:
        home = self.folder / name
        home.mkdir(exist_ok=True)
        places = {"XDG_CACHE_HOME": str(home / "cache"), "XDG_STATE_HOME": str(home / "state"), "HOME": str(home)}
        return {"cwd": home, "env": {**self.project.environ, **places}}


@pytest.fixture
def site(project: Callable[..., Project], docker_api: Any, engine: Engine, tmp_path: Path) -> Site:
    """Of an image in which nothing runs: quick to save and to load."""
    return Site(project(base=small_image.ensure(docker_api)), tmp_path, engine)


@pytest.fixture
def living_site(project: Callable[..., Project], pushed_base: str, engine: Engine, tmp_path: Path) -> Site:
    """Of an image in which something runs, and that a lock can hold fast."""
    return Site(project(base=pushed_base), tmp_path, engine)


def test_up_where_the_origins_are_gone(living_site: Site) -> None:
    site = living_site
    site.project.run("lock")  # the base too; the repositories are in it
    site.lock = (site.project.folder / "robenv.lock").read_text()
    # Once more, without the origins: what is here is enough, and what is changed here stays here.
    clone = site.project.folder / "src/arm"
    (clone / "talk").write_text("mine\n")
    said = site.project.run("save", "--locked", str(site.file)).stderr
    assert "what is not in the lock's commits is not in the file: src/arm (1 changed file)" in said
    assert "fetching" not in said
    site.take_image_away()

    there = site.at("site")
    planned = site.project.run("load", str(site.file), "--to", "picker", **there)
    assert "another image" not in planned.stderr
    folder = site.folder / "site/picker"
    assert sorted(one.name for one in folder.iterdir()) == ["picker.repos", "robenv.lock", "robenv.yaml", "src"]
    assert sorted(one.name for one in (folder / "src").iterdir()) == ["arm", "drivers"]
    there["cwd"] = folder
    up = site.project.run("up", "--locked", "--", "sh", "-c", "src/drivers/lidar/talk; src/arm/talk", **there)
    assert up.stdout == "lidar two\narm one\n"
    assert not any(words in up.stderr for words in ("fetching", "taking", "Building", "left as it is"))
    assert (folder / "robenv.lock").read_text() == site.lock
    lidar = folder / "src/drivers/lidar"
    assert _git(lidar, "status", "--porcelain", "--branch") == "## main...origin/main"
    assert _git(folder / "src/arm", "describe", "--exact-match") == "v1"

    _up_in_a_folder_of_ones_own(site, there)

    # With a network again, it is a clone like any other.
    (site.folder / "away").rename(site.origins)
    (site.origins / "lidar/new").touch()
    _git(site.origins / "lidar", "add", "--all")
    _git(site.origins / "lidar", "commit", "--quiet", "-m", "three")
    _git(lidar, "pull", "--quiet", "--ff-only")
    _git(lidar, "fetch", "--quiet", "--unshallow")
    assert _git(lidar, "rev-list", "--count", "HEAD") == "3"
    site.project.run("down", "--volumes", **there)


def _up_in_a_folder_of_ones_own(site: Site, there: dict[str, Any]) -> None:
    """Which has what is in git, and no repositories: these are where `load` has put them."""
    folder = site.folder / "site/own"
    folder.mkdir()
    shutil.rmtree(site.folder / "site/cache/robenv/git")
    site.project.run("load", str(site.file), cwd=site.folder, env=there["env"])
    for name in ("robenv.yaml", "robenv.lock", "picker.repos"):
        (folder / name).write_bytes((site.project.folder / name).read_bytes())
    there = {**there, "cwd": folder}
    up = site.project.run("up", "--", "sh", "-c", "src/drivers/lidar/talk; src/arm/talk", **there)
    assert up.stdout == "lidar two\narm one\n"
    assert up.stderr.count("from what `robenv load` has brought") == 2

    # A newer file beside it: what is there stays, and a folder that is taken is refused.
    (folder / "src/arm/talk").write_text("mine\n")
    site.project.run("load", str(site.file), **there)
    assert (folder / "src/arm/talk").read_text() == "mine\n"
    assert "not empty" in site.project.run("load", str(site.file), "--to", ".", check=2, **there).stderr
    site.project.run("down", "--volumes", **there)


def test_what_the_lock_lacks(site: Site) -> None:
    lock = site.project.folder / "robenv.lock"
    lines = site.lock.splitlines(keepends=True)
    lock.write_text("".join(line for line in lines if not line.startswith(("repos:", "  file:"))))
    refused = site.project.run("save", "--locked", str(site.file), check=3).stderr
    assert "picker.repos:2:3" in refused and "picker.repos:3:3" in refused and "`robenv lock`" in refused
    said = site.project.run("save", str(site.file)).stderr
    assert said.count("from now on; `robenv update` moves it") == 2
    assert lock.read_text() == site.lock


def test_a_file_that_goes_elsewhere_or_is_damaged_changes_nothing(site: Site) -> None:
    there = site.at("site")
    whole = site.file.read_bytes()
    for place in (len(whole) // 3, len(whole) - 200):
        (site.folder / "bad").write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        site.project.run("load", str(site.folder / "bad"), "--to", "picker", check=1, **there)
    assert [one for one in (site.folder / "site").rglob("*") if one.is_file()] == []
    for folder in (site.folder / "site/link", site.folder / "site/elsewhere"):
        folder.mkdir()
    (site.folder / "site/to").symlink_to("elsewhere")
    site.project.run("load", str(site.file), "--to", "to", check=2, **there)
    assert not list((site.folder / "site/elsewhere").iterdir())


@pytest.mark.parametrize("word", ["index-pack", "checkout"])
def test_a_load_that_is_killed_leaves_no_half_of_a_repository(site: Site, word: str) -> None:
    """In the middle of what git does: it stands still there, until robenv is gone."""
    there, programs, mark = site.at("site"), site.folder / "programs", site.folder / "mark"
    programs.mkdir()
    git = programs / "git"
    git.write_text(
        f'#!/bin/sh\ncase " $* " in *" {word} "*) echo $$ > {mark}.new; mv {mark}.new {mark}; exec sleep 60;; esac\n'
        f'PATH="{os.environ["PATH"]}" exec git "$@"\n'
    )
    git.chmod(0o755)
    slow = {**there, "env": {**there["env"], "PATH": f"{programs}:{os.environ['PATH']}"}}
    process = site.project.start("load", str(site.file), "--to", "picker", stderr=subprocess.DEVNULL, **slow)
    deadline = time.monotonic() + 60
    while not mark.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait(30)
    os.kill(int(mark.read_text()), signal.SIGKILL)
    assert not (site.folder / "site/picker").exists()
    site.project.run("load", str(site.file), "--to", "picker", **there)
    assert (site.folder / "site/picker/src/arm/talk").read_text().endswith("arm one\n")
    assert _git(site.folder / "site/picker/src/drivers/lidar", "status", "--porcelain") == ""
    assert not list((site.folder / "site").glob("*.new")), "the next one tidies up what a killed one has left"
