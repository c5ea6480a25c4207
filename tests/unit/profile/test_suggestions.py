"""What is said to somebody who names a built-in profile that there is not."""

from __future__ import annotations

import pytest

from robenv.profile.chain.extends import builtin_names, find_builtin
from robenv.profile.resolve.catalog_overrides import read_corrections
from robenv.profile.yaml.parse_error import BadValue
from tests.support.projects.profiles import Project

_ROS_2 = "and robenv has no profile of it; ros/humble is the oldest release that robenv takes up"
_ROS_1 = "and robenv has no profile of it; ros/debian-bookworm and ros/debian-trixie are ROS 1 as Debian maintains it"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        # distributions that ended before those that there are
        ("ros/foxy", f"ROS 2 Foxy ended in 2023, {_ROS_2}"),
        ("ros/galactic-desktop", f"ROS 2 Galactic ended in 2022, {_ROS_2}"),
        ("ros/melodic", f"ROS 1 Melodic ended in 2023, {_ROS_1}"),
        ("jetson/ros-melodic", f"ROS 1 Melodic ended in 2023, {_ROS_1}"),
        ("ros1", "ros/debian-bookworm and ros/debian-trixie are ROS 1"),
        ("ros/ros2", "ros/humble is the oldest release"),
        # JetPack by its version
        ("jetson/jp3", "the oldest is jetson/jp4, for JetPack 4.6.1 to 4.6.6"),
        ("jetson/jp6.2", "JetPack 6 is jetson/jp6 (6.1, 6.2.x) or jetson/jp6.0 (6.0)"),
        ("jetson/jp7", "JetPack 7 is jetson/jp7.2 (7.2) or jetson/jp7-thor (7.0, 7.1)"),
        ("jetson/jp99", "the newest is jetson/jp7.2, for JetPack 7.2"),
        # by its letters, in its folder first
        ("ros/jazy", "did you mean `ros/jazzy`?"),
        ("mixins/nav", "did you mean `mixins/nav2`?"),
        ("nav2", "did you mean `mixins/nav2`?"),
        ("jazy", "did you mean `ros/jazzy`?"),
        ("mixins/jazzy", "did you mean `ros/jazzy`?"),
        ("jetson/orin", "did you mean `jetson/agx-orin`, `jetson/orin-nano` or `jetson/orin-nx`?"),
        ("rpi/bullseye", "there are rpi/bookworm, rpi/jammy, rpi/noble and rpi/trixie"),
        ("ros/debian-bullseye", "there are ros/debian-bookworm and ros/debian-trixie"),
        ("none/such", "`robenv profiles` lists all of them"),
        # the first part of several
        ("jetson", "such as jetson/agx-orin, "),
        ("ros", "such as ros/debian-bookworm, "),
    ],
)
def test_what_is_near_and_what_came_after(name: str, hint: str) -> None:
    assert name not in builtin_names()
    with pytest.raises(BadValue) as caught:
        find_builtin(name)
    assert caught.value.message == f"there is no built-in profile `{name}`"
    assert caught.value.hint.startswith(hint)


def test_a_distribution_that_ended_is_told_beside_ros_too(project: Project) -> None:
    problem = project.problem("base: {image: x}\nros: {distro: foxy}\n")
    assert problem.hint.startswith("ROS 2 Foxy ended in 2023")


def test_a_row_of_the_users_own_has_an_image_and_no_profile(project: Project) -> None:
    row = "versions: '8.0', first: 40.1, last: 40, ubuntu: resolute, python: 3.14, cuda: 14.0, base: 'ubuntu:26.04'"
    project.write("config/robenv/catalog.yaml", f"jetpack: {{jp8: {{{row}, source: lab, checked: 2026-11-26}}}}\n")
    rows = read_corrections({"XDG_CONFIG_HOME": str(project.root / "config")}).jetpacks
    with pytest.raises(BadValue) as caught:
        find_builtin("jetson/r40.2", jetpacks=rows)
    assert caught.value.message == "robenv has no profile for L4T 40.2, which is jp8 of your own table"
    assert "`base: {image: ubuntu:26.04}`" in caught.value.hint
