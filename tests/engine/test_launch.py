"""The user's terminal, inside: its size from the first moment, its locale and time zone where the image has them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from robenv.engine.protocol import BuildRequest, Engine
from tests.support.building import context
from tests.support.project import ROBENV, Project
from tests.support.terminal import Terminal

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
