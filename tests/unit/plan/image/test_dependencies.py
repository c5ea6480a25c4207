"""What the workspace depends on: what rosdep is asked with, and what comes before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.plan.image.build import plan_build
from robenv.plan.models import BuildPlan
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.render import render

_PACKAGE = (
    "<package><name>node</name><version>1.0.0</version><description>x</description>"
    '<maintainer email="a@example.org">A</maintainer><license>MIT</license><depend>zlib</depend></package>'
)
_PROFILE = """\
name: picker
base: {image: debian:bookworm}
workspace: {dependencies: true}
setup: [/opt/under/setup.bash, /opt/ros/jazzy/setup.bash, /workspace/install/setup.bash, install/local_setup.bash]
files:
  - {source: own.yaml, target: /etc/own.yaml}
  - {source: own.list, target: /etc/ros/rosdep/sources.list.d/10-own.list}
"""


@pytest.fixture
def plan(tmp_path: Path) -> BuildPlan:
    (tmp_path / "src/node").mkdir(parents=True)
    (tmp_path / "src/node/package.xml").write_text(_PACKAGE)
    for name in ("own.yaml", "own.list"):
        (tmp_path / name).write_text("")
    (tmp_path / "robenv.yaml").write_text(_PROFILE)
    return plan_build(resolve_project(find_project(tmp_path), {}), "linux/amd64")


def test_rules_of_the_profile_itself_come_before_the_dependencies(plan: BuildPlan) -> None:
    files = {stage.name: [file.target for group in stage.groups for file in group.files] for stage in plan.stages}
    assert files == {
        "workspace-base": ["/etc/ros/rosdep/sources.list.d/10-own.list"],
        "workspace-rosdep": [],
        "image": ["/etc/own.yaml"],
    }


def test_an_underlay_in_the_image_counts_and_what_rosdep_knows_does_not(plan: BuildPlan) -> None:
    (keys,) = (group.rosdep_keys for stage in plan.stages for group in stage.groups if group.rosdep_keys)
    assert keys.prefixes == ("/opt/under",)
    assert " /opt/under\n" in render(plan).dockerfile


def test_the_index_outlives_a_change_of_keys(plan: BuildPlan) -> None:
    """It is in a cache, and rosdep itself in a layer that no key is in."""
    text = render(plan).dockerfile
    stage = text[text.index("AS workspace-rosdep") :]
    install, copy = stage.index("python3-rosdep"), stage.index("COPY ")
    assert install < copy < stage.index("python3 resolve keys /var/cache/robenv-rosdep/")
    assert "target=/var/cache/robenv-rosdep,sharing=locked" in stage
    assert "--mount" not in render(plan, buildkit=False).dockerfile
