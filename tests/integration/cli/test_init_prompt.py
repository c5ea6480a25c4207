"""init on a terminal of 80 x 24: the proposal on one screen, and a question that is asked again."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from robenv.project.planned import resolve
from tests.support.machine.terminal import Terminal

ROOT = Path(__file__).resolve().parents[3]
ROWS, COLUMNS = 24, 80
QUESTION = r"Profile \(Enter takes it, `\?` lists all\) \[[^]]*\]: "


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal(ROWS, COLUMNS)
    yield made
    made.close()


def start(terminal: Terminal, folder: Path) -> None:
    environ = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
    terminal.start([sys.executable, "-m", "robenv", "-C", str(folder), "init"], ROOT, environ)
    terminal.see(QUESTION)


def lines(terminal: Terminal) -> list[str]:
    """What was shown between the last two questions, by lines."""
    shown = terminal.screen.before
    assert isinstance(shown, bytes)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode()).replace("\r", "").split("\n")


def answer(terminal: Terminal, text: str) -> list[str]:
    terminal.type(f"{text}\r")
    terminal.see(QUESTION)
    return lines(terminal)


def test_enter_takes_the_default_of_an_empty_folder_which_is_no_ros_1(terminal: Terminal, tmp_path: Path) -> None:
    start(terminal, tmp_path)
    assert any("found no hint of a ROS distribution here" in line for line in lines(terminal))
    terminal.type("\r")
    assert terminal.ends() == 0
    assert "extends: [ros/jazzy]" in (tmp_path / "robenv.yaml").read_text()


@pytest.mark.parametrize(
    ("said", "taken"), [("humble", "ros/humble"), ("ros/noetic", "ros/noetic"), ("debian-trixie", "ros/debian-trixie")]
)
def test_a_distribution_is_taken_by_its_name(terminal: Terminal, tmp_path: Path, said: str, taken: str) -> None:
    start(terminal, tmp_path)
    terminal.type(f"{said}\r")
    assert terminal.ends() == 0
    assert resolve(tmp_path, None, {}).profile.name
    assert f"extends: [{taken}]" in (tmp_path / "robenv.yaml").read_text()


@pytest.mark.parametrize(
    ("said", "near"), [("humbel", "`ros/humble`"), ("jetson", "jetson/agx-orin,"), ("no such", "robenv profiles")]
)
def test_an_unknown_name_is_asked_again_with_near_names(
    terminal: Terminal, tmp_path: Path, said: str, near: str
) -> None:
    start(terminal, tmp_path)
    shown = answer(terminal, said)
    assert near in " ".join(shown)
    assert len(shown) <= 5
    assert max(map(len, shown)) <= COLUMNS
    assert not (tmp_path / "robenv.yaml").exists()
    terminal.type("jazzy\r")
    assert terminal.ends() == 0
    assert "extends: [ros/jazzy]" in (tmp_path / "robenv.yaml").read_text()


def test_the_list_leaves_the_question_on_the_screen(terminal: Terminal, tmp_path: Path) -> None:
    start(terminal, tmp_path)
    shown = answer(terminal, "?")
    assert max(map(len, shown)) <= COLUMNS
    assert len(shown) <= ROWS - 2, "with the proposal above it and the question"
    for name in ("humble", "debian-bookworm", "orin-nano", "rviz"):
        assert name in " ".join(shown).split(), name


def test_all_of_a_large_folder_is_on_one_screen(terminal: Terminal, tmp_path: Path) -> None:
    """As a navigation stack has it: a devcontainer of a Dockerfile, and many packages that all say the same."""
    for number in range(46):
        package = tmp_path / f"nav_{number}"
        package.mkdir()
        (package / "package.xml").write_text(
            f"<package format='3'><name>nav_{number}</name><buildtool_depend>ament_cmake</buildtool_depend></package>"
        )
    (tmp_path / ".devcontainer").mkdir()
    (tmp_path / ".devcontainer/devcontainer.json").write_text(
        '{"build": {"dockerfile": "../Dockerfile", "args": {"A": "b"}},  '
        '"runArgs": ["--net=host", "--ipc=host", "--gpus=all"],'
        '"containerEnv": {"DISPLAY": "${localEnv:DISPLAY}"}, "mounts": ["source=/dev,target=/dev,type=bind"],'
        '"features": {"a": {}, "b": {}, "c": {}}, "postCreateCommand": "x", "onCreateCommand": "y"}'
    )
    packages = " ".join(f"ros-rolling-{word}" for word in ("nav2-msgs", "tf2", "rviz2", "slam-toolbox") * 9)
    steps = "".join(f"RUN make step{number}\n" for number in range(30))
    environment = "".join(f"ENV NAME_{number}={'v' * 100}\n" for number in range(30))
    (tmp_path / "Dockerfile").write_text(
        f"FROM ros:rolling\nRUN apt-get install -y {packages}\n{steps}{environment}ENV ROS_DOMAIN_ID=7\n"
        "RUN pip install a b c -e .\nRUN rosdep install -y --from-paths src\n"
    )
    start(terminal, tmp_path)
    shown = lines(terminal)
    assert len(shown) <= ROWS
    assert max(map(len, shown)) <= COLUMNS
    text = "\n".join(shown)
    for words in ("Proposal: ros/rolling", "Dockerfile:1: ros:rolling", "for you to allow", "not converted"):
        assert words in text, words
    assert all(re.match(r"(?:  [\w.]+(?: \w+)*  +\S|\S|  \S+:\d+: |$)", line) for line in shown), text
    terminal.type("\r")
    terminal.see(r"Allow that\? \[y/N\]: ")
    terminal.type("n\r")
    assert terminal.ends() == 0
    assert resolve(tmp_path, None, {}).profile.run.network_mode == ""
