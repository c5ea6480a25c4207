"""The stand-in robots do what robots do: reach each other, have slow links, lose power and boot."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import docker
import pytest

from robenv.deploy.robot_info import disk_free, uses_containerd
from robenv.remote.connection import connect
from tests.support.robots.robots import Robot

pytestmark = pytest.mark.engine

_LISTEN = (
    "use IO::Socket::INET; $s = IO::Socket::INET->new(LocalPort => 7411, Listen => 1, ReuseAddr => 1) or die; "
    'while ($c = $s->accept) { print $c "hello\\n"; close $c }'
)


def _run(api: Any, image: str, command: list[str], policy: str = "no") -> str:
    """Starts a container in the host's network; its ID."""
    settings = api.create_host_config(network_mode="host", restart_policy={"Name": policy})
    container: str = api.create_container(image, command, host_config=settings)["Id"]
    api.start(container)
    return container


def test_containers_of_two_robots_meet_and_survive_a_power_cut(
    new_robot: Callable[..., Robot], docker_api: Any, base_image: str
) -> None:
    one, two = new_robot(), new_robot()
    for robot in (one, two):
        robot.engine.copy_image(docker_api, base_image)
    served = _run(one.engine.api(), base_image, ["perl", "-e", _LISTEN], "always")
    forgotten = _run(one.engine.api(), base_image, ["sleep", "infinity"])

    ask = ["bash", "-c", f"until cat </dev/tcp/{one.address}/7411; do sleep 0.1; done 2>/dev/null"]
    assert _heard(two, base_image, ask) == b"hello\n"

    one.cut_power()
    with pytest.raises(docker.errors.DockerException):
        docker.APIClient(base_url=one.engine.url, version="auto", timeout=2)
    one.boot()
    api = one.engine.api()
    deadline = time.monotonic() + 20
    while api.inspect_container(served)["State"]["Status"] != "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not api.inspect_container(forgotten)["State"]["Running"]
    assert _heard(two, base_image, ask) == b"hello\n"
    with connect(one.known) as connection:
        assert connection.engine.info().version


def _heard(robot: Robot, image: str, command: list[str]) -> bytes:
    api = robot.engine.api()
    container = _run(api, image, command)
    assert api.wait(container, timeout=60)["StatusCode"] == 0
    output: bytes = api.logs(container)
    return output


def test_a_slow_link(new_robot: Callable[..., Robot]) -> None:
    robot = new_robot(rate="8mbit")
    data = b"\0" * 2_000_000
    with connect(robot.known) as connection:
        began = time.monotonic()
        assert connection.run("wc", "-c", stdin=data).output.strip() == b"2000000"
        assert time.monotonic() - began > 1.5
        robot.shape("")
        began = time.monotonic()
        connection.run("wc", "-c", stdin=data)
        assert time.monotonic() - began < 1.5


def test_a_newer_engine_with_either_store(new_robot: Callable[..., Robot]) -> None:
    for engine, store in (("newer", False), ("newer-containerd", True)):
        robot = new_robot(engine=engine)
        with connect(robot.known) as connection:
            info = connection.engine.info()
            assert int(info.version.partition(".")[0]) >= 28
            assert uses_containerd(info) is store
            assert disk_free(connection, info)


def test_the_robots_keep_apart_from_this_machine(robot: Robot) -> None:
    with connect(robot.known) as connection:
        assert connection.run("sh", "-c", "echo there > /tmp/robenvtest-mark").code == 0
        assert "/run/docker.sock" in connection.host.glob("/run/*")
        assert connection.host.kind("/run/containerd") == ""
    assert (robot.folder / "tmp" / "robenvtest-mark").read_text() == "there\n"
    (robot.folder / "tmp" / "robenvtest-mark").unlink()
