"""Powers asked for by somebody else's profile, by the command line: asked, refused, allowed, taken back."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.support.projects.project import ROBENV, Project

pytestmark = pytest.mark.engine

Make = Callable[..., Project]

STRANGER, USER = 4321, 1000
HOST = "the host's network"


def ask_for(mine: Project, run: str, uid: int = STRANGER) -> None:
    """The project extends a file of another user's that says this under ``run:``."""
    file = mine.folder / "common.yaml"
    file.write_text(f"run: {{{run}}}\n")
    os.chown(file, uid, uid)
    mine.write("extends: [./common.yaml]\n")


def on_the_engine(mine: Project, api: Any) -> list[Any]:
    labels = {"label": f"robenv.project={mine.name}"}
    return [*api.images(filters=labels), *api.containers(all=True, filters=labels), *api.volumes(labels)["Volumes"]]


def on_a_terminal(mine: Project, *arguments: str) -> Any:
    environ = {**mine.environ, "TERM": "dumb"}
    command = [*ROBENV, *arguments]
    return pexpect.spawn(command[0], command[1:], cwd=str(mine.folder), env=environ, encoding="utf-8", timeout=60)


def ended(session: Any) -> tuple[int, str]:
    session.expect(pexpect.EOF)
    session.close()
    return session.exitstatus, session.before


@pytest.mark.parametrize("command", [("up", "-d"), ("up", "--", "true"), ("run", "--", "true")])
def test_without_a_terminal_nothing_is_built_or_made(project: Make, docker_api: Any, command: tuple[str, ...]) -> None:
    mine = project()
    ask_for(mine, "network_mode: host, volumes: ['./made:/made']")
    done = mine.run(*command, check=2)
    assert done.stdout == ""
    for words in ("common.yaml (it belongs to UID 4321)", HOST, "robenv trust"):
        assert words in done.stderr
    assert on_the_engine(mine, docker_api) == []
    assert not (mine.folder / "made").exists()
    assert not Path(mine.environ["XDG_STATE_HOME"]).exists()


def test_on_a_terminal_it_asks_once(project: Make, docker_api: Any) -> None:
    mine = project()
    ask_for(mine, "network_mode: host")
    for answer in ("n\r", "\r", "\x03"):
        session = on_a_terminal(mine, "up", "--", "echo", "been here")
        session.expect("common.yaml .it belongs to UID 4321. takes over the host:")
        session.expect(HOST)
        session.expect("Allow this")
        session.send(answer)
        code, output = ended(session)
        assert code == 2, output
        assert "nothing was built or started" in output
        assert on_the_engine(mine, docker_api) == []
    session = on_a_terminal(mine, "up", "--", "echo", "been here")
    session.expect("Allow this")
    session.send("y\r")
    code, output = ended(session)
    assert (code, "been here" in output) == (0, True)
    assert mine.run("up", "-q", "--", "echo", "again").stdout == "again\n"
    assert mine.run("run", "-q", "--", "echo", "once").stdout == "once\n"


def test_a_longer_list_asks_again_and_a_shorter_one_does_not(project: Make) -> None:
    mine = project()
    ask_for(mine, "network_mode: host, cap_add: [SYS_TIME]")
    assert "SYS_TIME" in mine.run("trust", "--yes").stdout
    mine.run("run", "-q", "--", "true")
    ask_for(mine, "network_mode: host")
    mine.run("run", "-q", "--", "true")
    ask_for(mine, "network_mode: host, cap_add: [SYS_TIME], pid: host")
    refused = mine.run("run", "-q", "--", "true", check=2)
    assert "the host's processes" in refused.stderr
    assert "not allowed yet: 3, asked for by common.yaml" in mine.run("plan").stdout
    mine.run("trust", "--yes")
    mine.run("run", "-q", "--", "true")


