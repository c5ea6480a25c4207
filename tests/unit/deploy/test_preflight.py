"""What keeps a release off a robot, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robenv.catalog.jetpack import JETPACKS
from robenv.deploy.preflight import (
    IntendedRelease,
    base_image,
    check_robot,
    intended_release,
    refuse_if_any,
    same_processor,
)
from robenv.deploy.robot_info import RobotInfo
from robenv.engine.protocol import EngineInfo
from robenv.errors import RobotRefused
from robenv.host.facts import Facts
from robenv.plan.host.requirements import MissingRequirement
from robenv.plan.image.build import plan_build
from robenv.plan.models import Mount
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.profile.resolve.resolved import Resolved
from robenv.remote.image_probe import TOPIC, needed
from robenv.remote.inventory import Robot
from robenv.transfer.disk_space import DiskNeeds
from tests.support.projects.run_plans import run_plan

ENGINE = EngineInfo("", "Docker Engine", "20.10.24", "1.41", "linux/amd64", "overlay2", "/var/lib/docker", True, {})
FINE = IntendedRelease("linux/amd64")


def rover(platform: str = "linux/amd64", l4t: str = "", free: int | None = 10**10, **engine: Any) -> RobotInfo:
    info = replace(ENGINE, platform=platform, **engine)
    return RobotInfo(Robot("rover", "rover"), Facts(1000, 1000, "dev", platform), info, free, l4t=l4t)


@pytest.fixture
def resolve(tmp_path: Path) -> Callable[[str], Resolved]:
    """Of a robenv.yaml with that text."""

    def made(text: str) -> Resolved:
        (tmp_path / "robenv.yaml").write_text(text)
        return resolve_project(find_project(tmp_path), {})

    return made


def said(robot_info: RobotInfo, want: IntendedRelease) -> str:
    """The one problem."""
    (problem,) = check_robot(robot_info, want)
    assert problem.message.startswith("rover: ")
    assert problem.hint
    return problem.message


def test_nothing_is_wrong() -> None:
    everything = frozenset(("sh", "flock", "timeout", "sleep", "cat"))
    want = replace(FINE, base="debian:bookworm", room=DiskNeeds(10**9), needed=everything, programs=everything)
    assert check_robot(rover(), want) == ()


@pytest.mark.parametrize(
    ("robot", "image", "fits"),
    [
        ("linux/arm64", "linux/arm64", True),
        ("linux/arm64", "linux/amd64", False),
        ("linux/amd64", "linux/arm64", False),
        ("linux/amd64", "linux/386", False),
        ("linux/amd64", "linux/amd64/v3", True),
        ("linux/arm/v7", "linux/arm/v6", True),
        ("linux/arm/v6", "linux/arm/v7", False),
        ("linux/sparc", "linux/amd64", False),
    ],
)
def test_platforms(robot: str, image: str, fits: bool) -> None:
    assert same_processor(robot, image) is fits
    want = replace(FINE, platform=image)
    if fits:
        assert check_robot(rover(robot), want) == ()
    else:
        assert f"it is {robot}, and the image is for {image}" in said(rover(robot), want)


@pytest.mark.parametrize(
    ("robot", "tag", "fits"),
    [
        ("36.4.0", "r36.4.0", True),
        ("36.5.0", "r36.4.0", True),
        ("36.4.3", "r36.2.0", False),
        ("36.3.0", "r36.4.0", False),
        ("36.3.0", "r36.2.0", True),
        ("35.6.4", "r35.2.1", True),
        ("35.4.1", "r36.2.0", False),
        ("36.3.0", "r35.4.1", False),
        ("32.7.6", "r32.7.1", True),
        ("32.6.1", "r32.7.1", False),
        ("38.4", "r38.2.0", True),
        ("39", "r38.2.0", False),
        ("36", "r36.4.0", False),
    ],
)
def test_l4t_of_host_and_image(robot: str, tag: str, fits: bool) -> None:
    robot_info = rover("linux/arm64", robot)
    want = IntendedRelease("linux/arm64", base=f"nvcr.io/nvidia/l4t-jetpack:{tag}")
    if fits:
        assert check_robot(robot_info, want) == ()
    else:
        assert f"it has L4T {robot}, and the base {want.base}" in said(robot_info, want)


def test_a_mismatch_names_the_profile_for_the_robot_or_the_nearest_one() -> None:
    want = IntendedRelease("linux/arm64", base="nvcr.io/nvidia/l4t-jetpack:r36.4.0")
    (known,) = check_robot(rover("linux/arm64", "35.4.1"), want)
    assert "extend jetson/jp5, or choose another base for L4T 35.1 and later" in known.hint
    (unserved,) = check_robot(rover("linux/arm64", "32.6.1"), want)
    assert "no base image is known for L4T 32.6.1: the nearest is jetson/jp4, for L4T 32.7;" in unserved.hint


def test_a_corrected_table_decides() -> None:
    rows = tuple(replace(row, last=(36, 4)) if row.name == "jp6" else row for row in JETPACKS)
    want = IntendedRelease("linux/arm64", base="nvcr.io/nvidia/l4t-jetpack:r36.4.0")
    robot_info = rover("linux/arm64", "36.5.0")
    assert check_robot(robot_info, want) == ()
    assert "has L4T 36.5.0" in said(robot_info, replace(want, jetpacks=rows))


def test_an_image_for_jetsons_on_another_machine() -> None:
    want = IntendedRelease("linux/arm64", base="nvcr.io/nvidia/l4t-base:r36.2.0")
    assert "this is none" in said(rover("linux/arm64"), want)


def test_a_plain_image_on_a_jetson() -> None:
    assert check_robot(rover("linux/arm64", "38.4"), IntendedRelease("linux/arm64", base="ubuntu:24.04")) == ()


def test_an_old_engine() -> None:
    assert "Docker Engine 19.03.5 (API 1.40), is older" in said(rover(version="19.03.5", api_version="1.40"), FINE)
    assert check_robot(rover(version="28.5", api_version="1.51"), FINE) == ()


def test_the_disk() -> None:
    want = replace(FINE, room=DiskNeeds(6 * 10**9))
    assert "6.0 GB free at /var/lib/docker, and this takes 6.3 GB" in said(rover(free=6 * 10**9), want)
    assert check_robot(rover(free=7 * 10**9), want) == ()
    cleared = replace(FINE, room=DiskNeeds(6 * 10**9, freed=10**9))
    assert check_robot(rover(free=6 * 10**9), cleared) == ()
    assert "6.0 GB free at /var/lib/docker once what abandoned transfers left is removed" in said(
        rover(free=5 * 10**9), cleared
    )
    assert check_robot(rover(free=None), want) == ()
    assert check_robot(rover(free=0), FINE) == (), "nothing is to be sent"


def test_what_the_robot_lacks_is_told_with_its_place(resolve: Callable[[str], Resolved]) -> None:
    resolved = resolve("name: picker\nbase: {image: debian}\ndevices: [/dev/lidar]\n")
    want = replace(FINE, unmet=(MissingRequirement(("devices", 0), "there is no /dev/lidar", "plug it in"),))
    (problem,) = check_robot(rover(), want, resolved)
    assert problem.message == "rover: there is no /dev/lidar"
    assert problem.location is not None
    assert problem.location.line == 3


def test_folders_of_the_developers_machine(resolve: Callable[[str], Resolved]) -> None:
    resolved = resolve("name: picker\nbase: {image: debian:bookworm}\n")
    assert resolved.files is not None
    root = str(resolved.files.root)
    mounts = (Mount("bind", f"{root}/data", "/data"), Mount("bind", f"{root}-more", "/b"), Mount("volume", "v", "/v"))
    build = plan_build(resolved, "linux/amd64")
    want = intended_release(resolved, build, run_plan(mounts=mounts), (), DiskNeeds(), frozenset(), None)
    assert want.base == "debian:bookworm"
    assert f"{root}/data is to be mounted, and is on this machine alone" in said(rover(), want)


@pytest.mark.parametrize(
    ("deploy", "programs", "words"),
    [
        ("{}", {"sh", "timeout", "sleep", "cat"}, "has no flock"),
        ("{healthcheck: {port: 80}}", {"sh", "timeout", "sleep", "cat", "flock"}, "has no bash"),
        ("{healthcheck: {ros_node: /a}}", {"sh", "timeout", "sleep", "cat", "flock"}, "asks for ROS"),
        ("{healthcheck: {ros_node: /a}}", {"sh", "timeout", "sleep", "cat", "flock", TOPIC}, "no ros2 or rosnode"),
        ("{healthcheck: {ros_topic: /a}}", {"sh", "timeout", "sleep", "cat", "flock", TOPIC}, ""),
        ("{healthcheck: {port: 80, disable: true}}", {"sh", "timeout", "sleep", "cat", "flock"}, ""),
    ],
)
def test_programs_of_the_image(deploy: str, programs: set[str], words: str, resolve: Callable[[str], Resolved]) -> None:
    resolved = resolve(f"name: picker\nbase: {{image: debian}}\ndeploy: {deploy}\n")
    asked = needed(resolved.profile.deploy)
    want = replace(FINE, needed=asked, programs=frozenset(programs))
    if words:
        assert words in said(rover(), want)
    else:
        assert check_robot(rover(), want) == ()
    assert check_robot(rover(), replace(want, programs=None)) == (), "nobody could look"


def test_every_problem_of_every_robot_in_one_error() -> None:
    one = check_robot(rover("linux/arm64", free=0), replace(FINE, room=DiskNeeds(1), local_mounts=("/a", "/b")))
    two = (replace(one[0], message="spot: off"),)
    with pytest.raises(RobotRefused) as caught:
        refuse_if_any({"rover": one, "fine": (), "spot": two})
    assert caught.value.exit_code == 7
    assert caught.value.message == "nothing was sent: this cannot run on rover, spot"
    assert caught.value.problems == (*one, *two)
    assert len(one) == 4
    refuse_if_any({"rover": (), "spot": ()})


def test_the_base_of_an_image_of_several_stages(resolve: Callable[[str], Resolved]) -> None:
    text = "name: picker\nstages: {tools: {base: {image: alpine}}}\nbase: {image: 'nvcr.io/nvidia/l4t-base:r36.2.0'}\n"
    build = plan_build(resolve(text), "linux/arm64")
    assert base_image(build) == "nvcr.io/nvidia/l4t-base:r36.2.0"
    made = plan_build(resolve("name: picker\nbase: {bootstrap: {suite: bookworm}}\n"), "linux/arm64")
    assert base_image(made) == ""
