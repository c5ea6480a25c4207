"""A workspace of ten packages: their twenty rosdep keys, resolved by the target's rosdep, installed and built with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from tests.support.projects.project import Project
from tests.support.servers import rosdep_index

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

KEYS = {
    "cmake": "[cmake]", "c_compiler": "[gcc, libc6-dev]", "make": "[make]", "tinyxml2": "[libtinyxml2-dev]",
    "yaml_c": "[libyaml-dev]", "zlib": "[zlib1g-dev]", "expat": "[libexpat1-dev]", "json_c": "[libjson-c-dev]",
    "bzip2_dev": "[libbz2-dev]", "lz4_dev": "[liblz4-dev]", "python_yaml": "[python3-yaml]", "jq": "[jq]",
    "python_six": "[python3-six]", "bc": "[bc]", "tree": "[tree]", "file_tool": "[file]", "less": "[less]",
    "patch": "[patch]", "nothing_here": "[]", "by_release": "{bookworm: [time], trixie: [nano]}",
}  # fmt: skip
"""Twenty keys, in the forms that rosdep's database has."""
_COLCON = """\
apt:
  packages: [colcon, python3-distutils, python3-colcon-cmake, python3-colcon-package-information,
    python3-colcon-package-selection, python3-colcon-recursive-crawl, python3-colcon-ros,
    python3-colcon-library-path, python3-colcon-output, python3-colcon-defaults]
ros: {colcon_defaults: {build: {merge-install: true, cmake-args: [-D, "CMAKE_C_FLAGS=-DWORD=one -DOTHER=2"]}}}
"""
_RUN = """\
run_image:
  build: colcon build --install-base /opt/p
  install: /opt/p
  setup: /opt/p/setup.sh    # with python3-colcon-bash it would be setup.bash, as robenv expects
  apt: {packages: [python3-minimal, libtinyxml2-9, libyaml-0-2, zlib1g, libexpat1]}
"""
_WANTED = "extends: [./site.yaml, mixins/ccache]\nworkspace: {dependencies: true}\n"


@pytest.fixture(scope="module")
def index(docker_api: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with rosdep_index.serve(tmp_path_factory.mktemp("index") / "served", _host(docker_api), KEYS) as address:
        yield address


def _host(docker_api: Any) -> str:
    bridge = docker_api.inspect_network("bridge")["IPAM"]["Config"][0]
    return bridge.get("Gateway") or str(ip_network(bridge["Subnet"])[1])


def _package(folder: Path, number: int, more: str = "") -> Path:
    """A package of the ten: two of the keys, and the one before it."""
    names = list(KEYS)[2 * number : 2 * number + 2]
    lines = [f"<depend>{name}</depend>" for name in names]
    lines += [f"<build_depend>part{number - 1}</build_depend>"] if number else []
    here = folder / f"src/part{number}"
    here.mkdir(parents=True)
    (here / "package.xml").write_text(
        f'<?xml version="1.0"?>\n<package format="3">\n  <name>part{number}</name>\n  <version>1.0.0</version>\n'
        "  <description>x</description>\n  <maintainer email='a@example.org'>A</maintainer>\n  <license>MIT</license>\n"
        + "".join(f"  {line}\n" for line in lines)
        + f"{more}  <export><build_type>cmake</build_type></export>\n</package>\n"
    )
    (here / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.16)\nproject(part{number} C)\nadd_executable(part{number} main.c)\n"
        f"target_link_libraries(part{number} tinyxml2 yaml z expat)\n"
        f"install(TARGETS part{number} DESTINATION lib/part{number})\n"
    )
    (here / "main.c").write_text(
        "#include <stdio.h>\n#include <yaml.h>\n#include <zlib.h>\n"
        f"#define TEXT(word) #word\n#define TEXT_OF(word) TEXT(word)\n"
        f'int main(void) {{ puts("part{number} " TEXT_OF(WORD)); return 0; }}\n'
    )
    return here / "package.xml"


def _compiled(made: Project) -> tuple[int, int]:
    """How many files ccache had, and how many it had to have compiled; CMake's own tries among them."""
    stats = dict(line.split("\t") for line in made.run("exec", "ccache", "--print-stats").stdout.splitlines())
    return int(stats["direct_cache_hit"]), int(stats["cache_miss"])


