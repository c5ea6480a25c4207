"""What the engine says of itself, and what it makes of this machine's user."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from robenv.engine.protocol import PODMAN_HOST, EngineInfo
from robenv.host.facts import EngineFacts
from robenv.host.recorded import RecordedHost
from robenv.profile.schema.profile import Profile
from robenv.project.facts import engine_facts, facts_for

RUNTIMES = {"runc": {"path": "runc"}, "nvidia": {"path": "nvidia-container-runtime"}}


def info(raw: dict[str, Any], endpoint: str = "unix:///var/run/docker.sock") -> EngineInfo:
    return EngineInfo(endpoint, "Docker Engine", "28.3.3", "1.51", "linux/amd64", "overlay2", "/", True, raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, {"api_version": "1.51", "runtimes": (), "cgroup_version": 0, "rootless": False, "local": True}),
        (
            # 20.10 says nothing of CDI.
            {
                "Runtimes": RUNTIMES,
                "DefaultRuntime": "runc",
                "SecurityOptions": ["name=seccomp,profile=default"],
                "CgroupVersion": "1",
            },
            {
                "runtimes": ("nvidia", "runc"),
                "default_runtime": "runc",
                "security_options": ("name=seccomp,profile=default",),
                "cgroup_version": 1,
                "rootless": False,
                "cdi_spec_dirs": (),
                "cdi_devices": (),
            },
        ),
        (
            {
                "CDISpecDirs": ["/etc/cdi", "/var/run/cdi"],
                "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=all"}, {"Source": "other", "ID": "x"}],
                "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless", "name=cgroupns"],
                "CgroupVersion": "2",
            },
            {
                "cdi_spec_dirs": ("/etc/cdi", "/var/run/cdi"),
                "cdi_devices": ("nvidia.com/gpu=all",),
                "cgroup_version": 2,
                "rootless": True,
            },
        ),
        (
            {"Runtimes": None, "SecurityOptions": None, "DiscoveredDevices": None, "CgroupVersion": ""},
            {"runtimes": (), "security_options": (), "cdi_devices": (), "cgroup_version": 0},
        ),
    ],
)
def test_what_an_engine_says(raw: dict[str, Any], expected: dict[str, Any]) -> None:
    facts = engine_facts(info(raw))
    assert {name: getattr(facts, name) for name in expected} == expected


@pytest.mark.parametrize("endpoint", ["ssh://robot", "tcp://robot:2376", "npipe:////./pipe/docker_engine"])
def test_an_engine_elsewhere_is_not_local(endpoint: str) -> None:
    assert not engine_facts(info({}, endpoint)).local


def _facts(raw: dict[str, Any] | None, host: RecordedHost | None = None, **profile: Any) -> Any:
    engine: Any = None if raw is None else SimpleNamespace(info=lambda: info(raw))
    planned: Any = SimpleNamespace(
        resolved=SimpleNamespace(profile=Profile.model_validate(profile), files=None),
        build=SimpleNamespace(platform="linux/arm64"),
    )
    return facts_for(engine, planned, host)


def test_on_a_rootless_engine_the_user_is_root_inside_whatever_the_profile_wants() -> None:
    host = RecordedHost({"user": [1000, 1000, "dev"]})
    rootless = _facts({"SecurityOptions": ["name=rootless"]}, host)
    usual = _facts({"SecurityOptions": ["name=seccomp,profile=default"]}, host)
    assert (rootless.uid, rootless.gid, rootless.user_name, rootless.read) == (0, 0, "dev", frozenset({"engine"}))
    assert (usual.uid, usual.gid) == (1000, 1000)


def test_without_an_engine_this_machine_is_read() -> None:
    facts = _facts(None)
    assert (facts.uid, facts.platform, facts.engine) == (os.geteuid(), "linux/arm64", EngineFacts())


def test_the_sections_that_the_profile_wants_are_read() -> None:
    facts = _facts({"Runtimes": RUNTIMES}, RecordedHost({}), gpu="auto")
    assert {"gpu", "engine"} <= facts.read
    assert facts.engine.runtimes == ("nvidia", "runc")
    assert "session" not in facts.read


def podman(raw: dict[str, Any], host: dict[str, Any], version: str = "4.3.1") -> EngineInfo:
    raw = {**raw, PODMAN_HOST: host}
    return EngineInfo("unix:///x", "Podman Engine", version, "1.41", "linux/amd64", "overlay", "/", False, raw)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (podman({"Rootless": False}, {}), {"podman": True, "rootless": False, "podman_lacks": ()}),
        (
            podman(
                {"Rootless": True, "MemoryLimit": True}, {"cgroupControllers": [], "slirp4netns": {"executable": ""}}
            ),
            {
                "rootless": True,
                "podman_lacks": ("slirp4netns", "ulimits"),
                "missing_limits": ("MemoryLimit", "SwapLimit", "CpuCfsQuota", "CPUShares", "CPUSet", "PidsLimit"),
            },
        ),
        (
            podman(
                {"Rootless": True, "CPUSet": True},
                {
                    "cgroupControllers": ["memory", "pids"],
                    "rootlessNetworkCmd": "pasta",
                    "slirp4netns": {"executable": ""},
                    "pasta": {"executable": "/usr/bin/pasta"},
                },
                "5.4.2",
            ),
            {"rootless": True, "podman_lacks": (), "missing_limits": ("CpuCfsQuota", "CPUShares", "CPUSet")},
        ),
        (info({"Rootless": True}), {"podman": False, "podman_lacks": ()}),
    ],
)
def test_podman_is_taken_at_its_own_apis_word(told: EngineInfo, expected: dict[str, Any]) -> None:
    facts = engine_facts(told)
    assert {name: getattr(facts, name) for name in expected} == expected
