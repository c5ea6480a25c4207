"""The ssh agent and git's identity inside a real container, as the login has them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from tests.support.machine.desktop import Desktop, until
from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

UID = 4712

Make = Callable[[str], Project]


@pytest.fixture
def desktop() -> Iterator[Desktop]:
    made = Desktop(UID)
    yield made
    made.close()


@pytest.fixture
def mine(docker_api: Any, tmp_path: Path, desktop: Desktop) -> Iterator[Make]:
    with desktop.projects(docker_api, tmp_path) as make:
        yield make


def test_keys_of_the_agent_are_there_for_each_shell(mine: Make, desktop: Desktop) -> None:
    desktop.start_agent("first")
    project = mine("ssh_agent: auto\n")
    time.sleep(1.1)  # a file this fresh is not trusted to be unchanged
    assert " first (ED25519)" in project.run("up", "--", "ssh-add", "-l", user=UID).stdout
    shell = desktop.robenv(
        project, "exec", "--", "sh", "-c", "read line; ssh-add -l; ssh-add -l", stdin=PIPE, stdout=PIPE
    )
    try:
        assert " first (ED25519)" in project.run("exec", "--", "ssh-add", "-l", user=UID).stdout
        output, _ = shell.communicate(b"\n", timeout=60)
        assert output.count(b" first (ED25519)") == 2
    finally:
        shell.kill()
    assert " first (ED25519)" in project.run("run", "--", "ssh-add", "-l", user=UID).stdout
    # A new login's agent, without a new container.
    desktop.end_agents()
    desktop.start_agent("second")
    desktop.follow(project)
    done = project.run("up", "--", "ssh-add", "-l", user=UID)
    assert " second (ED25519)" in done.stdout
    assert "first" not in done.stdout
    assert done.stderr == ""


def test_the_agents_socket_goes_with_the_command(mine: Make, desktop: Desktop) -> None:
    desktop.start_agent("mine")
    project = mine("ssh_agent: auto\n")
    done = project.run("up", "--", "sh", "-c", 'stat -c "%a %U" $SSH_AUTH_SOCK', user=UID)
    assert done.stdout == "600 dev\n"
    folder = next((desktop.runtime / "robenv").iterdir())
    assert not [path.name for path in folder.iterdir() if path.name.startswith("agent")]
    killed = desktop.robenv(project, "exec", "--", "sleep", "60", stdin=PIPE, stdout=PIPE)
    try:
        until(lambda: [path for path in folder.iterdir() if path.name.startswith("agent")], killed)
    finally:
        killed.kill()
        killed.wait(30)
    project.run("exec", "--", "ssh-add", "-l", user=UID)
    assert not [path.name for path in folder.iterdir() if path.name.startswith("agent")]


def test_an_agent_that_died_is_told_and_kills_nothing(mine: Make, desktop: Desktop) -> None:
    desktop.start_agent("mine")
    desktop.end_agents()
    project = mine("ssh_agent: auto\n")
    done = project.run("up", "--", "sh", "-c", "echo [$SSH_AUTH_SOCK]", user=UID)
    assert done.stdout == "[]\n"
    assert done.stderr.count("no agent answers there") == 1
    project.write("ssh_agent: required\n")
    assert "robenv.yaml:3" in project.run("up", "--", "true", user=UID, check=6).stderr


def test_an_agent_that_dies_meanwhile_ends_no_command(mine: Make, desktop: Desktop) -> None:
    desktop.start_agent("mine")
    project = mine("ssh_agent: auto\n")
    project.run("up", "-d", user=UID)
    shell = desktop.robenv(
        project, "exec", "--", "sh", "-c", "ssh-add -l; read line; ssh-add -l 2>&1; echo on", stdin=PIPE, stdout=PIPE
    )
    try:
        assert shell.stdout is not None
        assert b" mine (ED25519)" in shell.stdout.readline()
        desktop.end_agents()
        output, _ = shell.communicate(b"\n", timeout=60)
        assert output.endswith(b"on\n")
        assert b"ED25519" not in output
    finally:
        shell.kill()


def test_commits_made_inside_are_the_users_own(mine: Make, desktop: Desktop) -> None:
    (desktop.home / ".gitconfig").write_text(
        '[include]\n\tpath = /nonexistent/config\n[user]\n\tname = "Ann \\"the\\" Arm"\n\temail = ann@example.org\n'
        "[credential]\n\thelper = store --file /secret\n[core]\n\tsshCommand = false\n"
    )
    project = mine("git: true\nsteps: [{name: its own, run: 'git config --system init.defaultBranch trunk'}]\n")
    commit = (
        "git init -q repository && cd repository && git commit -q --allow-empty -m x && git log --format='%an <%ae>'"
    )
    done = project.run("up", "--", "sh", "-c", f"{commit} && git branch --show-current", user=UID)
    assert done.stdout == 'Ann "the" Arm <ann@example.org>\ntrunk\n'
    settings = project.run("exec", "--", "git", "config", "--list", user=UID).stdout
    assert "helper" not in settings
    assert "secret" not in settings
    assert "sshcommand" not in settings
    desktop.run("git", "config", "--global", "user.name", "Ben")
    assert project.run("exec", "--", "git", "config", "user.name", user=UID).stdout == "Ben\n"
    project.run("exec", "--", "git", "config", "--global", "user.name", "Inside", user=UID)
    assert project.run("exec", "--", "git", "config", "user.name", user=UID).stdout == "Inside\n"


def test_git_works_in_a_workspace_of_another_user(mine: Make, desktop: Desktop) -> None:
    project = mine("git: true\n")
    subprocess.run(["git", "init", "-q", "."], cwd=project.folder, check=True)
    os.chown(project.folder / ".git", 1, 1)
    os.chown(project.folder, 1, 1)
    project.run("trust", "--yes", user=UID)
    assert project.run("up", "--", "git", "rev-parse", "--show-toplevel", user=UID).stdout == "/workspace\n"


def test_a_read_only_root_has_the_identity_too(mine: Make, desktop: Desktop) -> None:
    desktop.run("git", "config", "--global", "user.name", "Ann")
    project = mine("git: true\nrun: {read_only: true}\n")
    assert project.run("run", "--", "git", "config", "user.name", user=UID).stdout == "Ann\n"


def test_a_configuration_that_git_cannot_read_is_no_identity(mine: Make, desktop: Desktop) -> None:
    (desktop.home / ".gitconfig").write_text("[user\nname = \n")
    project = mine("git: true\n")
    done = project.run("up", "--", "git", "config", "user.name", user=UID, check=1)
    assert "not in this login session: git identity" in done.stderr
