"""Packages that are not to be had: at their own lines, with names like them, and only where somebody has looked."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.errors import BuildFailed
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.project.image.missing_packages import _looking, explain_missing
from robenv.project.planned import PlannedProject, plan_project
from robenv.render import Instruction

_PROFILE = """\
name: picker
base: {image: "debian:bookworm"}
apt:
  packages: [tree, libopencv, ros-humble-nav2, "bc=1:2"]
pip:
  - six
  - {packages: [numpyy==3]}
stages: {tools: {apt: {packages: [gccc]}}}
"""
_KNOWN = ("libopencv-dev", "libopencv-core406", "libopengv1", "gcc", "gcc-12")


@pytest.fixture
def planned(tmp_path: Path) -> PlannedProject:
    (tmp_path / "robenv.yaml").write_text(_PROFILE)
    return plan_project(resolve_project(find_project(tmp_path), {}), "linux/amd64")


def _problems(planned: PlannedProject, title: str, *output: str) -> list[str]:
    error = BuildFailed("failed", details="exit code 100")
    error.output = output
    at = Instruction("image", 2, 2, 5, 9, "RUN", title)
    found = explain_missing(error, planned, at, lambda names: _KNOWN)
    assert bool(found.details) != bool(found.problems), "one cause is told once"
    return [f"{problem.location}: {problem.message}; {problem.hint}" for problem in found.problems]


@pytest.mark.parametrize(
    ("title", "output", "told"),
    [
        (
            "apt packages",
            "E: Unable to locate package libopencv",
            "robenv.yaml:4:20: apt has no package `libopencv` on Debian 12; "
            "did you mean `libopencv-dev` or `libopencv-core406`?",
        ),
        (
            "apt packages",
            "E: Unable to locate package ros-humble-nav2",
            "robenv.yaml:4:31: apt has no package `ros-humble-nav2` on Debian 12; "
            "ros-humble-* packages are for Ubuntu 22.04: extend `ros/humble`",
        ),
        (
            "apt packages",
            "E: Version '1:2' for 'bc' was not found",
            "robenv.yaml:4:48: apt has no version 1:2 of `bc` on Debian 12; ",
        ),
        (
            "apt packages",
            "E: Package 'gccc' has no installation candidate",
            "robenv.yaml:8:35: apt has no package `gccc` on Debian 12; did you mean `gcc`?",
        ),
        (
            "dependencies of the workspace",
            "E: Unable to locate package of-rosdep",
            "None: apt has no package `of-rosdep` on Debian 12; ",
        ),
        (
            "pip packages",
            "ERROR: Could not find a version that satisfies the requirement numpyy==3 (from versions: 1, 2, 2.1, 2.2)\n"
            "ERROR: No matching distribution found for numpyy==3",
            "robenv.yaml:7:17: pip finds nothing for `numpyy==3`; the newest that it has: 2, 2.1, 2.2",
        ),
        (
            "pip packages",
            "ERROR: Could not find a version that satisfies the requirement six (from versions: none)\n"
            "ERROR: No matching distribution found for six",
            "robenv.yaml:6:5: pip finds nothing for `six`; look at the name, and Python's version",
        ),
    ],
)
def test_a_package_is_named_at_its_own_line(planned: PlannedProject, title: str, output: str, told: str) -> None:
    assert _problems(planned, title, *output.splitlines()) == [told]


@pytest.mark.parametrize(
    ("title", "output"),
    [
        ("apt packages", "Temporary failure resolving 'deb.debian.org'\nE: Unable to locate package tree"),
        ("pip packages", "CERTIFICATE_VERIFY_FAILED\nERROR: No matching distribution found for six"),
        ("my own step", "E: Unable to locate package tree"),
        ("apt packages", "E: The repository does not have a Release file"),
    ],
)
def test_what_nobody_could_look_up_is_no_package_that_is_missing(
    planned: PlannedProject, title: str, output: str
) -> None:
    assert _problems(planned, title, *output.splitlines()) == []


def test_apt_is_asked_with_the_mounts_of_the_step_and_by_plain_names_alone(planned: PlannedProject) -> None:
    at = next(
        instruction
        for instruction in planned.rendered.instructions
        if instruction.title == "apt packages" and instruction.stage == "image"
    )
    text = _looking(planned.rendered.dockerfile, at, ["libopencv", "python3-nunpy", "$(reboot)"])
    assert text.startswith("\n".join(planned.rendered.dockerfile.split("\n")[: at.line_start]))
    asked = text.split("\n")[-2]
    assert "for one in libo python3-nu; do apt-cache pkgnames $one" in asked
    assert asked.endswith("exit 1")
    assert "--mount=type=cache,id=robenv-apt-lists-" in text
