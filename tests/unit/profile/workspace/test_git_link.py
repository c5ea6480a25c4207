"""Worktrees and submodules as projects, made by the real git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from robenv.profile.workspace.container_paths import BoundFolders
from robenv.profile.workspace.git_link import git_note


def _git(folder: Path, *arguments: str) -> None:
    who = {f"GIT_{name}_{what}": "a@example.org" for name in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    argv = ["git", "-c", "protocol.file.allow=always", "-C", str(folder), *arguments]
    subprocess.run(argv, check=True, capture_output=True, env={**os.environ, **who})


@pytest.fixture
def main(tmp_path: Path) -> Path:
    folder = tmp_path / "main"
    folder.mkdir()
    _git(folder, "init", "--quiet", "--initial-branch=main")
    _git(folder, "commit", "--quiet", "--allow-empty", "-m", "x")
    return folder


def test_the_git_folder_of_a_worktree_is_to_be_mounted_at_its_own_path(main: Path, tmp_path: Path) -> None:
    tree, git = tmp_path / "tree", main / ".git"
    _git(main, "worktree", "add", "--quiet", str(tree), "-b", "x")
    work = ("/workspace", str(tree))
    note = git_note(tree, BoundFolders([work]), "/workspace")
    assert note is not None
    assert f"is a worktree, and its git folder, {git}, is not mounted" in note.message
    assert note.hint.endswith(f"run: {{volumes: ['{git}:{git}']}}")
    assert git_note(tree, BoundFolders([work, (str(git), str(git))]), "/workspace") is None
    assert git_note(tree, BoundFolders([work, (str(main), str(main))]), "/workspace") is None
    assert git_note(tree, BoundFolders([work, (str(git), str(tmp_path))]), "/workspace") is not None


def test_a_submodule_keeps_its_place_beside_its_git_folder(main: Path, tmp_path: Path) -> None:
    above = tmp_path / "above"
    above.mkdir()
    _git(above, "init", "--quiet")
    _git(above, "submodule", "--quiet", "add", str(main), "sub")
    project, git = above / "sub", above / ".git/modules/sub"
    note = git_note(project, BoundFolders([("/workspace", str(project))]), "/workspace")
    assert note is not None
    assert f"is a submodule, and its git folder, {git}, is not mounted" in note.message
    assert f"workspace: {{target: {project}}}, and run: {{volumes: ['{git}:{git}']}}" in note.hint
    there = BoundFolders([(str(project), str(project)), (str(git), str(git))])
    assert git_note(project, there, str(project)) is None


@pytest.mark.parametrize(("folder", "up"), [("robot", ".."), ("robots/picker", "../..")])
def test_of_a_folder_within_a_repository_the_whole_is_to_be_mounted(main: Path, folder: str, up: str) -> None:
    project = main / folder
    project.mkdir(parents=True)
    note = git_note(project, BoundFolders([("/workspace", str(project))]), "/workspace")
    assert note is not None
    assert f"only {folder} of the repository {main} is mounted" in note.message
    assert f"workspace: {{source: {up}}}" in note.hint
    # What the hint leads to, and the folder at a place where the repository is all around it.
    assert git_note(main, BoundFolders([("/workspace", str(main))]), "/workspace") is None
    around = BoundFolders([("/repo", str(main)), (f"/repo/{folder}", str(project))])
    assert git_note(project, around, f"/repo/{folder}") is None


def test_a_repository_of_the_home_folder_is_not_the_projects(main: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(main))
    project = main / "robot"
    project.mkdir()
    assert git_note(project, BoundFolders([("/workspace", str(project))]), "/workspace") is None


@pytest.mark.parametrize("said", [None, "", "gitdir: nowhere\n", "gitdir:\n", "something else\n"])
def test_nothing_is_noted_of_what_is_no_such_project(main: Path, tmp_path: Path, said: str | None) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    if said is not None:
        (folder / ".git").write_text(said)
    for root in (folder, main):
        assert git_note(root, BoundFolders([("/workspace", str(root))]), "/workspace") is None
