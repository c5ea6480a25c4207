"""The content hash covers all that reaches the image, and nothing of the machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from robenv.plan.models import BuildPlan, FileCopy, Group, ImageSettings
from robenv.render import content_hash, render
from tests.support.projects.plans import BOOKWORM, at, full_plan, plan_of

_SCRIPT = """
import hashlib, json, sys
from pathlib import Path
from tests.support.projects.plans import full_plan
from robenv.render import content_hash, context_stream, render
plan = full_plan(Path(sys.argv[1]))
rendered = render(plan)
stream = b"".join(context_stream(rendered))
classic = render(plan, buildkit=False)
print(json.dumps([content_hash(plan, rendered), content_hash(plan, classic), content_hash(plan), rendered.dockerfile,
                  classic.dockerfile, hashlib.sha256(stream).hexdigest()]))
"""


def _in_another_process(root: Path, folder: Path, **settings: str) -> list[str]:
    cwd = settings.pop("cwd")
    umask = int(settings.pop("umask"), 8)
    folder.mkdir(parents=True, mode=0o700)
    environment = {**os.environ, "PYTHONPATH": str(root), **settings}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(folder)],
        cwd=cwd, env=environment, umask=umask, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def test_the_same_bytes_on_every_machine(root: Path, tmp_path: Path) -> None:
    first = _in_another_process(
        root, tmp_path / "here", cwd="/", umask="000", PYTHONHASHSEED="1", LC_ALL="C", TZ="UTC", HOME="/root"
    )
    second = _in_another_process(
        root, tmp_path / "there" / "deeper", cwd=str(tmp_path), umask="077", PYTHONHASHSEED="2", LC_ALL="C.UTF-8",
        TZ="Asia/Tokyo", HOME="/tmp", USER="somebody", PYTHONUTF8="0",
    )  # fmt: skip
    assert first == second
    assert len({*first[:3]}) == 1 and len(first[0]) == 64


def test_times_and_owners_of_files_do_not_count(tmp_path: Path) -> None:
    plan = full_plan(tmp_path)
    before = content_hash(plan)
    for path in tmp_path.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(path.stat().st_mode & 0o700)
    assert content_hash(plan) == before


def test_where_a_file_lies_on_the_host_and_lines_in_the_profile_do_not_count(tmp_path: Path) -> None:
    hashes = set()
    for number, name in enumerate(("a", "b"), 1):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text("same")
        file = FileCopy("files/1", str(tmp_path / name / "x"), "/x", location=at(number))
        hashes.add(content_hash(plan_of(Group("p", files=(file,)), directory=str(tmp_path / name))))
    assert len(hashes) == 1


def _edit(name: str, text: str) -> Callable[[Path, BuildPlan], BuildPlan]:
    def change(folder: Path, plan: BuildPlan) -> BuildPlan:
        (folder / name).write_text(text)
        return plan

    return change


def _executable(folder: Path, plan: BuildPlan) -> BuildPlan:
    (folder / "config" / "arm.yaml").chmod(0o755)
    return plan


def _rename(folder: Path, plan: BuildPlan) -> BuildPlan:
    (folder / "config" / "arm.yaml").rename(folder / "config" / "leg.yaml")
    return plan


def _empty_folder(folder: Path, plan: BuildPlan) -> BuildPlan:
    (folder / "config" / "new").mkdir()
    return plan


def _last(plan: BuildPlan, **changes: object) -> BuildPlan:
    return replace(plan, stages=(*plan.stages[:-1], replace(plan.stages[-1], **changes)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        _edit("config/arm.yaml", "joints: 7\n"),
        _edit("config/new.yaml", ""),
        _edit("key.asc", "-----BEGIN PGP PUBLIC KEY BLOCK-----\nother\n"),
        _executable,
        _rename,
        _empty_folder,
        lambda folder, plan: replace(plan, platform="linux/arm64"),
        lambda folder, plan: _last(plan, base=replace(BOOKWORM, reference="robenv/base:000000000000")),
        lambda folder, plan: _last(plan, settings=replace(plan.stages[-1].settings, setup_scripts=("/other.bash",))),
        lambda folder, plan: _last(plan, settings=replace(plan.stages[-1].settings, labels=(("a", "b"),))),
        lambda folder, plan: _last(plan, groups=(*plan.stages[-1].groups, Group("q", packages=("nano",)))),
    ],
)
def test_each_thing_that_reaches_the_image_counts(
    tmp_path: Path, change: Callable[[Path, BuildPlan], BuildPlan]
) -> None:
    plan = full_plan(tmp_path)
    before = content_hash(plan)
    assert content_hash(change(tmp_path, plan)) != before


def test_ignored_files_do_not_count(tmp_path: Path) -> None:
    plan = full_plan(tmp_path)
    (tmp_path / ".dockerignore").write_text("**/*.log\n")
    before = content_hash(plan)
    (tmp_path / "config" / "a.log").write_text("x")
    assert content_hash(plan) == before


def test_the_engine_that_builds_does_not_count() -> None:
    plan = plan_of(Group("p", packages=("git",)), settings=ImageSettings())
    assert content_hash(plan, render(plan, buildkit=False)) == content_hash(plan, render(plan))
