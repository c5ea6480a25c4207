"""Realtime for real: a SCHED_FIFO call inside with ``realtime`` and without, and what an engine without it answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.machine import gpu_standins
from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

Make = Callable[..., Project]
BUDGET = 200_000
CAP_IPC_LOCK, CAP_SYS_NICE = 14, 23
FIFO = "chrt -f 50 true"
"""Of util-linux: sched_setscheduler(2) with SCHED_FIFO."""
GROUPS = Path("/sys/fs/cgroup/cpu/cpu.rt_runtime_us")
"""There where realtime processes need a budget of their cgroup's own."""


def may_raise_limits() -> bool:
    """Whether this machine's root, and so an engine that it starts, has CAP_SYS_RESOURCE."""
    status = Path("/proc/self/status").read_text()
    powers = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(powers.split()[1], 16) & 1 << 24)


@pytest.fixture
def with_budget(second_engine: Callable[..., Any], base_image: str) -> Callable[..., Any]:
    def make(*options: str) -> Any:
        budget = (f"--cpu-rt-runtime={BUDGET}",) if GROUPS.exists() else ()
        return second_engine(options=(*budget, *options), image=base_image)

    return make


def test_root_gets_it_from_an_engine_with_a_budget(project: Make, with_budget: Callable[..., Any]) -> None:
    other = with_budget()
    mine = project("realtime: true\nrun: {network_mode: none}\n")
    mine.environ["DOCKER_HOST"] = other.url
    mine.run("up", "--", "sh", "-c", FIFO)
    mine.run("exec", "--", "sh", "-c", FIFO)
    powers = int(mine.run("exec", "--", "grep", "CapEff", "/proc/self/status").stdout.split()[1], 16)
    assert powers & 1 << CAP_SYS_NICE
    assert powers & 1 << CAP_IPC_LOCK
    if GROUPS.exists():
        given = mine.run("exec", "--", "cat", str(GROUPS)).stdout
        assert 0 < int(given) <= BUDGET // 2
        mine.run("run", "--", "sh", "-c", FIFO)
    mine.write("run: {network_mode: none}\n")
    refused = mine.run("up", "--", "sh", "-c", FIFO, check=1)
    assert "Operation not permitted" in refused.stderr + refused.stdout


def test_an_unprivileged_user_gets_it_by_limits(project: Make, with_budget: Callable[..., Any], tmp_path: Path) -> None:
    recorder = gpu_standins.runtime(tmp_path / "runtime")
    other = with_budget(f"--add-runtime=recorder={recorder.program}")
    mine = project("realtime: true\nuser: {uid: 1000, gid: 1000}\nrun: {network_mode: none, runtime: recorder}\n")
    mine.environ["DOCKER_HOST"] = other.url
    if may_raise_limits():
        mine.run("up", "--", "sh", "-c", FIFO)
        assert mine.run("exec", "--", "sh", "-c", "ulimit -r; ulimit -l").stdout.split() == ["99", "unlimited"]
    else:
        refused = mine.run("up", "--", "sh", "-c", FIFO, check=6)
        assert "may not raise limits" in refused.stderr
        assert not other.api().containers(all=True)
    limits = {one["type"]: (one["soft"], one["hard"]) for one in recorder.spec["process"]["rlimits"]}
    assert limits == {"RLIMIT_RTPRIO": (99, 99), "RLIMIT_MEMLOCK": (2**64 - 1, 2**64 - 1)}
    assert set(recorder.spec["process"]["capabilities"]["bounding"]) == {"CAP_SYS_NICE", "CAP_IPC_LOCK"}


def test_without_it_an_unprivileged_user_has_none(project: Make, with_budget: Callable[..., Any]) -> None:
    other = with_budget()
    mine = project("user: {uid: 1000, gid: 1000}\nrun: {network_mode: none}\n")
    mine.environ["DOCKER_HOST"] = other.url
    refused = mine.run("up", "--", "sh", "-c", FIFO, check=1)
    assert "Operation not permitted" in refused.stderr + refused.stdout


def test_more_than_the_engine_has(project: Make, with_budget: Callable[..., Any]) -> None:
    other = with_budget()
    mine = project(f"realtime: true\nrun: {{network_mode: none, cpu_rt_runtime: {BUDGET * 2}}}\n")
    mine.environ["DOCKER_HOST"] = other.url
    said = mine.run("up", check=6).stderr
    assert f"{BUDGET * 2} µs of realtime" in said if GROUPS.exists() else "CONFIG_RT_GROUP_SCHED" in said


def test_an_engine_without_a_budget_is_told_of_before_the_build(project: Make, docker_api: Any) -> None:
    mine = project("realtime: true\nuser: {uid: 1000, gid: 1000}\n")
    if not GROUPS.exists() and may_raise_limits():
        mine.run("up", "--", "sh", "-c", FIFO)
        return
    refused = mine.run("up", check=6)
    assert "robenv.yaml:3:11" in refused.stderr
    assert ("cpu-rt-runtime" in refused.stderr) is GROUPS.exists()
    assert ("CAP_SYS_RESOURCE" in refused.stderr) is not may_raise_limits()
    assert not docker_api.images(filters={"label": f"robenv.project={mine.name}"})
