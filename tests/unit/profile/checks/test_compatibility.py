"""`fits`: what a profile may be put upon, and how it is refused elsewhere."""

from __future__ import annotations

import pytest

from tests.support.projects.profiles import BASE, Project

ROS = BASE + "ros: {distro: jazzy}\n"
JETSON = "base: {image: 'nvcr.io/nvidia/l4t-jetpack:r36.4.0'}\n"


def extending(project: Project, fits: str, own: str) -> str:
    project.write("m.yaml", f"fits: {fits}\nenvironment: {{A: '1'}}\n")
    return f"extends: [./m.yaml]\n{own}"


@pytest.mark.parametrize(
    ("fits", "own"),
    [
        ("{ubuntu: [jammy, noble]}", BASE),
        ("{ubuntu: [noble], debian: [trixie]}", "base: {bootstrap: {suite: trixie}}\n"),
        ("{ubuntu: [noble]}", "base: {image: ghcr.io/example/thing:1}\n"),
        ("{ubuntu: [jammy]}", JETSON),
        ("{jetson: [jp6]}", JETSON),
        ("{jetson: [jp7.2]}", BASE + "gpu: {vendor: jetson}\n"),
        ("{jetson: []}", BASE),
        ("{platforms: [linux/amd64]}", BASE),
        ("{platforms: [linux/amd64]}", BASE + "platforms: [linux/amd64]\n"),
        ("{ros: [humble, jazzy]}", ROS),
        ("{ros: [humble]}", BASE),
        ("{ros: []}", BASE),
        ("{}", BASE),
        ("!reset {ubuntu: [bad]}", BASE),
        ("!reset {nothing: such}", BASE),
    ],
)
def test_what_fits(project: Project, fits: str, own: str) -> None:
    assert project.resolve(extending(project, fits, own)).profile.environment == {"A": "1"}


@pytest.mark.parametrize(
    ("fits", "own", "message", "hint"),
    [
        (
            "{ubuntu: [jammy, noble]}",
            "base: {bootstrap: {suite: bookworm}}\n",
            "it is for Ubuntu 22.04 (jammy), Ubuntu 24.04 (noble), and this stands on Debian 12 (bookworm)",
            "it fits ubuntu/noble, ubuntu/jammy",
        ),
        (
            "{debian: [bookworm], why: its packages are Debian's own}",
            BASE,
            "it is for Debian 12 (bookworm), and this stands on Ubuntu 24.04 (noble)",
            "its packages are Debian's own; it fits debian/bookworm",
        ),
        (
            "{jetson: [], why: CUDA is another there}",
            JETSON,
            "it is for other machines than a Jetson, and this is one with JetPack 6.1, 6.2.x",
            "CUDA is another there",
        ),
        (
            "{platforms: [linux/amd64]}",
            BASE + "platforms: [linux/amd64, linux/arm64]\n",
            "it is for linux/amd64, and this is built for linux/arm64 too",
            "`platforms: [linux/amd64]`",
        ),
        ("{ros: [humble]}", ROS, "it is for ROS humble, and this has ROS jazzy", "it fits ros/humble"),
        ("{ros: []}", ROS, "it is for targets without ROS by its own packages, and this has ROS jazzy", ""),
    ],
)
def test_what_does_not_fit_is_told_where_it_was_extended(
    project: Project, fits: str, own: str, message: str, hint: str
) -> None:
    problem = project.problem(extending(project, fits, own))
    assert problem.message == f"this profile does not fit: {message}"
    assert hint in problem.hint
    assert problem.location is not None
    assert (problem.location.file, problem.location.line, problem.location.column) == ("robenv.yaml", 1, 11)


