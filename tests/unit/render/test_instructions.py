"""A step's name, as the engines give it, leads to its instruction, its lines and its place in the profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.plan.models import Base, FileCopy, Group, ImageSettings, Stage, Step
from robenv.render import Rendered, find_instruction, render
from tests.support.images.dockerfile_reader import read_dockerfile
from tests.support.projects.plans import BOOKWORM, at, full_plan, plan_of


@pytest.fixture
def rendered() -> Rendered:
    builder = Stage("builder", BOOKWORM, (Group("p", packages=("gcc",), packages_location=at(3)),))
    tester = Stage(
        "tester", Base("builder", stage="builder"), (Group("p", steps=(Step("test", "make test", False, at(5)),)),)
    )
    group = Group(
        "p",
        environment=(("A", "1"), ("B", "2")),
        files=(FileCopy("/out", "", "/opt", stage="builder", location=at(7)),),
        steps=(Step("one", "a\nb", False, at(8)), Step("two", "c", False, at(9))),
    )
    base = Base("x:1", image="x:1", location=at(1))
    return render(plan_of(group, base=base, stages=(builder, tester), settings=ImageSettings(working_dir="/w")))


@pytest.mark.parametrize(
    ("name", "kind", "line"),
    [
        ("[builder 1/2] FROM robenv/base:0123456789ab", "FROM", None),
        ("[builder 2/2] RUN --mount=type=cache", "RUN", 3),
        ("[tester 1/1] RUN [make test]", "RUN", 5),
        ("[image 1/5] FROM docker.io/library/x:1", "FROM", 1),
        ("[image 2/5] COPY --from=builder [/out, /opt]", "COPY", 7),
        ("[image 3/5] RUN a b", "RUN", 8),
        ("[image  4/5] RUN c", "RUN", 9),
        ("[linux/arm64 image 4/5] RUN c", "RUN", 9),
        ("[image 5/5] WORKDIR /w", "WORKDIR", None),
        ("Step 1/14 : FROM robenv/base:0123456789ab AS builder", "FROM", None),
        ("Step 2/14 : RUN set -e", "RUN", 3),
        ("Step 4/14 : USER root", "USER", None),
        ('Step 5/14 : RUN ["/bin/sh"]', "RUN", 5),
        ("Step 8/14 : ENV A=1", "ENV", None),
        ("Step 10/14 : RUN x", "RUN", 8),
    ],
)
def test_names_of_steps(rendered: Rendered, name: str, kind: str, line: int | None) -> None:
    found = find_instruction(rendered, name)
    assert found is not None
    assert (found.kind, found.location and found.location.line) == (kind, line)
    assert rendered.dockerfile.split("\n")[found.line_start - 1].startswith(kind)


@pytest.mark.parametrize(
    "name",
    [
        "", "[internal] load metadata for docker.io/library/x:1", "exporting to image", "[image 9/5] RUN",
        "Step 99/14 : RUN", "[other 1/2] RUN", "[auth] x/1 pull", "Step", "[image 0/5] FROM",
    ],
)  # fmt: skip
def test_names_that_are_no_step_of_the_dockerfile(rendered: Rendered, name: str) -> None:
    assert find_instruction(rendered, name) is None


def test_a_single_stage_may_go_without_its_name() -> None:
    rendered = render(plan_of(Group("p", steps=(Step("s", "id", False, at(2)),))))
    for name in ("[2/2] RUN id", "[ 2/12] RUN id", "[stage-0 2/2] RUN id"):
        found = find_instruction(rendered, name)
        assert found is not None and found.title == "s"


@pytest.mark.parametrize("buildkit", [True, False])
def test_instructions_are_those_that_a_builder_reads_with_all_their_lines(tmp_path: Path, buildkit: bool) -> None:
    rendered = render(full_plan(tmp_path), buildkit)
    reads = read_dockerfile(rendered.dockerfile)
    assert [(found.kind, found.line_start) for found in rendered.instructions] == [
        (read.kind, read.line) for read in reads
    ]
    assert [found.number for found in rendered.instructions] == list(range(1, len(reads) + 1))
    lines = rendered.dockerfile.split("\n")
    for found in rendered.instructions:
        assert not lines[found.line_end - 1].endswith("\\")
        assert all(line.endswith("\\") for line in lines[found.line_start - 1 : found.line_end - 1])
    assert "\0" not in rendered.dockerfile


def test_a_very_long_value_keeps_the_lines_right() -> None:
    group = Group("p", environment=(("A", "word " * 26_000),), steps=(Step("after", "id", False),))
    rendered = render(plan_of(group))
    assert [(found.kind, found.line_start) for found in rendered.instructions] == [
        (read.kind, read.line) for read in read_dockerfile(rendered.dockerfile)
    ]
