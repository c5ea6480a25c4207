"""How long one package more takes, on an environment with ROS: robenv's layers beside a usual Dockerfile.

Both stand on the same base, install the same packages, and are built by the same engine through the same request. The
hand-written one does what Docker's documentation advises: one RUN of all packages, with cache mounts for apt.
"""

from __future__ import annotations

import io
import os
import tarfile
import uuid
from pathlib import Path

from benchmarks.entering import remove_images
from benchmarks.measure import ROBENV, Check, Group, run, seconds

PROJECT = "robenv-bench-rebuild"
TARGET = "ros/debian-bookworm"
MORE = ("tree", "jq", "bc", "moreutils", "pv")
_OURS, _THEIRS = "robenv", "hand-written"


def measure(folder: Path, rounds: int) -> Group:
    """The ARG is new in every run, so that no earlier run lends its layers; what apt has fetched is there for both."""
    project = folder / "rebuild"
    project.mkdir()
    mark = uuid.uuid4().hex
    values: dict[str, list[float]] = {f"{name}, one package more": [] for name in (_THEIRS, _OURS)}
    try:
        values[f"{_OURS}, all of it"] = [seconds(lambda: _ours(project, mark, [], "--no-cache"))]
        base, packages = _target(project)
        values[f"{_THEIRS}, all of it"] = [seconds(lambda: _theirs(base, packages, mark))]
        for package in MORE[:rounds]:
            more = [package]
            values[f"{_OURS}, one package more"].append(seconds(lambda: _ours(project, mark, more)))  # noqa: B023
            values[f"{_THEIRS}, one package more"].append(
                seconds(lambda: _theirs(base, [*packages, *more], mark))  # noqa: B023
            )
    finally:
        remove_images(f"robenv/{PROJECT}", f"{PROJECT}-by-hand")
    group = Group(f"Rebuild of {TARGET}", "s", values, reference=f"{_THEIRS}, one package more")
    group.checks = [
        Check("one package more: robenv / hand-written", group.ratio(f"{_OURS}, one package more") or 0, 0.2)
    ]
    return group


def _ours(project: Path, mark: str, more: list[str], *options: str) -> None:
    (project / "robenv.yaml").write_text(
        f"name: {PROJECT}\nextends: {TARGET}\nimage: {{args: {{MARK: {mark}}}}}\n"
        f"apt: {{packages: [{', '.join(more)}]}}\n"
    )
    run([ROBENV, "build", "--quiet", *options], cwd=project)


def _target(project: Path) -> tuple[str, list[str]]:
    """The base's reference and the packages of the target, as robenv resolves them."""
    from robenv.project.planned import plan_project, resolve

    stage = plan_project(resolve(project, None, {}), _platform()).build.stages[-1]
    return stage.base.reference, [package for group in stage.groups for package in group.packages]


def _platform() -> str:
    from robenv.engine import docker_engine

    engine = docker_engine.connect(os.environ)
    try:
        return engine.info().platform
    finally:
        engine.close()


def _theirs(base: str, packages: list[str], mark: str) -> None:
    from robenv.engine import docker_engine
    from robenv.engine.protocol import BuildRequest

    dockerfile = (
        f"FROM {base}\nARG MARK={mark}\n"
        "RUN --mount=type=cache,id=by-hand-archives,target=/var/cache/apt,sharing=locked"
        " --mount=type=cache,id=by-hand-lists,target=/var/lib/apt,sharing=locked"
        " apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends"
        f" {' '.join(packages)}\n"
    ).encode()
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w", format=tarfile.GNU_FORMAT) as tar:
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(dockerfile)
        tar.addfile(member, io.BytesIO(dockerfile))
    engine = docker_engine.connect(os.environ)
    try:
        request = BuildRequest(f"{PROJECT}-by-hand", engine.info().platform, {})
        for _ in engine.build(request, [body.getvalue()]):
            pass
    finally:
        engine.close()