@pytest.mark.parametrize(
    ("extends", "column", "message", "hint"),
    [
        (
            "ros/jazzy, jetson/orin-nano",
            11,
            "the packages of ROS 2 Jazzy are for Ubuntu 24.04 (noble), and this stands on Ubuntu 22.04 (jammy)",
            "here fits ros/humble or ros/iron; ROS 2 Jazzy goes with jetson/jp7-thor, jetson/jp7.2, or without "
            "JetPack's CUDA, in a container of ros/jazzy alone; from source it goes anywhere",
        ),
        (
            "ros/humble, jetson/nano",
            11,
            "the packages of ROS 2 Humble are for Ubuntu 22.04 (jammy), and this stands on Ubuntu 18.04 (bionic)",
            "nobody has packages of a ROS for bionic any more; ROS 2 Humble goes with jetson/jp6.0, jetson/jp6, or",
        ),
        (
            "ros/lyrical, cuda/12.8-noble",
            11,
            "the packages of ROS 2 Lyrical are for Ubuntu 26.04 (resolute), and this stands on Ubuntu 24.04 (noble)",
            "here fits ros/jazzy or ros/kilted; from source it goes anywhere",
        ),
        (
            "jetson/jp6, ros/humble",
            11,
            "jetson/jp6 does not fit: it is for a Jetson with JetPack jp6, and this stands on an image without "
            "JetPack, ros:humble-ros-base",
            "the Jetson's goes behind the others",
        ),
        (
            "ros/noetic, mixins/nav2",
            23,
            "mixins/nav2 does not fit: it is for ROS humble, iron, jazzy, kilted, lyrical, and this has ROS noetic",
            "it fits ros/lyrical, ros/kilted, ros/jazzy, ros/iron, ros/humble",
        ),
        (
            "ros/debian-bookworm, mixins/gazebo",
            32,
            "mixins/gazebo does not fit: it is for ROS humble, iron, jazzy, kilted, rolling, lyrical, and this has no "
            "`ros.distro`",
            "it fits ros/lyrical, ros/rolling",
        ),
        (
            "jetson/jp6, mixins/pytorch",
            23,
            "mixins/pytorch does not fit: it is for other machines than a Jetson, and this is one with JetPack 6.1, "
            "6.2.x",
            "PyPI's PyTorch has no CUDA for Jetsons",
        ),
        (
            "ros/noetic, mixins/ros1-bridge",
            23,
            "mixins/ros1-bridge does not fit: it is for linux/amd64, linux/arm64, and this is built for linux/arm/v7 "
            "too",
            "`platforms: [linux/amd64, linux/arm64]` builds for what it fits alone",
        ),
        (
            "ros/jazzy, mixins/ros1-bridge",
            22,
            "mixins/ros1-bridge does not fit: it is for ROS noetic, and this has ROS jazzy",
            "elsewhere mixins/rosbridge opens a WebSocket to each side; it fits ros/noetic",
        ),
        (
            "ros/debian-bookworm, mixins/ros1-bridge",
            32,
            "mixins/ros1-bridge does not fit: it is for ROS noetic, and this has no `ros.distro`",
            "elsewhere mixins/rosbridge opens a WebSocket to each side; it fits ros/noetic",
        ),
        (
            "debian/bookworm, mixins/jetson",
            28,
            "mixins/jetson does not fit: it is for Ubuntu 18.04 (bionic), Ubuntu 20.04 (focal), Ubuntu 22.04 (jammy), "
            "Ubuntu 24.04 (noble), and this stands on Debian 12 (bookworm)",
            "it fits ubuntu/noble",
        ),
    ],
)
def test_built_in_profiles_that_do_not_go_together(
    project: Project, extends: str, column: int, message: str, hint: str
) -> None:
    problem = project.problem(f"extends: [{extends}]\n")
    assert problem.message == message
    assert hint in problem.hint
    assert problem.location is not None
    assert (problem.location.file, problem.location.line, problem.location.column) == ("robenv.yaml", 1, column)


def test_ros_from_source_goes_anywhere(project: Project) -> None:
    resolved = project.resolve("extends: [ros/jazzy, jetson/orin-nano]\nros: {variant: !reset }\n")
    assert (resolved.profile.ros.distro, resolved.profile.ros.variant) == ("jazzy", "")


def test_ros_from_source_is_not_where_the_bridge_has_packages(project: Project) -> None:
    extends = "extends: [ros/noetic, ubuntu/noble, mixins/ros1-bridge]\nplatforms: [linux/amd64]\n"
    problem = project.problem(f"{extends}ros: {{variant: !reset }}\n")
    assert "it is for Ubuntu 20.04 (focal), and this stands on Ubuntu 24.04 (noble)" in problem.message


def test_the_bridge_fits_a_jetson_with_noetic(project: Project) -> None:
    resolved = project.resolve("extends: [jetson/ros-noetic, mixins/ros1-bridge]\n")
    assert "ros-galactic" in resolved.profile.apt.repositories


def test_every_reason_is_told_at_once(project: Project) -> None:
    problems = project.problems("extends: [jetson/jp6, mixins/pytorch, mixins/nav2]\n")
    assert sorted(problem.message.split()[0] for problem in problems) == ["mixins/nav2", "mixins/pytorch"]


@pytest.mark.parametrize("name", ["jaz", "jazzi", "ros-jazzy"])
def test_no_such_distribution(project: Project, name: str) -> None:
    assert project.problem(f"extends: [ros/{name}]\n").hint == "did you mean `ros/jazzy`?"


def test_what_a_profile_fits_is_its_own(project: Project) -> None:
    project.write("m.yaml", "fits: {ubuntu: [noble]}\n")
    project.write("n.yaml", "extends: [./m.yaml]\nfits: {ubuntu: [jammy, noble]}\n")
    problem = project.problem("extends: [./n.yaml]\nbase: {image: 'ubuntu:22.04'}\n")
    assert problem.location is not None
    assert problem.location.file == "n.yaml"
    assert problem.location.chain == ("robenv.yaml:1:11",)


