"""The user's terminal, inside: its size from the first moment, its locale and time zone where the image has them."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.protocol import BuildRequest, Engine
from tests.support.images.building import context
from tests.support.machine.terminal import Terminal
from tests.support.projects.project import ROBENV, Project

pytestmark = pytest.mark.engine

MakeProject = Callable[..., Project]
_LOOK = "stty size >size; echo $TERM:$LANG:$LC_ALL >told; date +%Z >zone; perl -e 1 2>noise"


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal(41, 173)
    yield made
    made.close()


@pytest.mark.parametrize("command", ["exec", "run", "up"])
def test_the_first_program_finds_the_terminal_as_it_is(
    project: MakeProject, terminal: Terminal, root: Path, command: str
) -> None:
    mine = project()
    mine.run("up", "-d")
    environ = {"TERM": "xterm-kitty", "LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8", "TZ": "Asia/Tokyo"}
    for _ in range(4):
        argv = [*ROBENV, command, "--", "sh", "-c", _LOOK]
        terminal.start(argv, root, {**mine.environ, **environ}, mine.folder)
        assert terminal.ends(60) == 0
        said = {name: (mine.folder / name).read_text().strip() for name in ("size", "told", "zone", "noise")}
        assert said == {"size": "41 173", "told": "xterm-256color:C.UTF-8:C.UTF-8", "zone": "JST", "noise": ""}


def test_a_file_is_as_wide_as_the_terminal_beside_it(project: MakeProject, terminal: Terminal, root: Path) -> None:
    mine = project()
    mine.run("up", "-d")
    script = f"{' '.join(ROBENV)} exec -- tput cols >wide"
    terminal.start(["sh", "-c", script], root, {**mine.environ, "TERM": "xterm"}, mine.folder)
    assert terminal.ends(60) == 0
    assert (mine.folder / "wide").read_text() == "173\n"


def test_proxies_of_the_docker_config_are_there(project: MakeProject, tmp_path: Path, docker_api: Any) -> None:
    """As `docker run` gives them; never in the image, and their login in nothing that others read."""
    mine = project("run: {environment: {no_proxy: own}}")
    config = tmp_path / "docker"
    config.mkdir()
    mine.environ["DOCKER_CONFIG"] = str(config)
    look = ("sh", "-c", "env | grep -i _proxy | sort")
    assert mine.run("up", "--", *look, check=None).stdout == "no_proxy=own\n"
    proxies = {"httpProxy": "http://jane:sesame@proxy:1", "noProxy": "localhost"}
    (config / "config.json").write_text(json.dumps({"proxies": {"default": proxies}}))
    with_login = "http://jane:sesame@proxy:1"
    found = f"HTTP_PROXY={with_login}\nNO_PROXY=localhost\nhttp_proxy={with_login}\nno_proxy=own\n"
    for command in ("up", "exec", "run"):
        assert mine.run(command, "--", *look).stdout == found
    for command in ("plan", "plan --json", "profiles show .", "export compose -o out"):
        done = mine.run(*command.split())
        assert "sesame" not in done.stdout + done.stderr, command
    assert "proxy" not in (mine.folder / "out/compose.yaml").read_text().lower().replace("no_proxy", "")
    (container,) = docker_api.containers(filters={"label": f"robenv.project={mine.name}"})
    assert "sesame" not in json.dumps(container["Labels"])
    assert "sesame" not in json.dumps(docker_api.inspect_image(mine.plan()["image"]))
    (config / "config.json").unlink()
    assert mine.run("up", "--", *look).stdout == "no_proxy=own\n"


@pytest.mark.parametrize(
    ("profile", "name"), [("", "{project}"), ("run: {hostname: arm}", "arm"), ("run: {network_mode: host}", "{host}")]
)
def test_the_prompt_names_the_project(
    project: MakeProject, terminal: Terminal, root: Path, profile: str, name: str
) -> None:
    mine = project(profile)
    expected = name.format(project=mine.name, host=os.uname().nodename)
    assert mine.run("up", "-q", "--", "hostname").stdout.strip() == expected
    assert mine.run("run", "--", "hostname").stdout.strip() == expected
    terminal.start([*ROBENV, "shell"], root, {**mine.environ, "TERM": "xterm"}, mine.folder)
    terminal.see(f"(?<=\\({mine.name}\\))root@" if "host" in name else f"root@{expected}:")
    terminal.type("exit\r")
    assert terminal.ends(60) == 0


@pytest.mark.parametrize("command", ["exec", "run", "up"])
@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("ip", 127, "robenv: ip: not found in the container"),
        ("/workspace", 126, "robenv: /workspace: is a directory in the container"),
    ],
)
def test_a_command_that_is_not_there(project: MakeProject, command: str, name: str, code: int, said: str) -> None:
    mine = project()
    mine.run("up", "-d")
    done = mine.run(command, "--", name, check=code)
    assert done.stderr.splitlines()[-1] == said
    assert "OCI" not in done.stdout + done.stderr


def test_an_image_without_a_shell(project: MakeProject, engine: Engine, base_image: str) -> None:
    tag = f"robenvtest-shellless:{secrets.token_hex(4)}"
    dockerfile = f"FROM {base_image}\nRUN rm /bin/sh\n"
    for _ in engine.build(BuildRequest(tag, engine.info().platform, {}), context(dockerfile)):
        pass
    try:
        mine = project(base=tag)
        mine.environ["LANG"] = "C"
        for command in (("up", "-q"), ("exec",), ("run",)):
            assert mine.run(*command, "--", "printenv", "LANG").stdout == "C\n"
    finally:
        engine.remove_image(tag, force=True)