def test_what_is_taken_back_is_asked_for_again_also_by_the_quick_way(project: Make) -> None:
    mine = project()
    ask_for(mine, "network_mode: host")
    mine.run("trust", "--yes")
    time.sleep(1.1)  # files this fresh are not trusted to be unchanged
    mine.run("up", "-d")
    warm = list(Path(mine.environ["XDG_CACHE_HOME"]).glob("robenv/warm/*.json"))
    assert len(warm) == 1
    profiled = {**mine.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    assert "typer" not in mine.run("up", "--", "true", env=profiled).stderr  # by the quick way
    assert "taken back" in mine.run("trust", "--revoke").stderr
    refused = mine.run("up", "--", "true", check=2)
    assert HOST in refused.stderr
    mine.run("down")


def test_trust_shows_lists_and_takes_back(project: Make) -> None:
    mine = project()
    ask_for(mine, "network_mode: host")
    shown = mine.run("trust", check=2)
    assert HOST in shown.stdout
    assert "robenv trust --yes" in shown.stderr
    (claim,) = json.loads(mine.run("trust", "--json").stdout)
    assert claim["allowed"] is False
    session = on_a_terminal(mine, "trust")
    session.expect("Allow this")
    session.send("y\r")
    assert ended(session)[0] == 0
    assert "allowed already" in mine.run("trust").stderr
    (kept,) = json.loads(mine.run("trust", "--list", "--json").stdout)
    assert kept["source"].startswith(str(mine.folder / "common.yaml"))
    assert kept["powers"] == claim["powers"]
    assert stat.S_IMODE(Path(kept["path"]).stat().st_mode) == 0o600
    assert HOST in mine.run("trust", "--list").stdout
    mine.run("clean")
    assert Path(kept["path"]).exists()
    mine.run("trust", "--revoke", str(mine.folder / "common.yaml"))
    assert json.loads(mine.run("trust", "--list", "--json").stdout) == []
    assert "trust --list" in mine.run("trust", "--revoke", "nobody", check=2).stderr
    mine.run("trust", "--list", "--yes", check=2)


def test_the_users_own_project_is_never_asked_about(project: Make) -> None:
    mine = project("run: {network_mode: host, cap_add: [SYS_TIME]}\n")
    assert "nothing here" in mine.run("trust").stderr
    mine.run("run", "-q", "--", "true")


def test_whose_a_file_is_depends_on_who_works(project: Make) -> None:
    mine = project()
    mine.folder.parent.chmod(0o777)
    mine.environ["HOME"] = "/nonexistent"
    for owner, code in ((USER, 0), (0, 0), (STRANGER, 2)):
        ask_for(mine, "network_mode: host", owner)
        mine.run("run", "-q", "--", "true", user=USER, check=code)


def test_a_profile_from_git(project: Make, tmp_path: Path) -> None:
    upstream = tmp_path / "upstream"
    upstream.mkdir()
    (upstream / "arm.yaml").write_text("run: {cap_add: [SYS_TIME]}\n")
    for command in (("init", "--quiet", "--initial-branch=main"), ("add", "--all"), ("commit", "--quiet", "-m", "arm")):
        who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
        subprocess.run(["git", "-C", str(upstream), *who, *command], check=True)
    mine = project(f"extends: ['git+file://{upstream}@main#arm']\n")
    refused = mine.run("run", "-q", "--", "true", check=2)
    assert "it is from git" in refused.stderr
    assert "SYS_TIME" in refused.stderr
    exported = mine.run("export", "compose", check=2)
    assert "SYS_TIME" in exported.stderr and not (mine.folder / "compose").exists()
    mine.run("trust", "--yes")
    mine.run("run", "-q", "--", "true")
    mine.run("export", "compose")


def test_a_build_asks_only_for_files_of_the_host(project: Make, tmp_path: Path, docker_api: Any) -> None:
    """Its steps run inside containers that have nothing of the host."""
    mine = project()
    ask_for(mine, "network_mode: host")
    mine.run("build", "-q")
    secret = tmp_path / "secret"
    secret.write_text("secret")
    common = mine.folder / "common.yaml"
    common.write_text(f"files: [{{source: {secret}, target: /x}}]\n")
    before = on_the_engine(mine, docker_api)
    assert f"takes in a copy of {secret}" in mine.run("build", "-q", check=2).stderr
    assert on_the_engine(mine, docker_api) == before
    mine.run("trust", "--yes")
    mine.run("build", "-q")
