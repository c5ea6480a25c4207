"""ROS for arm64 on another machine: workspaces compiled by native tools, whose nodes talk under emulation."""

from __future__ import annotations

import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.protocol import Engine
from tests.support.images.elf import AARCH64, image_files
from tests.support.images.emulation import ensure_emulated
from tests.support.projects.project import Project

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.timeout(3600)]

PROFILE = "extends: ros/debian-bookworm\nplatforms: [linux/arm64]\napt: {packages: [file, ninja-build]}\n"
PLAIN_C = {
    "package.xml": """\
<package format="3">
  <name>plain_c</name><version>1.0.0</version><description>C</description>
  <maintainer email="nobody@example.org">nobody</maintainer><license>Apache-2.0</license>
  <export><build_type>cmake</build_type></export>
</package>
""",
    "CMakeLists.txt": """\
cmake_minimum_required(VERSION 3.13)
project(plain_c C)
find_package(Threads REQUIRED)
add_library(plain SHARED plain.c)
add_executable(plain_c main.c)
target_link_libraries(plain_c plain Threads::Threads)
set_target_properties(plain_c PROPERTIES INSTALL_RPATH "$ORIGIN/../lib")
install(TARGETS plain plain_c LIBRARY DESTINATION lib RUNTIME DESTINATION bin)
""",
    "plain.c": "int plain(int n) { return n + 2; }\n",
    "main.c": '#include <stdio.h>\nint plain(int);\nint main(void) { printf("%d\\n", plain(40)); return 0; }\n',
}


@pytest.fixture(scope="module")
def ros(docker_api: Any, tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Project]:
    """The environment for arm64, up, with the example's workspace and a package in C."""
    assert platform.machine() != "aarch64", "there is nothing foreign about arm64 here"
    ensure_emulated()
    one = Project(tmp_path_factory.mktemp("ros") / "project", "")
    (one.folder / "robenv.yaml").write_text(f"name: {one.name}\n{PROFILE}")
    talker = "src/talker_listener"
    shutil.copytree(root / "examples" / "talker_listener" / talker, one.folder / talker)
    for name, text in PLAIN_C.items():
        file = one.folder / "colcon" / "src" / "plain_c" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    shutil.copytree(one.folder / talker, one.folder / "colcon" / talker)
    try:
        one.run("up", "-d", timeout=3000)
        yield one
    finally:
        one.close(docker_api)


def _sh(one: Project, script: str, check: int | None = 0) -> str:
    return one.run("exec", "--", "bash", "-ec", script, check=check, timeout=1200).stdout


@contextmanager
def _running(one: Project, *command: str) -> Iterator[None]:
    process = one.start(
        "exec", "--", *command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def master(ros: Project) -> Iterator[None]:
    with _running(ros, "roscore"):
        deadline = time.monotonic() + 300
        while ros.run("exec", "--", "rosnode", "list", check=None).returncode:
            assert time.monotonic() < deadline, "the master never answered"
            time.sleep(1)
        yield


def test_publisher_and_echo(ros: Project, master: None) -> None:
    assert _sh(ros, "uname -m") == "aarch64\n"
    with _running(ros, "rostopic", "pub", "-r", "5", "/said", "std_msgs/String", "data: hello"):
        heard = _sh(ros, "timeout 200 rostopic echo -n 3 /said")
    assert heard.count('data: "hello"') == 3


def test_a_catkin_workspace_whose_nodes_talk(ros: Project, master: None) -> None:
    built = _sh(ros, "catkin_make VERBOSE=1 2>&1")
    assert "/dev/robenv-native/bin/c++" in built
    nodes = "devel/lib/talker_listener"
    assert _sh(ros, f"file -b {nodes}/talker {nodes}/listener").count("ARM aarch64") == 2
    for talker, listener, language in (("talker", "listener.py", "C++"), ("talker.py", "listener", "Python")):
        with ExitStack() as stack:
            stack.enter_context(_running(ros, "rosrun", "talker_listener", talker, "__ns:=/one"))
            heard = _sh(ros, f"timeout 300 rosrun talker_listener {listener} _count:=3 __ns:=/one 2>&1")
        assert heard.count(f"from {language}") >= 3, heard


def test_a_colcon_workspace_with_c_and_cxx(ros: Project) -> None:
    built = _sh(
        ros, "cd colcon && colcon build --event-handlers console_direct+ --cmake-args -DCMAKE_VERBOSE_MAKEFILE=ON 2>&1"
    )
    assert "2 packages finished" in built
    assert "/dev/robenv-native/bin/cc" in built
    programs = "install/plain_c/bin/plain_c install/talker_listener/lib/talker_listener/talker"
    assert _sh(ros, f"cd colcon && file -b {programs}").count("ARM aarch64") == 2
    assert _sh(ros, "colcon/install/plain_c/bin/plain_c") == "42\n"


def test_the_image_is_for_arm64_alone(ros: Project, docker_api: Any, engine: Engine) -> None:
    (image,) = engine.images({"robenv.project": ros.name})
    assert image.platform == "linux/arm64"
    files = list(image_files(docker_api, image.tags[0]))
    assert AARCH64 in {machine for _, machine in files}
    assert [path for path, machine in files if machine not in (0, AARCH64) or "robenv-native" in path] == []
