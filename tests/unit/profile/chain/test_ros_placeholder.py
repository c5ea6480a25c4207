"""`${ros.distro}`: the distribution that the whole chain comes to."""

from __future__ import annotations

import pytest

from robenv.profile.resolve.resolve import resolve_builtin
from tests.support.projects.profiles import BASE, Project

NAV = "apt: {packages: ['ros-${ros.distro}-navigation2']}\n"


def test_it_is_what_the_whole_chain_comes_to(project: Project) -> None:
    project.write("m.yaml", NAV + "ros: {distro: humble}\n")
    resolved = project.resolve(f"extends: ./m.yaml\n{BASE}ros: {{distro: jazzy}}\n")
    assert resolved.profile.apt.packages == ("ros-jazzy-navigation2",)


def test_no_variable_of_the_host_is_taken_for_it(project: Project) -> None:
    text = BASE + "ros: {distro: jazzy}\nenvironment: {A: '${ros.distro} ${ROS_DISTRO-none} $${ros.distro}'}\n"
    environ = {"ros.distro": "humble", "ros": "humble"}
    assert project.resolve(text, environ).profile.environment == {"A": "jazzy none ${ros.distro}"}


def test_it_may_stand_in_paths_and_settings(project: Project) -> None:
    text = BASE + "ros: {distro: '${D:-jazzy}'}\nsetup: ['/opt/ros/${ros.distro}/setup.bash']\n"
    text += "run: {volumes: ['./${ros.distro}:/opt/${ros.distro}']}\n"
    profile = project.resolve(text).profile
    assert profile.setup == ("/opt/ros/jazzy/setup.bash",)
    (volume,) = profile.run.volumes
    assert (volume.source, volume.target) == (str(project.root / "jazzy"), "/opt/jazzy")


def test_a_script_keeps_its_own(project: Project) -> None:
    script = "echo ${ros.distro}"
    profile = project.resolve(f"{BASE}ros: {{distro: jazzy}}\nsteps: [{{name: x, run: '{script}'}}]\n").profile
    assert profile.steps[0].run == script


def test_without_a_distribution_each_place_is_told(project: Project) -> None:
    problems = project.problems(BASE + NAV + "environment: {A: '${ros.distro}'}\n")
    assert [problem.location.line for problem in problems if problem.location] == [2, 3]
    assert problems[0].message == "`${ros.distro}` is the ROS distribution, and this profile has none"
    assert "ros: {distro: jazzy}" in problems[0].hint


def test_a_wrong_distribution_is_the_one_problem(project: Project) -> None:
    problem = project.problem(BASE + NAV + "ros: {distro: jazy}\n")
    assert problem.hint == "did you mean `jazzy`?"


@pytest.mark.parametrize("text", ["${ros.distros}", "${ros}.x", "${ros.distro:-x}", "${ros.distro"])
def test_anything_else_with_a_dot_is_no_variable(project: Project, text: str) -> None:
    if text == "${ros}.x":
        assert project.resolve(BASE + f"environment: {{A: '{text}'}}\n").profile.environment == {"A": ".x"}
        return
    assert "is not a variable" in project.problem(BASE + f"environment: {{A: '{text}'}}\n").message


def test_a_mixin_by_itself_is_shown_for_the_newest_that_it_fits() -> None:
    assert "ros-lyrical-navigation2" in resolve_builtin("mixins/nav2").profile.apt.packages