@pytest.mark.parametrize("target", ["", pytest.param("ros/debian-bookworm", marks=pytest.mark.long)])
def test_ten_packages_with_twenty_keys_are_resolved_installed_and_built(
    project: Callable[..., Project], index: str, target: str
) -> None:
    """On a plain Debian, and on the profile with Debian's ROS."""
    made = project()

    def write(text: str) -> None:
        made.write(text)
        if target:
            whole = text.replace("[./site.yaml", f"[{target}, ./site.yaml")
            (made.folder / "robenv.yaml").write_text(f"name: {made.name}\n{whole}")

    write(_WANTED + _COLCON)
    rosdep_index.site_profile(made.folder, index)
    files = [_package(made.folder, number) for number in range(10)]
    made.run("up", "-d", timeout=800)
    listed = made.run("exec", "cat", "/opt/robenv/dependencies/apt").stdout.split()
    assert len(listed) == 20 and listed == sorted(listed)
    assert {"gcc", "libc6-dev", "time"} <= set(listed) and "nano" not in listed
    made.run("exec", "dpkg", "-s", *listed)
    made.run("exec", "--", "colcon", "build", timeout=600)
    assert made.run("exec", "install/lib/part9/part9").stdout == "part9 one\n", "by colcon's defaults of the profile"
    assert _compiled(made)[1] >= 10

    # What ccache keeps is in the home folder: it outlives build folders and containers.
    made.run("exec", "--", "rm", "-rf", "build", "install")
    made.run("down")
    made.run("up", "-d")
    made.run("exec", "--", "ccache", "--zero-stats")
    made.run("exec", "--", "colcon", "build", timeout=600)
    hits, misses = _compiled(made)
    assert hits >= 10 and not misses

    # A package.xml that says the same otherwise is the same image; a package of the workspace is no key.
    before = made.plan()["content_hash"]
    files[3].write_text(files[3].read_text().replace("<description>x", "<description>y") + "<!-- more -->\n")
    assert made.plan()["content_hash"] == before

    # Another key that comes to packages that are there already: resolved anew, installed not.
    files[3].write_text(files[3].read_text().replace("</package>", "<depend>python_yaml</depend></package>"))
    assert made.plan()["content_hash"] == before
    text = files[0].read_text()
    files[0].write_text(text.replace("<depend>cmake", "<depend>cmakee</depend>\n  <depend>cmake"))
    done = made.run("build", check=5)
    assert re.search(r"cmakee  src/part0/package.xml:8:3  .did you mean cmake", done.stderr), done.stderr
    files[0].write_text(text)
    write(_WANTED.replace("true", "{skip_keys: [nothing_here]}") + _COLCON)
    built = made.run("build").stderr
    assert made.plan()["content_hash"] != before
    assert re.search(
        r"^#\d+ \[workspace-rosdep 3/3\] resolving the workspace's dependencies .* done ", built, re.MULTILINE
    ), "resolved anew"
    assert re.search(r"^#\d+ \[image \d/\d\] dependencies of the workspace .* CACHED$", built, re.MULTILINE), (
        "and installed as before"
    )

    # The same workspace as a run image: colcon's setup script and what it asks, the libraries, and no compilers.
    write(_WANTED.replace("true", "{skip_keys: [nothing_here]}") + _COLCON + _RUN)
    look = "echo $COLCON_PREFIX_PATH; $COLCON_PREFIX_PATH/lib/part9/part9; command -v gcc make cmake"
    there = made.run("run", "--stage", "run", "--", "sh", "-c", look, check=127, timeout=600)
    assert there.stdout == "/opt/p\npart9 one\n"
    assert "unable to find python3" not in there.stderr, "which colcon says where there is none"


def test_a_run_image_has_what_the_packages_need_to_run(project: Callable[..., Project], index: str) -> None:
    """With Debian's own ROS, whose name is in no index of distributions."""
    made = project(
        "extends: ./site.yaml\nenvironment: {ROS_DISTRO: Debian}\n"
        "run_image: {build: mkdir -p /opt/p && cp -r src /opt/p, install: /opt/p, setup: [], dependencies: true}\n"
    )
    rosdep_index.site_profile(made.folder, index)
    more = "<build_depend>bc</build_depend><exec_depend>tree</exec_depend>"
    _package(made.folder, 0, more)
    look = "cat /opt/robenv/dependencies/apt; type -p tree bc gcc; ls /opt/p/src"
    said = made.run("run", "--stage", "run", "--", "bash", "-c", look, check=0, timeout=600).stdout.splitlines()
    assert "tree" in said and "/usr/bin/tree" in said and "part0" in said
    assert not {"bc", "/usr/bin/bc"} & set(said), "what it is built with stays behind"


