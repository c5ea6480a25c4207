"""colcon's defaults: the file that each level leaves, as PyYAML (which colcon has) reads it, and where it differs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from robenv.plan.image.build import plan_build
from robenv.plan.image.colcon import defaults_text
from robenv.plan.models import DEV, RUN, BuildPlan
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.render import render

Plan = Callable[..., BuildPlan]
TARGET = """\
base: {image: x}
ros: {colcon_defaults: {build: {symlink-install: true, cmake-args: [-D, A=1]}}}
steps: [{name: warm, run: colcon build}]
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "src").mkdir()
    (tmp_path / "target.yaml").write_text(TARGET)

    def make(text: str, purpose: str = DEV) -> BuildPlan:
        (tmp_path / "robenv.yaml").write_text(f"extends: ./target.yaml\n{text}\n")
        return plan_build(resolve_project(find_project(tmp_path), {}).on("linux/amd64"), "linux/amd64", purpose)

    return make


def files(made: BuildPlan) -> dict[tuple[str, str], Any]:
    """(stage, level) → what colcon reads from there on."""
    return {
        (stage.name, group.profile): yaml.safe_load(group.ros.colcon_defaults)
        for stage in made.stages
        for group in stage.groups
        if group.ros.colcon_defaults
    }


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("true", True),
        ("'true'", "true"),
        ("0x10", 16),
        ("'16'", "16"),
        ("1.5", 1.5),
        ("no", "no"),
        ("''", ""),
        ("[console_direct+, 'a: b', '- # \"\\', é😀\u00a0]", ["console_direct+", "a: b", '- # "\\', "é😀\u00a0"]),
        ("[]", []),
        # a variable: by what it comes to; in a list it is an argument
        ("'${N:-4}'", 4),
        ("'${N:-true}'", True),
        ("'${N:-false}'", False),
        ("'${N:-1.5}'", "1.5"),
        ("'${N:-null}'", "null"),
        ("'${N-}'", ""),
        ("'${N:-1}x'", "1x"),
        ("['-j${N:-4}', '${N:-4}', '${N:-true}']", ["-j4", "4", "true"]),
    ],
)
def test_values_arrive_as_what_they_are(written: str, read: object, plan: Plan) -> None:
    made = plan(f"ros: {{colcon_defaults: !override {{'': {{log-base: {written}}}, mixin.add: {{x: 1}}}}}}")
    assert files(made) == {("image", "robenv.yaml"): {"": {"log-base": read}, "mixin.add": {"x": 1}}}


def test_a_variable_is_a_number_for_one_platform_too(plan: Plan) -> None:
    options = "ros: {colcon_defaults: {build: {parallel-workers: '${N:-4}'}}}"
    made = plan(f"per_platform: {{linux/amd64: {{{options}}}}}")
    assert files(made)["image", "robenv.yaml"]["build"]["parallel-workers"] == 4


def test_the_file_is_ascii() -> None:
    assert defaults_text({"build": {"x": "é😀"}}).isascii()


def test_each_level_leaves_those_below_it_alone(plan: Plan) -> None:
    before = plan("")
    after = plan("ros: {colcon_defaults: {build: {cmake-args: [-D, B=1]}, test: {parallel-workers: 2}}}")
    assert after.stages[-1].groups[0] == before.stages[-1].groups[0]
    assert files(after) == {
        ("image", "target.yaml"): {"build": {"symlink-install": True, "cmake-args": ["-D", "A=1"]}},
        ("image", "robenv.yaml"): {
            "build": {"symlink-install": True, "cmake-args": ["-D", "A=1", "-D", "B=1"]},
            "test": {"parallel-workers": 2},
        },
    }
    assert files(plan("ros: {colcon_defaults: !reset }")) == {}


def test_a_build_step_and_every_command_find_it(plan: Plan) -> None:
    text = render(plan("")).dockerfile
    path = '"/opt/robenv/colcon-defaults.yaml"'
    copied = text.index(f"{path}]\nENV COLCON_DEFAULTS_FILE={path}")
    assert copied < text.index("# step warm")


def test_what_a_run_image_takes_holds_no_links_into_the_workspace(plan: Plan) -> None:
    made = plan("run_image: {build: colcon build --install-base /opt/p, install: /opt/p}", RUN)
    assert files(made)["build", "run_image"] == {"build": {"cmake-args": ["-D", "A=1"]}}
    assert "colcon" not in render(made).dockerfile.partition("AS run\n")[2]
    plain = "ros: {colcon_defaults: !override {build: {mixin: [release]}}}\nrun_image: {build: x, install: /opt/p}"
    assert list(files(plan(plain, RUN))) == [("image", "robenv.yaml")]
