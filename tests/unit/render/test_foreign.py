"""What an engine of another architecture gets to build: the same image, and a quicker way to it."""

from __future__ import annotations

from dataclasses import replace

from robenv.host.facts import Distribution
from robenv.plan.image.cross_compilers import ENTER, ForeignBuild, plan_toolchain
from robenv.plan.models import Base, Bootstrap, BuildPlan, Group, Stage, Step
from robenv.render import content_hash, find_instruction, render
from robenv.render.tools import render_tools, tools_image
from tests.support.images.dockerfile_reader import read_dockerfile
from tests.support.projects.plans import plan_of

CPU = (("QEMU_CPU", "max,pauth-impdef=on"),)
TOOLS = "robenv/tools:0123456789ab"
GROUP = Group("project", packages=("git",), pip=("six",), steps=(Step("s", "make", False), Step("t", "make", True)))


def foreign_plan() -> tuple[BuildPlan, str]:
    plan = plan_of(GROUP)
    return replace(plan, platform="linux/arm64"), plan.stages[0].base.reference


def test_emulation_is_set_for_steps_and_not_for_the_image() -> None:
    plan, _ = foreign_plan()
    plain, tuned = render(plan).dockerfile, render(plan, foreign=ForeignBuild("linux/amd64", CPU)).dockerfile
    added = [line for line in tuned.splitlines() if line not in plain.splitlines()]
    assert added == ['ARG QEMU_CPU="max,pauth-impdef=on"'] * len(plan.stages)
    kinds = [read.kind for read in read_dockerfile(tuned)]
    assert kinds[kinds.index("FROM") + 1] == "ARG"  # it counts for what comes after it in its stage


def test_the_classic_builder_gets_the_settings_and_no_mounts() -> None:
    plan, base = foreign_plan()
    text = render(plan, buildkit=False, foreign=ForeignBuild("linux/amd64", CPU, ((base, TOOLS),))).dockerfile
    assert "QEMU_CPU" in text
    assert "robenv/tools" not in text
    assert ENTER not in text


def test_native_tools_are_mounted_where_something_may_compile() -> None:
    plan, base = foreign_plan()
    rendered = render(plan, foreign=ForeignBuild("linux/amd64", CPU, ((base, TOOLS),)))
    reads = read_dockerfile(rendered.dockerfile)
    assert rendered.dockerfile.count(f"FROM --platform=linux/amd64 {TOOLS} AS robenv-tools-0123456789ab\n") == 1
    mounted = [read for read in reads if "from=robenv-tools-0123456789ab" in str(read)]
    assert len(mounted) == 5  # apt's and pip's packages, pip itself, and the two steps
    assert rendered.dockerfile.count(f'["{ENTER}", "/bin/sh", "-ec", "make"]') == 2


def test_the_content_hash_is_that_of_the_image_and_not_of_the_way_to_it() -> None:
    plan, base = foreign_plan()
    expected = content_hash(plan)
    for foreign in (ForeignBuild("linux/amd64", CPU), ForeignBuild("linux/amd64", CPU, ((base, TOOLS),))):
        assert content_hash(plan, render(plan, foreign=foreign)) == expected


def test_steps_are_found_again_behind_the_stage_with_the_tools() -> None:
    plan, base = foreign_plan()
    rendered = render(plan, foreign=ForeignBuild("linux/amd64", CPU, ((base, TOOLS),)))
    found = find_instruction(rendered, "[linux/amd64 robenv-tools-0123456789ab 1/1] FROM x")
    assert found is not None
    assert found.title == "native tools"
    base_of = find_instruction(rendered, f"[{plan.stages[0].name} 1/9] FROM x")
    assert base_of is not None
    assert base_of.title == "base"


def test_each_root_has_the_tools_of_its_own_release() -> None:
    plan, base = foreign_plan()
    other = Stage("other", Base("debian:trixie", image="debian:trixie"), (GROUP,))
    child = Stage("child", Base("other", stage="other"), (GROUP,))
    plan = replace(plan, stages=(other, child, *plan.stages))
    second = "robenv/tools:ba9876543210"
    text = render(plan, foreign=ForeignBuild("linux/amd64", CPU, ((base, TOOLS), ("debian:trixie", second)))).dockerfile
    before, _, after = text.partition(f"AS {plan.stages[-1].name}\n")
    assert before.count("from=robenv-tools-ba9876543210") == 10
    assert "from=robenv-tools-0123456789ab" not in before
    assert after.count("from=robenv-tools-0123456789ab") == 5


def test_a_root_without_tools_is_left_as_it_is() -> None:
    plan, _ = foreign_plan()
    only_elsewhere = ForeignBuild("linux/amd64", (), (("another:base", TOOLS),))
    text = render(plan, foreign=only_elsewhere).dockerfile
    assert ENTER not in text
    assert text.count("from=robenv-tools") == 0


def test_what_the_tools_are_made_from() -> None:
    foreign = Bootstrap("bookworm", "http://deb.debian.org/debian", ("main",), "minbase", (), "linux/arm64")
    toolchain = plan_toolchain(Base("b", bootstrap=foreign), Distribution(), "linux/amd64", "linux/arm64")
    entries = {entry.name: entry for entry in render_tools(toolchain, "robenv/base:x")}
    dockerfile = entries["Dockerfile"].data.decode()
    assert dockerfile.count("FROM robenv/base:x AS tools\n") == 1
    assert "g++-aarch64-linux-gnu make" in dockerfile
    assert set(entries) == {"Dockerfile", "apt-key", "driver", "enter", "pack", "release"}
    other = replace(toolchain, triplet="riscv64-linux-gnu")
    older = replace(toolchain, base=Base("robenv/base:y"))
    assert len({tools_image(one) for one in (toolchain, other, older)}) == 3