def test_it_is_judged_on_each_platform(project: Project) -> None:
    own = BASE + "per_platform: {linux/arm64: {base: {image: 'ubuntu:22.04'}}}\n"
    problem = project.problem(extending(project, "{ubuntu: [noble]}", own))
    assert "stands on Ubuntu 22.04 (jammy)" in problem.message


def test_a_wrong_base_is_not_judged_twice(project: Project) -> None:
    problem = project.problem(extending(project, "{ubuntu: [jammy]}", "base: {image: UBUNTU}\n"))
    assert "names of images are lower-case" in problem.hint


def test_no_such_release(project: Project) -> None:
    problem = project.problem(extending(project, "{ubuntu: [nobel]}", BASE))
    assert problem.hint == "did you mean `noble`?"


def test_a_profile_by_l4t(project: Project) -> None:
    assert project.resolve("extends: [jetson/r36.4.3]\n").levels[-2].name == "jetson/jp6"


@pytest.mark.parametrize(("l4t", "near"), [("32.6.1", "jetson/jp4, for L4T 32.7"), ("37.1", "jetson/jp6")])
def test_l4t_that_no_image_serves(project: Project, l4t: str, near: str) -> None:
    problem = project.problem(f"extends: [jetson/r{l4t}]\n")
    assert problem.message == f"no base image is known for L4T {l4t}"
    assert f"the nearest is {near}" in problem.hint
    assert "`base: {image: …}`" in problem.hint


def test_a_correction_counts(project: Project) -> None:
    project.write("config/robenv/catalog.yaml", "jetpack:\n  jp6: {last: 36.4}\n")
    environ = {"XDG_CONFIG_HOME": str(project.root / "config")}
    assert "no base image is known for L4T 36.5" in project.problem("extends: [jetson/r36.5]\n", environ).message
    resolved = project.resolve("extends: [jetson/r36.4]\n", environ)
    assert resolved.inputs.files[-1].name == "catalog.yaml"
    assert next(row for row in resolved.jetpacks if row.name == "jp6").last == (36, 4)


def test_other_ways_are_told_by_the_table_as_the_user_has_it(project: Project) -> None:
    project.write("config/robenv/catalog.yaml", "jetpack:\n  jp5: {ubuntu: jammy}\n")
    environ = {"XDG_CONFIG_HOME": str(project.root / "config")}
    problem = project.problem("extends: [ros/humble, jetson/nano]\n", environ)
    assert "ROS 2 Humble goes with jetson/jp5, jetson/jp6.0, jetson/jp6, or" in problem.hint


def test_the_place_of_a_wrong_correction(project: Project) -> None:
    project.write("config/robenv/catalog.yaml", "jetpack:\n  jp6: {lats: 36.4}\n")
    problem = project.problem(BASE, {"XDG_CONFIG_HOME": str(project.root / "config")})
    assert problem.hint == "did you mean `last`?"
    assert problem.location is not None
    assert (problem.location.line, problem.location.column) == (2, 9)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("extends: [ros/noetic]\nros: {rmw: zenoh}\n", (2, 12), "ROS 1 Noetic has no middleware to choose"),
        ("extends: [ros/debian-bookworm]\nros: {rmw: zenoh}\n", (2, 12), "ROS 1 has no middleware to choose"),
        (
            "extends: [ros/noetic, mixins/cyclonedds]\n",
            (1, 23),
            "mixins/cyclonedds does not fit: it chooses a middleware of ROS 2, and this has ROS 1 Noetic",
        ),
        (
            "extends: [ros/debian-trixie, mixins/discovery-server]\n",
            (1, 30),
            "mixins/fastdds-udp does not fit: it chooses a middleware of ROS 2, and this has ROS 1",
        ),
    ],
)
def test_ros_1_has_no_middleware_to_choose(project: Project, text: str, place: tuple[int, int], message: str) -> None:
    problem = project.problem(text)
    assert problem.location is not None
    assert (problem.location.file, problem.location.line, problem.location.column) == ("robenv.yaml", *place)
    assert problem.message == message
    assert problem.hint.startswith("take it out")


@pytest.mark.parametrize(
    ("extends", "ros"),
    [("mixins/ros1-bridge", "ros: {rmw: cyclonedds}\n"), ("mixins/ros1-bridge, mixins/cyclonedds", "")],
)
def test_the_middleware_of_a_bridge_is_not_the_profiles(project: Project, extends: str, ros: str) -> None:
    problem = project.problem(f"extends: [ros/noetic, {extends}]\nplatforms: [linux/amd64]\n{ros}")
    assert problem.hint.startswith("take it out")
    assert "bridge has it by `run: {environment: {RMW_IMPLEMENTATION: rmw_cyclonedds_cpp}}`" in problem.hint


def test_ros_2_of_ones_own_has_any_middleware(project: Project) -> None:
    for text in (BASE + "ros: {rmw: zenoh}\n", "extends: [ros/noetic, mixins/cyclonedds]\nros: {rmw: !reset }\n"):
        assert project.resolve(text)
