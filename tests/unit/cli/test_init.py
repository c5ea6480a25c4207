"""What `robenv init` writes is a valid project, and what could not be one is refused before anything is written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from robenv.project.init.write import project_file, project_name
from robenv.project.planned import resolve
from tests.support.projects.command_line import Robenv

BAD = ("Picker", "two words", "a--b", "-a", "a-", "a" * 64, "", "a\nrun: {}", "${HOME}", "é")
GOOD = ("picker", "a", "a.b_c-d", "2024", "1e5", "0x1f", "true", "null", "no", "a" * 63)


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_no_profile_may_say_is_refused(tmp_path: Path, robenv: Robenv, name: str) -> None:
    done = robenv("init", "--name", name, "ros/debian-bookworm")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: `--name`: ")
    assert "a project's name such as `picker`" in done.stderr
    assert not list(tmp_path.iterdir())


def test_it_is_refused_in_the_words_of_validate(tmp_path: Path, robenv: Robenv) -> None:
    sentence = robenv("init", "--name", "Foo Bar").stderr.splitlines()[0].removeprefix("error: `--name`: ")
    (tmp_path / "robenv.yaml").write_text("name: Foo Bar\nbase: {image: x}\n")
    checked = robenv("validate")
    assert checked.code == 3
    assert f"`name`: {sentence}" in checked.stderr


def test_a_file_that_is_there_survives_a_bad_name(tmp_path: Path, robenv: Robenv) -> None:
    (tmp_path / "robenv.yaml").write_text("mine\n")
    assert robenv("init", "--force", "--name", "No Good").code == 2
    assert (tmp_path / "robenv.yaml").read_text() == "mine\n"


def test_what_it_writes_is_valid(tmp_path: Path, robenv: Robenv) -> None:
    done = robenv("init", "--name", "picker")
    assert (done.code, done.stdout) == (0, "")
    assert "not a terminal, so taking ros/jazzy (found no hint of a ROS distribution here)" in done.stderr
    assert resolve(tmp_path, None, {}).profile.name == "picker"
    assert "already exists" in robenv("init").stderr


def test_what_stands_in_comments_is_valid_too(tmp_path: Path) -> None:
    text = re.sub(r"^( *)# (?=[a-z_]+:|  |- )", r"\1", project_file("picker", "debian/bookworm"), flags=re.M)
    (tmp_path / "robenv.yaml").write_text(text)
    profile = resolve(tmp_path, None, {}).profile
    assert profile.gpu is not None
    assert (profile.gpu.mode, profile.display, profile.git, len(profile.devices)) == ("auto", "auto", True, 2)
    assert (profile.run.network_mode, len(profile.steps), profile.pip_packages) == ("host", 1, ("transforms3d==0.4.2",))


@pytest.mark.parametrize("name", GOOD)
def test_a_valid_name_is_written_so_that_yaml_reads_it_as_text(tmp_path: Path, name: str) -> None:
    (tmp_path / "robenv.yaml").write_text(project_file(name, "ros/debian-bookworm"))
    assert resolve(tmp_path, None, {}).profile.name == name


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("2024", "2024"),
        ("True", "true"),
        ("My Robot (old)", "my-robot-old"),
        ("..x", "x"),
        ("ü", "project"),
        ("a" * 70, "a" * 63),
    ],
)
def test_every_folder_gives_a_valid_name(tmp_path: Path, folder: str, name: str) -> None:
    inside = tmp_path / folder
    inside.mkdir()
    (inside / "robenv.yaml").write_text(project_file(project_name(inside), "ros/debian-bookworm"))
    assert resolve(inside, None, {}).profile.name == name


def test_without_a_name_the_folder_is_looked_at(tmp_path: Path, robenv: Robenv) -> None:
    (tmp_path / "Dockerfile").write_text("FROM ros:jazzy\nRUN apt-get install -y ros-jazzy-nav2-bringup\n")
    said = json.loads(robenv("init", "--json").stdout)
    assert (said["profile"], said["why"]) == ("ros/jazzy", "Dockerfile:1: ros:jazzy")
    assert [hint["value"] for hint in said["taken"]] == ["ros-jazzy-nav2-bringup"]
    assert not (tmp_path / "robenv.yaml").exists()
    done = robenv("init")
    assert (done.code, done.stdout) == (0, "")
    assert "taking ros/jazzy (Dockerfile:1: ros:jazzy)" in done.stderr
    assert "    - ros-jazzy-nav2-bringup  # Dockerfile:2\n" in (tmp_path / "robenv.yaml").read_text()


def test_what_is_left_in_comments_is_told(tmp_path: Path, robenv: Robenv) -> None:
    (tmp_path / "run.sh").write_text("rocker --x11 --network host --devices /dev/sda -- ros:jazzy bash\n")
    done = robenv("init")
    assert done.code == 0
    assert "left in comments, for you to allow: " in done.stderr
    assert (
        "display: auto (your screen" in done.stderr
        and "run.network_mode: host (this machine's network)" in done.stderr
        and "/dev/sda" in done.stderr
    )
    profile = resolve(tmp_path, None, {}).profile
    assert (profile.display, profile.run.network_mode, profile.devices) == ("none", "", ())
    said = json.loads(robenv("init", "--json").stdout)
    assert {hint["key"] for hint in said["asked"]} == {"display", "run.network_mode", "devices"}
    assert not {hint["key"] for hint in said["taken"]} & {"display", "run.network_mode", "devices"}
