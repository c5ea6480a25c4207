"""What a ROS 1 workspace needs and Debian lacks is named before anything is built."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from robenv.project.init.lacking import LACKING, lacking_on_debian


def package(folder: Path, name: str, *dependencies: str) -> None:
    folder = folder / "src" / name
    folder.mkdir(parents=True)
    (folder / "package.xml").write_text(
        f"<package format='3'><name>{name}</name><version>1.0.0</version><description>x</description>"
        "<maintainer email='a@example.org'>a</maintainer><license>BSD</license>"
        f"<buildtool_depend>catkin</buildtool_depend>{''.join(dependencies)}</package>"
    )


def named(folder: Path, profile: str = "ros/debian-bookworm") -> Sequence[str]:
    found = list(lacking_on_debian(folder, profile))
    assert len(found) <= 1
    return found[0].value.removeprefix(LACKING).partition(", which")[0].split(", ") if found else []


def test_those_of_three_that_debian_has_are_not_named_and_those_that_it_lacks_are(tmp_path: Path) -> None:
    package(tmp_path, "arm", *(f"<depend>{key}</depend>" for key in
            ("roscpp", "rviz", "jskeus", "laser_proc", "roslint", "xacro")))  # fmt: skip
    assert named(tmp_path) == ["laser_proc", "roslint", "xacro"]
    (found,) = lacking_on_debian(tmp_path, "ros/debian-bookworm")
    assert found.source == "src/arm/package.xml:1"
    for way in ("workspace.repos (https://github.com/ros-perception/laser_proc.git (", "ros/noetic, which has them",
                "workspace.dependencies.skip_keys", "fails later"):  # fmt: skip
        assert way in found.value


@pytest.mark.parametrize(
    ("kind", "is_named"),
    [
        ("<build_depend>xacro</build_depend>", True),
        ("<exec_depend>xacro</exec_depend>", True),
        ("<test_depend>xacro</test_depend>", True),
        ("<doc_depend>xacro</doc_depend>", False),
        ("<depend condition='$ROS_VERSION == 1'>xacro</depend>", True),
        ("<depend condition='$ROS_VERSION == 2'>xacro</depend>", False),
    ],
)
def test_each_kind_of_dependency_that_rosdep_installs_counts(tmp_path: Path, kind: str, is_named: bool) -> None:
    package(tmp_path, "arm", kind)
    assert named(tmp_path) == (["xacro"] if is_named else [])


def test_what_is_built_with_comes_first(tmp_path: Path) -> None:
    package(tmp_path, "arm", "<exec_depend>xacro</exec_depend>", "<build_depend>roslint</build_depend>")
    assert named(tmp_path) == ["roslint", "xacro"]


def test_a_package_that_the_workspace_has_itself_is_not_lacking(tmp_path: Path) -> None:
    package(tmp_path, "arm", "<depend>laser_proc</depend>")
    package(tmp_path, "laser_proc")
    assert named(tmp_path) == []


def test_elsewhere_than_on_debian_nothing_is_said(tmp_path: Path) -> None:
    package(tmp_path, "arm", "<depend>xacro</depend>")
    assert named(tmp_path, "ros/noetic") == []
