"""The real engine takes every field that a plan can have, and means by it what the plan means."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from robenv.plan.container.create_request import create_request
from robenv.plan.models import Device, Healthcheck, Mount, Port, RunPlan, Ulimit, User

pytestmark = pytest.mark.engine

VOLUME, HOME = "robenvtest-request_cache", "robenvtest-request-home-1000"


@pytest.fixture
def plan(base_image: str, tmp_path: Path) -> RunPlan:
    return RunPlan(
        project="robenvtest-request",
        directory=str(tmp_path),
        name="robenvtest-request",
        image=base_image,
        platform="linux/amd64",
        user=User("root", 0, 0, "/root", "/bin/bash", sudo=False),
        working_dir="/workspace",
        entrypoint=(),
        command=("sleep", "infinity"),
        environment=(("A", "1=2"), ("EMPTY", "")),
        mounts=(
            Mount("bind", str(tmp_path), "/workspace", False, (("propagation", "rprivate"),)),
            Mount("bind", "/etc/hostname", "/data/host name", True),
            Mount("volume", VOLUME, "/cache", False, (("nocopy", True),)),
            Mount("volume", HOME, "/root"),
            Mount("volume", "", "/anonymous"),
            Mount("tmpfs", "", "/scratch", False, (("size", 1 << 20), ("mode", 0o1777))),
            Mount("tmpfs", "", "/run/thing", False, (("options", "size=64k,uid=7"),)),
        ),
        home_volume=HOME,
        labels=(("team", "arm"), ("empty", "")),
    )


@pytest.fixture
def create(docker_api: Any) -> Iterator[Callable[[RunPlan], str]]:
    """Creates the container of a plan; removes it, and the volumes, in the end."""
    made: list[str] = []

    def make(plan: RunPlan) -> str:
        answer = docker_api.create_container_from_config(create_request(plan), plan.name)
        made.append(answer["Id"])
        return made[-1]

    yield make
    for container in made:
        docker_api.remove_container(container, force=True, v=True)
    for volume in (VOLUME, HOME):
        with suppress(docker.errors.NotFound):
            docker_api.remove_volume(volume)


def _run(api: Any, container: str, script: str) -> str:
    execution = api.exec_create(container, ["sh", "-c", script])
    output: bytes = api.exec_start(execution)
    return output.decode()


FULL: dict[str, Any] = {
    "hostname": "arm",
    "domainname": "lab.example",
    "network_mode": "bridge",
    "ipc": "shareable",
    "pid": "host",
    "uts": "",
    "userns_mode": "host",
    "cgroup": "private",
    "cgroup_parent": "/robenvtest",
    "runtime": "runc",
    "restart": "on-failure:3",
    "stop_signal": "SIGINT",
    "stop_grace_period": 1.5,
    "shm_size": 128 << 20,
    "mem_limit": 256 << 20,
    "mem_reservation": 128 << 20,
    "memswap_limit": 512 << 20,
    "mem_swappiness": 10,
    "oom_kill_disable": False,
    "oom_score_adj": 500,
    "cpus": 0.5,
    "cpu_shares": 512,
    "cpuset": "0",
    "pids_limit": 100,
    "cap_add": ("NET_ADMIN",),
    "cap_drop": ("MKNOD",),
    "security_opt": ("seccomp=unconfined", "label=disable"),
    "group_add": ("dialout", "4242"),
    "devices": (Device("/dev/null", "/dev/nothing", "rw"),),
    "device_cgroup_rules": ("c 188:* rmw",),
    "dns": ("10.11.12.13",),
    "dns_search": ("lab.example",),
    "dns_opt": ("ndots:3",),
    "extra_hosts": ("robot:10.0.0.7",),
    "sysctls": (("net.core.somaxconn", "1024"),),
    "ulimits": (Ulimit("rtprio", 0, 99), Ulimit("nofile", 4096, 8192)),
    "ports": (Port("7000/udp", "127.0.0.1", ""), Port("7001/tcp", "", "47001-47099")),
    "expose": ("9000-9001",),
    "healthcheck": Healthcheck(("CMD", "true"), 2.5, 1.0, 3.0, 5),
    "logging_driver": "json-file",
    "logging_options": (("max-size", "1m"),),
}


def test_what_the_engine_keeps_is_what_the_plan_says(
    plan: RunPlan, create: Callable[[RunPlan], str], docker_api: Any
) -> None:
    full = replace(plan, **FULL)
    request = create_request(full)
    kept = docker_api.inspect_container(create(full))
    assert kept["Name"] == "/robenvtest-request"
    for name, value in request.items():
        if name not in ("HostConfig", "Entrypoint", "Env", "Labels"):
            assert kept["Config"][name] == value, name
    assert [one for one in kept["Config"]["Env"] if not one.startswith("PATH=")] == ["A=1=2", "EMPTY="]
    assert kept["Config"]["Labels"].items() >= {"team": "arm", "empty": ""}.items()
    assert kept["Config"]["Entrypoint"] is None
    assert (kept["Path"], kept["Args"]) == ("sleep", ["infinity"])
    host = dict(request["HostConfig"])
    # The engine fills in what a mapping leaves out.
    host["PortBindings"] = {
        port: [{"HostIp": "", **one} for one in all_] for port, all_ in host["PortBindings"].items()
    }
    for name, value in host.items():
        assert kept["HostConfig"][name] == value, name


def test_the_container_is_as_it_says(
    plan: RunPlan, create: Callable[[RunPlan], str], docker_api: Any, tmp_path: Path
) -> None:
    (tmp_path / "source.cpp").write_text("int main;")
    # Without what needs powers that an engine inside a container lacks.
    full = replace(plan, **{**FULL, "pid": "", "cgroup_parent": "", "ulimits": (Ulimit("nofile", 4096, 8192),)})
    container = create(replace(full, init=False))
    docker_api.start(container)
    script = """
        pwd; ls; hostname; echo "$A$EMPTY"; id -G; ulimit -n; ulimit -H -n
        stat -c '%t %T' /dev/nothing; stat -c %a /scratch; stat -c %u /run/thing
        df -k --output=size /run/thing | tail -1
        grep -c 10.0.0.7 /etc/hosts; grep -o 10.11.12.13 /etc/resolv.conf; cat /proc/sys/net/core/somaxconn
        cat '/data/host name' >/dev/null && echo readable; touch '/data/host name' 2>/dev/null || echo protected
        cat /proc/1/comm; df -k --output=size /dev/shm | tail -1
    """
    lines = [line.strip() for line in _run(docker_api, container, script).splitlines()]
    assert lines == [
        "/workspace", "source.cpp", "arm", "1=2", "0 20 4242", "4096", "8192", "1 3", "1777", "7", "64", "1",
        "10.11.12.13", "1024", "readable", "protected", "sleep", "131072",
    ]  # fmt: skip
    volume = docker_api.inspect_volume(HOME)
    assert volume["Labels"] == {
        "robenv.project": "robenvtest-request", "robenv.directory": str(tmp_path),
        "robenv.role": "home",
    }  # fmt: skip
    published = docker_api.inspect_container(container)["NetworkSettings"]["Ports"]
    assert published["7000/udp"][0]["HostIp"] == "127.0.0.1"
    assert 47001 <= int(published["7001/tcp"][0]["HostPort"]) <= 47099
    assert published["9000/tcp"] is None


def test_the_usual_container_ends_at_once_when_asked(
    plan: RunPlan, create: Callable[[RunPlan], str], docker_api: Any
) -> None:
    container = create(plan)
    docker_api.start(container)
    assert _run(docker_api, container, "cat /proc/1/comm").strip() == "docker-init"
    docker_api.kill(container, "SIGTERM")
    assert docker_api.wait(container, timeout=5)["StatusCode"] == 143


def test_a_missing_folder_of_the_host_is_refused_and_not_made(
    plan: RunPlan, create: Callable[[RunPlan], str], docker_api: Any, tmp_path: Path
) -> None:
    missing = tmp_path / "misspelt"
    with pytest.raises(docker.errors.APIError, match="bind source path does not exist"):
        create(replace(plan, mounts=(Mount("bind", str(missing), "/data"),)))
    assert not missing.exists()
