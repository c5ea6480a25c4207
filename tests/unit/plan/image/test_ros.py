"""What a profile says of ROS becomes layers of the level that says it; and a word on those that are past their end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from robenv.plan.image.build import plan_build
from robenv.plan.image.ros import past_end_of_life
from robenv.plan.models import BuildPlan, RosLayers
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_builtin, resolve_project
from robenv.profile.resolve.resolved import Resolved
from robenv.render import render

Resolve = Callable[[str], Resolved]
TODAY = date(2026, 11, 26)


@pytest.fixture
def project(tmp_path: Path) -> Resolve:
    def make(text: str) -> Resolved:
        (tmp_path / "robenv.yaml").write_text(text)
        return resolve_project(find_project(tmp_path), {})

    return make


def built(name: str, platform: str = "linux/amd64") -> BuildPlan:
    return plan_build(resolve_builtin(name), platform)


def ros_of(plan: BuildPlan) -> dict[str, RosLayers]:
    return {group.profile: group.ros for group in plan.stages[-1].groups}


def packages(plan: BuildPlan) -> list[tuple[str, str]]:
    return [(profile, name) for profile, ros in ros_of(plan).items() for name in ros.packages]


@pytest.mark.parametrize(
    ("profile", "image", "by_apt"),
    [
        ("ros/jazzy-ros-core", "ros:jazzy-ros-core", []),
        ("ros/jazzy", "ros:jazzy-ros-base", []),
        ("ros/jazzy-perception", "ros:jazzy-perception", []),
        ("ros/jazzy-desktop", "ros:jazzy-ros-base", ["ros-jazzy-desktop"]),
        ("ros/jazzy-desktop-full", "ros:jazzy-ros-base", ["ros-jazzy-desktop", "ros-jazzy-desktop-full"]),
    ],
)
@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_a_variant_is_an_image_or_comes_by_apt(profile: str, image: str, by_apt: list[str], platform: str) -> None:
    plan = built(profile, platform)
    assert plan.stages[-1].base.reference == image
    assert [name for _, name in packages(plan)] == by_apt


def test_variants_share_the_layers_below_them() -> None:
    one, other = (render(built(f"ros/jazzy{variant}")).dockerfile for variant in ("", "-desktop"))
    shared = one[: one.index('COPY ["robenv/image/entrypoint')]
    assert other.startswith(shared)


def test_a_base_without_ros_gets_all_of_it_by_apt(project: Resolve) -> None:
    plan = plan_build(
        project("extends: ros/humble\nbase: {image: nvcr.io/nvidia/l4t-jetpack:r36.4.0}\n"), "linux/arm64"
    )
    assert packages(plan) == [("ros/humble-ros-core", "ros-humble-ros-core"), ("ros/humble", "ros-humble-ros-base")]


def test_a_variant_of_the_projects_own_leaves_the_targets_layers(project: Resolve) -> None:
    plain = plan_build(project("extends: ros/jazzy\n"), "linux/amd64")
    wanted = plan_build(
        project("extends: ros/jazzy\nros: {variant: desktop}\napt: {packages: [nano]}\n"), "linux/amd64"
    )
    assert wanted.stages[-1].groups[:-1] == plain.stages[-1].groups
    own = wanted.stages[-1].groups[-1]
    assert (own.ros.packages, own.packages) == (("ros-jazzy-desktop",), ("nano",))
    assert str(own.ros.packages_location) == "robenv.yaml:2:16"


def test_a_package_of_the_projects_own_comes_after_its_variant(project: Resolve) -> None:
    texts = [
        render(plan_build(project(f"extends: ros/jazzy\nros: {{variant: desktop}}\n{more}"), "linux/amd64")).dockerfile
        for more in ("", "apt: {packages: [nano]}\n")
    ]
    before = texts[0][: texts[0].index('COPY ["robenv/image/entrypoint')]
    assert "ros-jazzy-desktop" in before
    assert texts[1].startswith(before)


@pytest.mark.parametrize(
    ("ros", "wanted"),
    [
        ("rmw: cyclonedds", ("ros-jazzy-rmw-cyclonedds-cpp",)),
        ("rmw: rmw_zenoh_cpp", ("ros-jazzy-rmw-zenoh-cpp",)),
        ("rmw: connextdds", ("ros-jazzy-rmw-connextdds",)),
        ("rmw: fastrtps", ()),
        ("rmw: zenoh, variant: desktop", ("ros-jazzy-desktop", "ros-jazzy-rmw-zenoh-cpp")),
        ("domain_id: 7", ()),
    ],
)
def test_middleware_brings_its_package(ros: str, wanted: tuple[str, ...], project: Resolve) -> None:
    plan = plan_build(project(f"extends: ros/jazzy\nros: {{{ros}}}\n"), "linux/amd64")
    assert tuple(name for level, name in packages(plan) if level == "robenv.yaml") == wanted


def test_middleware_of_an_unknown_ros_is_a_variable_alone(project: Resolve) -> None:
    plan = plan_build(project("extends: mixins/cyclonedds\nbase: {image: debian:bookworm}\n"), "linux/amd64")
    assert packages(plan) == []


def test_the_index_and_the_mixins_are_the_first_levels_that_ask(project: Resolve) -> None:
    plan = plan_build(project("extends: ros/jazzy\nros: {rosdep: true, completion: true}\n"), "linux/amd64")
    assert {level: ros.rosdep for level, ros in ros_of(plan).items()} == {
        "ros/jazzy-ros-core": False,
        "ros/jazzy": True,
    }
    assert ros_of(plan)["ros/jazzy"].distro == "jazzy"
    assert [level for level, ros in ros_of(plan).items() if ros.completion] == ["ros/jazzy-ros-core"]
    assert dict(ros_of(plan)["ros/jazzy"].mixins)["default"].endswith("/colcon-mixin-repository/master/index.yaml")
    assert [place for place, _ in plan.stages[-1].settings.shared] == [
        ".ros/rosdep",
        ".colcon/mixin",
        ".colcon/mixin_repositories.yaml",
    ]


@pytest.mark.parametrize(
    ("extends", "groups"),
    [
        ("mixins/dev, ros/jazzy", [("mixins/dev", ["ros"]), ("ros/jazzy-ros-core", [])]),
        ("ros/jazzy, mixins/dev", [("ros/jazzy-ros-core", ["ros"]), ("mixins/dev", [])]),
        ("mixins/nav2, ros/humble, jetson/jp6", [("mixins/nav2", ["ros"]), ("ros/humble-ros-core", [])]),
    ],
)
def test_the_sources_of_ros_come_before_anything_asks_for_packages(
    extends: str, groups: list[tuple[str, list[str]]], project: Resolve
) -> None:
    plan = plan_build(project(f"extends: [{extends}]\n"), "linux/arm64")
    there = {group.profile: [repository.name for repository in group.repositories] for group in plan.stages[-1].groups}
    assert [(name, there.get(name, [])) for name, _ in groups] == groups


def test_an_address_that_is_set_again_is_not_asked_first(project: Resolve) -> None:
    mine = "default: http://lan/index.yaml, more: http://lan/more.yaml"
    plan = plan_build(project(f"extends: ros/jazzy\nros: {{colcon_mixins: {{{mine}}}}}\n"), "linux/amd64")
    assert [(level, ros.mixins) for level, ros in ros_of(plan).items() if ros.mixins] == [
        ("ros/jazzy", (("default", "http://lan/index.yaml"),)),
        ("robenv.yaml", (("more", "http://lan/more.yaml"),)),
    ]


def test_what_is_switched_off_is_nowhere(project: Resolve) -> None:
    off = "ros: {rosdep: false, completion: false, colcon_mixins: !reset }\n"
    plan = plan_build(project(f"extends: ros/jazzy\n{off}"), "linux/amd64")
    assert set(ros_of(plan).values()) == {RosLayers()}
    assert plan.stages[-1].settings.shared == ()


def test_the_overlay_is_in_the_workspace_wherever_that_is(project: Resolve) -> None:
    plan = plan_build(project("extends: ros/noetic\nworkspace: {target: /home/dev/ws}\n"), "linux/amd64")
    assert plan.stages[-1].settings.setup_scripts == (
        "/opt/ros/noetic/setup.bash",
        "/home/dev/ws/devel/setup.bash",
        "/home/dev/ws/install/setup.bash",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("extends: ros/noetic", "ROS 1 Noetic has had no updates since May 2025"),
        ("extends: ros/iron-desktop", "ROS 2 Iron has had no updates since November 2024"),
        ("extends: ros/kilted", ""),  # to the end of the month
        ("extends: ros/kilted\nros: {end_of_life: 2026-10}", "since October 2026"),
        ("extends: ros/iron\nros: {end_of_life: 2030-01}", ""),
        ("extends: ros/iron\nros: {end_of_life: never}", ""),
        ("extends: ros/rolling", ""),
        ("extends: ros/debian-bookworm", ""),
    ],
)
def test_the_end_of_life(text: str, said: str, project: Resolve) -> None:
    found = past_end_of_life(project(f"{text}\n"), TODAY)
    assert len(found) == bool(said)
    for problem in found:
        assert said in problem.message
        assert "ROS 2 Jazzy (ros/jazzy)" in problem.hint or "ROS 2 Lyrical (ros/lyrical)" in problem.hint
        assert problem.location and problem.location.line


def test_the_month_after_its_last_one_is_past_it() -> None:
    resolved = resolve_builtin("ros/kilted")
    assert not past_end_of_life(resolved, date(2026, 12, 31))
    assert past_end_of_life(resolved, date(2027, 1, 1))
