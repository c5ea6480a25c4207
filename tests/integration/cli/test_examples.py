"""The examples verify themselves: each has a script that builds it, runs it and asserts what it is there to show."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.folders import ROOT
from tests.support.images.images import forget_images
from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/robenv.yaml"))
_MADE = (".catkin_workspace", "build", "devel", "install", "log")
_COLCON = "colcon build --merge-install --install-base /opt/talker_listener --cmake-args -DCMAKE_BUILD_TYPE=Release"


def test_there_are_the_two_that_the_readme_speaks_of() -> None:
    assert {"minimal", "talker_listener"} <= set(EXAMPLES)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", EXAMPLES)
def test_its_verify_script_succeeds_and_leaves_nothing(name: str, tmp_path: Path, docker_api: Any) -> None:
    folder = _copied(name, tmp_path)
    environment = {**os.environ, "ROBENV": str(Path(sys.executable).with_name("robenv"))}
    with forget_images(docker_api, name.replace("_", "-")):
        result = subprocess.run(
            ["./verify"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout
        assert "verify: ok" in result.stdout
        label = f"robenv.directory={folder}"
        assert docker_api.containers(all=True, filters={"label": label}) == []
        assert docker_api.volumes(filters={"label": label})["Volumes"] in (None, [])
        if name == "talker_listener":
            subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
            author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
            subprocess.run(["git", *author, "commit", "-q", "--allow-empty", "-m", "first"], cwd=folder, check=True)
            labels = _has_a_slim_image_whose_nodes_talk(folder, docker_api, environment)
            assert labels["robenv.stage"] == "run"
            assert re.fullmatch("[0-9a-f]{40}(-dirty)?", labels["org.opencontainers.image.revision"])
            _built_by(_COLCON, folder)
            _has_a_slim_image_whose_nodes_talk(folder, docker_api, environment)


def _copied(name: str, tmp_path: Path) -> Path:
    """The example as it is in a clone."""
    folder = tmp_path / name
    shutil.copytree(ROOT / "examples" / name, folder, symlinks=True, ignore=shutil.ignore_patterns(*_MADE))
    (folder / "src/CMakeLists.txt").unlink(missing_ok=True)
    return folder


def _built_by(command: str, folder: Path) -> None:
    """Has the run image's workspace built by ``command``."""
    profile = folder / "robenv.yaml"
    text, count = re.subn(r"(?m)^  build: .*$", f"  build: {command}", profile.read_text())
    assert count == 1
    profile.write_text(text)


def _size(docker_api: Any, image: str) -> int:
    """Bytes, plain; a containerd image store counts its compressed layers into the image's size too."""
    return sum(step["Size"] for step in docker_api.history(image))


def _has_a_slim_image_whose_nodes_talk(folder: Path, docker_api: Any, environment: dict[str, str]) -> dict[str, str]:
    """The slim image's labels."""

    def built(*arguments: str) -> dict[str, Any]:
        command = [environment["ROBENV"], "build", "--json", *arguments]
        done = subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE)
        return dict(docker_api.inspect_image(json.loads(done.stdout)[0]["image"]))

    dev, slim = built(), built("--stage", "run")
    assert _size(docker_api, slim["Id"]) * 3 <= _size(docker_api, dev["Id"])
    container = docker_api.create_container(slim["Id"], ["roslaunch", "talker_listener", "chatter.launch"])["Id"]
    try:
        docker_api.start(container)
        script = (
            "command -v gcc g++ c++ cpp ld as make cmake dpkg-buildpackage; test ! -e /workspace/src; "
            "heard() { timeout 60 /opt/talker_listener/lib/talker_listener/$1 _count:=3; }; "
            "until rosparam list >/dev/null 2>&1; do sleep 0.2; done; heard listener.py && heard listener"
        )
        entrypoint = slim["Config"]["Entrypoint"]
        run = docker_api.exec_create(container, [*entrypoint, "bash", "-c", script])["Id"]
        said = docker_api.exec_start(run).decode()
        heard = [line for line in said.splitlines() if "I heard: hello" in line]
        assert len(heard) == 6, said
        assert not [line for line in said.splitlines() if line.startswith("/")], said
        return dict(slim["Config"]["Labels"])
    finally:
        docker_api.remove_container(container, force=True)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_slim_image_on_debian_trixie(tmp_path: Path, docker_api: Any) -> None:
    """By catkin and by colcon."""
    folder = _copied("talker_listener", tmp_path)
    profile = folder / "robenv.yaml"
    profile.write_text(profile.read_text().replace("ros/debian-bookworm", "ros/debian-trixie"))
    environment = {**os.environ, "ROBENV": str(Path(sys.executable).with_name("robenv"))}
    with forget_images(docker_api, "talker-listener"):
        _has_a_slim_image_whose_nodes_talk(folder, docker_api, environment)
        _built_by(_COLCON, folder)
        _has_a_slim_image_whose_nodes_talk(folder, docker_api, environment)


@pytest.mark.timeout(1800)
def test_ccache_serves_catkin_make(tmp_path: Path, docker_api: Any) -> None:
    """On the layers of the example, and after it has taken its build folders away."""
    project = Project(_copied("talker_listener", tmp_path), "")
    (project.folder / "robenv.yaml").write_text(
        f"name: {project.name}\nextends: [ros/debian-bookworm, mixins/ccache]\n"
    )

    def compiled() -> dict[str, set[str]]:
        """By file what ccache says of it, such as ``cache_miss``; CMake's own tries have another path each time."""
        log = project.folder / "ccache.log"
        project.run("exec", "--", "env", "CCACHE_STATSLOG=/workspace/ccache.log", "catkin_make")
        parts = log.read_text().split("# ")[1:]
        log.unlink()
        said = {Path(name).name: set(words) for name, *words in (part.split() for part in parts)}
        return {name: said[name] for name in ("talker.cpp", "listener.cpp")}

    try:
        project.run("up", "-d", timeout=1500)
        assert all("cache_miss" in words for words in compiled().values())
        project.run("exec", "--", "rm", "-rf", "build", "devel")
        project.run("down")
        project.run("up", "-d")
        assert all("direct_cache_hit" in words and "cache_miss" not in words for words in compiled().values())
        assert project.run("exec", "--", "ls", "devel/lib/talker_listener/talker").stdout
    finally:
        project.close(docker_api)


def test_a_failing_verify_says_so_and_takes_its_container_down(tmp_path: Path, docker_api: Any) -> None:
    folder = tmp_path / "minimal"
    shutil.copytree(ROOT / "examples/minimal", folder)
    profile = (folder / "robenv.yaml").read_text()
    assert "hello from the container" in profile
    (folder / "robenv.yaml").write_text(profile.replace("hello from the container", "something else"))
    environment = {**os.environ, "ROBENV": str(Path(sys.executable).with_name("robenv"))}
    with forget_images(docker_api, "minimal"):
        result = subprocess.run(["./verify"], cwd=folder, env=environment, stdin=subprocess.DEVNULL, check=False)
        assert result.returncode == 1
        assert docker_api.containers(all=True, filters={"label": f"robenv.directory={folder}"}) == []
