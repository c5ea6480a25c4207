"""Realtime and quotas on machines of every kind; their facts are made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from robenv.host.facts import DeviceNode, EngineFacts, Facts, KernelFacts
from robenv.plan.host.host import wanted_facts
from robenv.plan.host.realtime import LIMITS, SOME_TIME, plan_realtime
from robenv.plan.host.requirements import Grant
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.profile.schema.profile import Profile

READ = frozenset({"kernel", "engine", "devices"})
LAPTOP = Facts(
    1000, 1000, "jane", "linux/amd64",
    read=READ,
    kernel=KernelFacts(cpus=(0, 1, 2, 3), memory=16 << 30),
    engine=EngineFacts(cgroup_version=2, cpus=4, memory=16 << 30),
    devices=(DeviceNode("/dev/nvme0n1", "block", 259, 0, 6, 0o660), DeviceNode("/dev/null", "char", 1, 3, 0, 0o666)),
)  # fmt: skip
GROUPS = replace(
    LAPTOP,
    kernel=replace(LAPTOP.kernel, rt_group_sched=True),
    engine=replace(LAPTOP.engine, cgroup_version=1, rt_budget=400_000),
)
REALTIME = "realtime: true"


def profile_of(folder: Path, text: str) -> Profile:
    (folder / "robenv.yaml").write_text(f"name: picker\nbase: {{image: debian:bookworm}}\n{text}\n")
    return resolve_project(find_project(folder), {}).profile


def granted(folder: Path, text: str, facts: Facts = LAPTOP) -> Grant:
    return plan_realtime(profile_of(folder, text), facts)


def with_engine(facts: Facts, **changes: object) -> Facts:
    return replace(facts, engine=replace(facts.engine, **changes))  # type: ignore[arg-type]


def test_not_asked_for(tmp_path: Path) -> None:
    assert granted(tmp_path, "") == Grant()
    assert wanted_facts(profile_of(tmp_path, "")) == {"engine"}


def test_an_unprivileged_user_gets_limits(tmp_path: Path) -> None:
    expected = Grant(cap_add=("SYS_NICE", "IPC_LOCK"), ulimits=LIMITS)
    assert granted(tmp_path, REALTIME) == expected
    assert [(limit.name, limit.soft, limit.hard) for limit in LIMITS] == [("rtprio", 99, 99), ("memlock", -1, -1)]


def test_root_has_the_capabilities_themselves(tmp_path: Path) -> None:
    assert granted(tmp_path, REALTIME, replace(LAPTOP, uid=0, gid=0)) == Grant(cap_add=("SYS_NICE", "IPC_LOCK"))


@pytest.mark.parametrize(
    ("facts", "time"),
    [
        (LAPTOP, None),
        (GROUPS, 200_000),
        (with_engine(GROUPS, rt_budget=None), SOME_TIME),
        (with_engine(GROUPS, cgroup_version=2), None),
        (with_engine(GROUPS, local=False), None),
    ],
)
def test_time_where_the_kernel_wants_it_to_be_given(tmp_path: Path, facts: Facts, time: int | None) -> None:
    grant = granted(tmp_path, REALTIME, facts)
    assert (grant.cpu_rt_runtime, grant.unmet) == (time, ())


def test_the_profiles_own_time_stands(tmp_path: Path) -> None:
    grant = granted(tmp_path, f"{REALTIME}\nrun: {{cpu_rt_runtime: 300ms}}", GROUPS)
    assert (grant.cpu_rt_runtime, grant.unmet) == (None, ())


@pytest.mark.parametrize(
    ("text", "facts", "path", "said", "hint"),
    [
        (REALTIME, with_engine(GROUPS, rt_budget=0), "realtime", "started without one", '"cpu-rt-runtime": 950000'),
        (REALTIME, with_engine(LAPTOP, raises_limits=False), "realtime", "CAP_SYS_RESOURCE", "uid: 0"),
        (
            REALTIME,
            replace(with_engine(LAPTOP, rootless=True), kernel=replace(LAPTOP.kernel, rtprio=0)),
            "realtime",
            "rootless engine",
            "/etc/security/limits.d",
        ),
        ("run: {cpu_rt_runtime: 500ms}", GROUPS, "run.cpu_rt_runtime", "500000 µs", "ask for less"),
        (
            "run: {cpu_rt_runtime: 50ms}",
            with_engine(GROUPS, rt_budget=0),
            "run.cpu_rt_runtime",
            "without one",
            "950000",
        ),
        ("run: {cpu_rt_runtime: 50ms}", LAPTOP, "run.cpu_rt_runtime", "no realtime budgets", "take it out"),
        (
            "run: {cpu_rt_runtime: 300ms, cpu_rt_period: 500ms}",
            GROUPS,
            "run.cpu_rt_runtime",
            "to give: 200000 µs",
            "ask for less",
        ),
        ("run: {cpus: 4.5}", LAPTOP, "run.cpus", "4.5 processors", "robenv.local.yaml"),
        ("run: {cpus: 5}", with_engine(LAPTOP, local=False, cpus=2), "run.cpus", "has: 2", "fewer"),
        ("run: {cpuset: '2-5,7'}", LAPTOP, "run.cpuset", "no processor 4, 5, 7 on this machine, only 0-3", ""),
        ("run: {mem_limit: 17gb}", LAPTOP, "run.mem_limit", "17.0 GiB is more", "take it out"),
        (
            "run: {blkio_config: {weight_device: [{path: /dev/sdz, weight: 100}]}}",
            LAPTOP,
            "run.blkio_config.weight_device.0.path",
            "no disk /dev/sdz",
            "disks here: /dev/nvme0n1",
        ),
        (
            "run: {blkio_config: {device_read_iops: [{path: /dev/null, rate: 1}]}}",
            LAPTOP,
            "run.blkio_config.device_read_iops.0.path",
            "no disk /dev/null",
            "/dev/nvme0n1",
        ),
    ],
)
def test_what_is_not_here(tmp_path: Path, text: str, facts: Facts, path: str, said: str, hint: str) -> None:
    (requirement,) = granted(tmp_path, text, facts).unmet
    assert ".".join(str(step) for step in requirement.path) == path
    assert said in requirement.message
    assert hint in requirement.hint


@pytest.mark.parametrize(
    "run",
    [
        "cpus: 4",
        "cpuset: 0-3",
        "mem_limit: 16gb",
        "blkio_config: {device_read_bps: [{path: /dev/nvme0n1, rate: 1mb}]}",
        "cpu_quota: 100ms",
    ],
)
def test_what_is_here(tmp_path: Path, run: str) -> None:
    assert granted(tmp_path, f"run: {{{run}}}") == Grant()
    assert wanted_facts(profile_of(tmp_path, f"run: {{{run}}}")) >= {"engine"}


def test_where_nothing_is_known_nothing_is_said(tmp_path: Path) -> None:
    nothing = Facts(1000, 1000, "jane", "linux/amd64")
    assert granted(tmp_path, "run: {cpus: 64, cpuset: 0-31, mem_limit: 900gb, cpu_rt_runtime: 5ms}", nothing) == Grant()


def test_a_limit_that_the_kernel_has_not_is_told(tmp_path: Path) -> None:
    pi = with_engine(LAPTOP, missing_limits=("MemoryLimit", "SwapLimit", "PidsLimit"))
    (memory, pids) = granted(tmp_path, "run: {mem_limit: 1gb, pids_limit: 100}", pi).notes
    assert memory.startswith("mem_limit: not kept")
    assert "cgroup_enable=memory" in memory
    assert pids.startswith("pids_limit: not kept")


def test_a_rootless_engine_of_one_who_may(tmp_path: Path) -> None:
    may = replace(with_engine(LAPTOP, rootless=True), kernel=replace(LAPTOP.kernel, rtprio=99))
    assert granted(tmp_path, REALTIME, may).unmet == ()
