"""A profile from git that would write into the user's home folder, by every command that resolves it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.projects.homes import open_folder
from tests.support.projects.project import Project
from tests.support.servers.raw_git import corpus, served, write_repository

pytestmark = pytest.mark.engine

USER = 1000


@pytest.mark.parametrize("name", ["escape-into-home", "escape-without-a-name-twice"])
def test_no_command_writes_into_the_home_folder_by_a_tree(base_image: str, name: str) -> None:
    with open_folder() as folder, served(folder / "served") as url:
        write_repository(folder / "served" / "evil", corpus("git_trees")[name]["tree"])
        mine, home = Project(folder / "project", base_image), folder / "home"
        mine.write(f"extends: ['git+{url}/evil@main#robenv']\n")
        home.mkdir()
        for made in (home, mine.folder):
            os.chown(made, USER, USER)
        environ = {key: value for key, value in mine.environ.items() if not key.startswith("XDG_")}
        environ["HOME"] = str(home)
        before = set(mine.folder.rglob("*"))
        for command in (("validate",), ("plan",), ("lock",), ("build",), ("up", "-d"), ("render", "-o", "out")):
            done = mine.run(*command, check=3, user=USER, env=environ)
            assert "evil holds" in done.stderr and "refused" in done.stderr, command
        assert set(mine.folder.rglob("*")) == before
        made_there = {path.relative_to(home).parts[:2] for path in home.rglob("*")}
        assert made_there == {(".cache",), (".cache", "robenv")}
        assert not [path for path in home.rglob("*") if path.name in (".bash_profile", ".config", "up", "h")]


def test_a_container_that_changes_its_own_profile_changes_no_other_plan(
    project: Callable[..., Project], tmp_path: Path, docker_api: Any
) -> None:
    """The commit's tree is changed as a container could to which it is mounted; another project has it locked."""
    repository = tmp_path / "served" / "up"
    write_repository(repository, [["100644", "robenv.yaml", "run: {environment: {FROM: commit}}\n"]])
    mine = project()
    with served(tmp_path / "served") as url:
        mine.write(f"extends: ['git+{url}/up@main#robenv']\n")
        mine.run("plan")
        (profile,) = Path(mine.environ["XDG_CACHE_HOME"]).glob("robenv/git/*/trees/*/robenv.yaml")
        changed = "echo 'run: {environment: {FROM: container}}' > /own/robenv.yaml"
        container = docker_api.create_container(
            mine.base_image,
            ["sh", "-c", changed],
            host_config=docker_api.create_host_config(binds=[f"{profile.parent}:/own"]),
            labels={"robenv.project": mine.name},
        )
        docker_api.start(container)
        assert docker_api.wait(container)["StatusCode"] == 0
        assert "container" in profile.read_text()
        done = mine.run("plan", "--json")
    assert '"FROM=commit"' in done.stdout
    assert "was changed" in done.stderr
    assert "commit" in profile.read_text()
