"""What a build that fails says of the cause: the line that tells it, and the entry of a list that names no package."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from robenv.engine.protocol import Engine
from robenv.errors import BuildFailed
from tests.support.images.building import build, request
from tests.support.projects.project import Project

BUILDERS = pytest.mark.parametrize("buildkit", [True, False], ids=["buildkit", "classic"])


@BUILDERS
def test_the_line_that_says_why_is_told_however_much_is_printed(
    engine: Engine, base_image: str, buildkit: bool
) -> None:
    noise = "for i in $(seq 300); do echo line $i; done"
    dockerfile = f"FROM {base_image}\nRUN {noise}; nosuchprogram 2>&1 >/dev/null || code=$?; {noise}; exit $code\n"
    with pytest.raises(BuildFailed) as caught:
        build(engine, request("robenvtest-causes:1", buildkit), dockerfile)
    assert caught.value.details.endswith("nosuchprogram: not found (exit code 127)")
    assert any("nosuchprogram: not found" in line for line in caught.value.output)
    assert "line 300" in caught.value.output


def test_packages_that_apt_does_not_have_are_named_at_their_lines(project: Callable[..., Project]) -> None:
    made = project("apt:\n  packages:\n    - tree\n    - libopencv\n    - ros-humble-desktop\n    - python3-nunpy\n")
    said = made.run("build", "-q", check=5).stderr
    assert "robenv.yaml:6:7: apt has no package `libopencv`" in said
    assert "did you mean `libopencv-dev` or " in said
    assert "robenv.yaml:7:7: apt has no package `ros-humble-desktop`" in said
    assert "ros-humble-* packages are for Ubuntu 22.04: extend `ros/humble`" in said
    assert "robenv.yaml:8:7: apt has no package `python3-nunpy`" in said
    assert "`python3-numpy`" in said
    assert said.count("E: Unable to locate package libopencv") == 1
