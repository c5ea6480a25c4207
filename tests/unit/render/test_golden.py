"""Whole Dockerfiles, to read: ``ROBENV_UPDATE_GOLDEN=1 pytest tests/unit/render/test_golden.py`` writes them anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from robenv.plan.models import Base, BuildPlan, FileCopy, Group, ImageSettings, Stage, Step
from robenv.render import render, render_base
from tests.support.golden import check
from tests.support.projects.plans import BOOKWORM, full_plan, plan_of


def _minimal(folder: Path) -> BuildPlan:
    return plan_of(Group("robenv.yaml", packages=("git",)), base=Base("ubuntu:24.04", image="ubuntu:24.04"))


def _stages(folder: Path) -> BuildPlan:
    build = Step("build", "make\nmake install DESTDIR=/out", False)
    builder = Stage("builder", BOOKWORM, (Group("robenv.yaml", packages=("gcc", "make"), steps=(build,)),))
    files = (FileCopy("/out", "", "/usr/local", stage="builder"),)
    return plan_of(Group("robenv.yaml", files=files), stages=(builder,), settings=ImageSettings(command=("tool",)))


def _nasty(folder: Path) -> BuildPlan:
    group = Group(
        "./odd\nname.yaml",
        environment=(("A", 'it\'s "$HOME" `id` \\'), ("B", "{{ user }} # <<EOF")),
        steps=(Step("odd\nRUN id", "cat <<EOF\n$HOME \\\n# x\nEOF", False),),
    )
    return plan_of(group, settings=ImageSettings(labels=(("a.b", "$x"),), command=("printf", "a\nb")))


PLANS: dict[str, tuple[Callable[[Path], BuildPlan], bool]] = {
    "minimal": (_minimal, True),
    "stages": (_stages, True),
    "nasty": (_nasty, True),
    "everything": (full_plan, True),
    "everything-classic": (full_plan, False),
}


@pytest.mark.parametrize("name", PLANS)
def test_the_dockerfile_is_the_one_that_was_looked_at(name: str, root: Path, tmp_path: Path) -> None:
    make, buildkit = PLANS[name]
    check(root / "tests" / "golden" / f"{name}.Dockerfile", render(make(tmp_path), buildkit).dockerfile)


def test_the_bases_dockerfile_is_the_one_that_was_looked_at(root: Path) -> None:
    assert BOOKWORM.bootstrap
    check(root / "tests" / "golden" / "base.Dockerfile", render_base(BOOKWORM.bootstrap))


def test_no_golden_file_is_left_over(root: Path) -> None:
    wanted = {f"{name}.Dockerfile" for name in PLANS} | {"base.Dockerfile"}
    assert {path.name for path in (root / "tests" / "golden").glob("*.Dockerfile")} == wanted
