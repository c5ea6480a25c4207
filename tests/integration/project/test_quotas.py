"""Quotas, read from inside in the cgroup (v1 or v2), and what happens to who asks for more."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

Make = Callable[..., Project]
ROOT = "/sys/fs/cgroup"
V2 = Path(ROOT, "cgroup.controllers").exists()
LAST = max(os.sched_getaffinity(0))


def inside(mine: Project, v1: str, v2: str) -> str:
    """What a file of the container's own cgroup says."""
    return mine.run("exec", "--", "cat", f"{ROOT}/{v2 if V2 else v1}").stdout.strip()


def disk() -> str:
    """A disk of this machine's, as the kernel limits them: no partition, nothing in memory."""
    names = [path.name for path in Path("/sys/block").iterdir() if (path / "device").exists()]
    return f"/dev/{sorted(names)[0]}"


def number(node: str) -> str:
    device = Path(node).stat().st_rdev
    return f"{os.major(device)}:{os.minor(device)}"


def test_limits_stand_in_the_containers_cgroup(project: Make) -> None:
    mine = project(
        "run:\n"
        "  cpus: 0.5\n"
        f"  cpuset: '{LAST}'\n"
        "  cpu_shares: 512\n"
        "  mem_limit: 64mb\n"
        "  pids_limit: 50\n"
        "  blkio_config:\n"
        f"    device_read_bps: [{{path: {disk()}, rate: 12mb}}]\n"
        f"    device_write_iops: [{{path: {disk()}, rate: 120}}]\n"
    )
    mine.run("up", "-d")
    if V2:
        assert inside(mine, "", "cpu.max") == "50000 100000"
        limits = inside(mine, "", "io.max").split()
        assert limits[0] == number(disk())
        assert {f"rbps={12 << 20}", "wiops=120"} <= set(limits)
    else:
        assert inside(mine, "cpu/cpu.cfs_quota_us", "") == "50000"
        assert inside(mine, "cpu/cpu.shares", "") == "512"
        throttle = "blkio/blkio.throttle"
        assert inside(mine, f"{throttle}.read_bps_device", "") == f"{number(disk())} {12 << 20}"
        assert inside(mine, f"{throttle}.write_iops_device", "") == f"{number(disk())} 120"
    assert inside(mine, "cpuset/cpuset.cpus", "cpuset.cpus") == str(LAST)
    assert inside(mine, "memory/memory.limit_in_bytes", "memory.max") == str(64 << 20)
    assert inside(mine, "pids/pids.max", "pids.max") == "50"
    assert mine.run("exec", "--", "nproc").stdout.strip() == "1"


def test_a_fork_bomb_stops_at_the_limit(project: Make) -> None:
    mine = project("run: {pids_limit: 40}")
    mine.run("up", "-d")
    bomb = "for i in $(seq 200); do sleep 600 & done; jobs -p | wc -l"
    exploding = mine.run("exec", "--", "bash", "-c", bomb, check=None)
    assert "Resource temporarily unavailable" in exploding.stderr
    assert 0 < list(_command_lines()).count([b"sleep", b"600"]) < 40


def _command_lines() -> Iterator[list[bytes]]:
    """Of all that runs on this machine."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            yield path.read_bytes().split(b"\0")[:2]


def test_a_memory_hog_is_killed_inside_alone(project: Make, docker_api: Any) -> None:
    mine = project("run: {mem_limit: 64mb, memswap_limit: 64mb}")
    mine.run("up", "-d")
    before = docker_api.inspect_container(mine.plan()["container"])["State"]["Pid"]
    mine.run("exec", "--", "sh", "-c", "x=a; while :; do x=$x$x; done", check=137)
    state = docker_api.inspect_container(mine.plan()["container"])["State"]
    assert (state["Running"], state["Pid"]) == (True, before)
    mine.run("exec", "--", "true")


@pytest.mark.parametrize(
    ("run", "at", "said"),
    [
        ("cpus: 4096", "4096", "4096 processors are more than this machine has"),
        ("cpuset: 0-4095", "0-", "there is no processor"),
        ("mem_limit: 900000gb", "900000gb", "more memory than this machine has"),
        ("blkio_config: {device_read_bps: [{path: /dev/none, rate: 1mb}]}", "/dev/none", "no disk /dev/none"),
        ("blkio_config: {device_read_bps: [{path: /dev/null, rate: 1mb}]}", "/dev/null", "no disk /dev/null"),
    ],
)
def test_more_than_the_machine_has_is_one_problem_before_the_build(
    project: Make, docker_api: Any, run: str, at: str, said: str
) -> None:
    line = f"run: {{{run}}}\n"
    mine = project(line)
    done = mine.run("up", check=6)
    assert done.stderr.count("robenv.yaml:") == 1
    assert f"robenv.yaml:3:{line.index(at) + 1}: " in done.stderr
    assert said in done.stderr
    assert not docker_api.images(filters={"label": f"robenv.project={mine.name}"})