def test_what_debian_itself_knows_of_its_ros_wants_no_index(project: Callable[..., Project]) -> None:
    made = project("extends: ./site.yaml\nworkspace: {dependencies: true}\n")
    rosdep_index.site_profile(made.folder, "http://127.0.0.1:1")
    found = _package(made.folder, 0, "<depend>smclib</depend>\n")
    text = found.read_text()
    for name in ("cmake", "c_compiler"):
        text = text.replace(f"  <depend>{name}</depend>\n", "")
    found.write_text(text)
    made.run("build", timeout=600)
    listed = made.run("run", "--", "cat", "/opt/robenv/dependencies/apt").stdout
    assert listed == "python3-smclib\n"

    found.write_text(text.replace("<depend>", "<depend>eigen</depend><depend>", 1))
    done = made.run("build", check=5)
    said = "error: cannot reach 127.0.0.1, so 1 of the workspace's dependencies could not be looked up: eigen\n"
    assert said in done.stderr, "and not smclib, which is known"
    assert "127.0.0.1: Connection refused" in done.stderr
    assert "names that address" in done.stderr


def test_rosdeps_answers_are_told_apart(project: Callable[..., Project], docker_api: Any, tmp_path: Path) -> None:
    """Rules of the project's own, requirements with a marker, packages of an underlay, and keys without a rule; and a
    change of keys does not fetch the index again."""
    made = project(
        "extends: [./site.yaml, ./under.yaml]\nworkspace: {dependencies: true}\n"
        "files:\n  - {source: own.list, target: /etc/ros/rosdep/sources.list.d/10-own.list}\n"
        "  - {source: own.yaml, target: /etc/ros/rosdep/own.yaml}\n"
    )
    (made.folder / "under.yaml").write_text(
        "setup: [/opt/under/setup.sh]\nsteps:\n  - name: underlay\n    run: mkdir -p /opt/under/share/my_msgs;"
        " echo '<package><name>my_msgs</name></package>' > /opt/under/share/my_msgs/package.xml; touch"
        " /opt/under/setup.sh\n"
    )
    (made.folder / "own.list").write_text("yaml file:///etc/ros/rosdep/own.yaml\n")
    (made.folder / "own.yaml").write_text(
        "mine: {debian: [tree]}\n"
        """marked: {debian: {pip: {packages: ['six>=1; python_version>"3" and os_name == "nt"']}}}\n"""
        "elsewhere: {debian: {pip: {packages: ['x @ https://example.invalid/x']}}}\n"
        "option: {debian: {pip: {packages: ['six --no-deps']}}}\n"
        "other: {ubuntu: [tree]}\n"
    )
    with rosdep_index.serve(tmp_path / "served", _host(docker_api), {"eigen": "[libeigen3-dev]"}) as address:
        rosdep_index.site_profile(made.folder, address)
        found = _package(
            made.folder, 0, "".join(f"<depend>{key}</depend>\n" for key in ("mine", "marked", "my_msgs", "eigen"))
        )
        text = re.sub(r"  <depend>(cmake|c_compiler)</depend>\n", "", found.read_text())
        found.write_text(text)
        made.run("build", timeout=600)
        listed = "cat /opt/robenv/dependencies/apt /opt/robenv/dependencies/pip"
        assert made.run("run", "--", "sh", "-c", listed).stdout == (
            'libeigen3-dev\npython3-pip\ntree\nsix>=1; python_version>"3" and os_name == "nt"\n'
        )

    # The index is away now, and was fetched a moment ago.
    wrong = ("other", "xacroo", "elsewhere", "option")
    found.write_text(text.replace("<depend>", "".join(f"<depend>{key}</depend>\n" for key in wrong) + "<depend>", 1))
    done = made.run("build", "-q", check=5)
    assert "error: rosdep has no rule for `other`, `xacroo` on Debian 12\n" in done.stderr
    assert "rosdep: `elsewhere`: its rule says 'x @ https://example.invalid/x', which is no requi" in done.stderr
    assert "rosdep: `option`: its rule says 'six --no-deps'" in done.stderr
    assert "eigen" not in done.stderr and "Dockerfile:" not in done.stderr
    assert done.stderr.count("xacroo") == 2, "in the sentence, and at its place"
