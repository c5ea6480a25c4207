"""Robots by the command line: which there are, what they are, and into what runs there."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.deploy.assessment import assess
from robenv.deploy.handover import ReleaseFailed
from robenv.deploy.robot_info import read_robot
from robenv.deploy.rollout import put_release
from robenv.engine.docker_engine import connect as connect_engine
from robenv.engine.protocol import Engine
from robenv.project.planned import plan_project, resolve
from robenv.remote.connection import connect
from robenv.remote.image_probe import find_programs, needed
from robenv.transfer.disk_space import DiskNeeds
from tests.support.projects.project import ROBENV, Project
from tests.support.robots.releases import Maker, commands, eventually
from tests.support.robots.robots import UID, Robot, Yard

pytestmark = pytest.mark.engine

_PROFILE = """\
user: {uid: 1000, gid: 1000}
deploy:
  command: [sh, -c, 'echo out; echo err >&2; while :; do sleep 1; done']
"""
_LISTEN = (
    "use IO::Socket::INET; $$s = IO::Socket::INET->new(LocalPort => 7412, Listen => 1, ReuseAddr => 1) or die; "
    "while ($$c = $$s->accept) { close $$c }"
)
_L4T = "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed Jan  8 2025\n"


@pytest.fixture(scope="module")
def rover(yard: Yard, docker_api: Any, base_image: str) -> Iterator[Robot]:
    """A robot that says of itself that it is a Jetson, with the base image."""
    made = yard.robot(name="robenvtest-rover", files={"/etc/nv_tegra_release": _L4T})
    try:
        made.engine.copy_image(docker_api, base_image)
        yield made
    finally:
        yard.remove(made)


@pytest.fixture
def fleet(project: Callable[..., Project], yard: Yard, rover: Robot) -> Project:
    """A project whose one robot is the rover."""
    made = project(_PROFILE)
    yard.inventory(made.folder / "robots.yaml", rover)
    return made


@pytest.fixture(scope="module")
def deployed(yard: Yard, rover: Robot, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose release runs on the rover, as far as its own image: the base stands in for it."""
    made = Project(tmp_path_factory.mktemp("deployed") / "project", base_image, _PROFILE)
    yard.inventory(made.folder / "robots.yaml", rover)
    planned = plan_project(resolve(made.folder, None, {}), "linux/amd64")
    with connect(rover.known) as connection:
        connection.engine.tag(base_image, planned.image)
        image = connection.engine.find_image(planned.image)
        release, grant, _ = assess(planned, read_robot(connection, planned), image, DiskNeeds(), None)
        assert grant.unmet == ()
        put_release(connection.engine, release, lambda: None, 2, lambda text: None)
    yield made
    made.close(rover.engine.api())


def test_a_survey(rover: Robot, fleet: Project) -> None:
    planned = plan_project(resolve(fleet.folder, None, {}), "linux/amd64")
    with connect(rover.known) as connection:
        found = read_robot(connection, planned)
    assert found.facts.uid == UID
    assert found.facts.user_name == "robot"
    assert found.facts.platform == found.engine.platform
    status = os.statvfs(rover.folder / "data")
    assert found.disk_free == pytest.approx(status.f_bavail * status.f_frsize, rel=0.2)
    assert found.l4t == "36.4.3"
    assert found.releases == ()
    assert found.running is None


def test_the_facts_are_the_robots(rover: Robot, project: Callable[..., Project]) -> None:
    """Devices, GPU and realtime are read over there, by its own engine's word."""
    made = project("gpu: auto\nrealtime: true\ndevices: [{class: serial, optional: true}]\n")
    planned = plan_project(resolve(made.folder, None, {}), "linux/amd64")
    with connect(rover.known) as connection:
        facts = read_robot(connection, planned).facts
    assert facts.engine.local
    assert facts.engine.endpoint == "unix:///var/run/docker.sock"
    assert facts.gpu.tegra is not None
    assert facts.gpu.tegra.l4t == "36.4.3"
    assert ("robenvtest-docker", 4243) in facts.groups
    assert any(node.path == "/dev/null" for node in facts.devices)
    assert facts.kernel.machine == os.uname().machine


def test_the_table(fleet: Project, yard: Yard, rover: Robot) -> None:
    off = {"ansible_host": yard.nobody, "ansible_ssh_common_args": f"-F {yard.ssh_config}"}
    stranger = {**rover.variables, "ansible_user": "nobody-here"}
    yard.inventory(fleet.folder / "robots.yaml", rover, off=off, stranger=stranger)
    done = fleet.run("robots", check=7)
    header, first, second, third = done.stdout.splitlines()
    assert header.split()[:3] == ["ROBOT", "STATE", "PLATFORM"]
    assert re.match(r"robenvtest-rover +reachable +linux/amd64 .*\bL4T 36\.4\.3\)? +20\.10\.\S+ +\S+B$", first)
    assert second.split() == ["off", "unreachable"]
    assert third.split() == ["stranger", "refused"]
    assert "error: off: it does not answer" in done.stderr
    assert "error: stranger: it refuses the login" in done.stderr
    assert done.stderr.count("hint: ") == 2


def test_json_and_names(fleet: Project, yard: Yard, rover: Robot) -> None:
    (found,) = json.loads(fleet.run("robots", "--json").stdout)
    assert (found["name"], found["state"], found["l4t"], found["release"]) == (rover.name, "reachable", "36.4.3", None)
    assert found["engine"]["api"] == "1.41"
    yard.inventory(fleet.folder / "other.yaml", rover, off={"ansible_host": yard.nobody})
    named = json.loads(fleet.run("robots", "--json", "--inventory", "other.yaml", rover.name).stdout)
    assert [one["name"] for one in named] == [rover.name]
    done = fleet.run("robots", "--json", "-i", "other.yaml", "off", check=7)
    (off,) = json.loads(done.stdout)
    assert off["state"] == "unreachable"
    assert off["error"]["hint"]
    assert "there is no inventory gone.yaml" in fleet.run("robots", "-i", "gone.yaml", check=2).stderr


def test_without_a_project_and_without_robots(fleet: Project, yard: Yard, rover: Robot, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "there are no robots" in fleet.run("-C", str(empty), "robots", check=2).stderr
    yard.inventory(empty / "robots.yaml", rover)
    assert "reachable" in fleet.run("-C", str(empty), "robots").stdout


def test_many_are_asked_side_by_side(fleet: Project, yard: Yard, rover: Robot) -> None:
    off = {"ansible_host": yard.nobody, "ansible_ssh_common_args": f"-F {yard.ssh_config}"}
    yard.inventory(fleet.folder / "robots.yaml", rover, **{f"off{number}": off for number in range(12)})
    began = time.monotonic()
    found = json.loads(fleet.run("robots", "--json", check=7).stdout)
    assert [one["state"] for one in found] == ["reachable"] + ["unreachable"] * 12
    assert time.monotonic() - began < 30


def test_an_interruption_waits_for_nobody(fleet: Project, yard: Yard, rover: Robot, shallow: Path) -> None:
    """Robots that swallow every word keep nobody from leaving, and nothing is left of the connections to them."""
    hanging = {"ansible_host": "127.0.0.1", "ansible_ssh_common_args": "-o ProxyCommand='sleep 300'"}
    yard.inventory(fleet.folder / "robots.yaml", rover, **{f"mute{number}": hanging for number in range(4)})
    with fleet.start("robots", env={**fleet.environ, "TMPDIR": str(shallow)}, stderr=subprocess.PIPE) as client:
        eventually(lambda: len(list(shallow.glob("robenv-r-*"))) >= 4)
        began = time.monotonic()
        client.send_signal(signal.SIGINT)
        _, errors = client.communicate(timeout=30)
    assert time.monotonic() - began < 12, "as long as ssh takes to give up"
    assert client.returncode == 130, errors
    assert list(shallow.iterdir()) == []


def test_what_runs_there(deployed: Project, rover: Robot) -> None:
    (found,) = json.loads(deployed.run("robots", "--json").stdout)
    release = found["release"]
    assert release["hash"] == deployed.plan()["content_hash"]
    assert release["status"] == "running"
    assert [one["id"] for one in found["releases"]] == [release["id"]]
    shown = f"  {release['id'][:8]}  -         {release['hash'][:12]}  20"
    assert shown in deployed.run("robots").stdout

    logs = deployed.run("logs", "-r", rover.name)
    assert (logs.stdout, logs.stderr) == ("out\n", "err\n")

    done = deployed.run(
        "exec", "-r", rover.name, "--", "sh", "-c", "id -un; cat; echo bad >&2; exit 5", check=5, input="x"
    )
    assert (done.stdout, done.stderr) == ("dev\nx", "bad\n")
    assert deployed.run("shell", "--robot", rover.name, input="echo $((6*7))\nexit 3\n", check=3).stdout == "42\n"

    plan = json.loads(deployed.run("plan", "--json", "-r", rover.name).stdout)
    assert plan["running"] == release["id"] == plan["release"]
    assert plan["changes"] == []
    assert plan["action"].startswith("nothing")
    deployed.write(_PROFILE + "run: {environment: {MODE: fast}}\n")
    text = deployed.run("plan", "-r", rover.name).stdout
    deployed.write(_PROFILE)
    assert "environment MODE: added" in text
    assert "switch to the new release" in text


def test_health_by_port(rover: Robot, base_image: str, tmp_path: Path) -> None:
    """Something has to accept a connection there: on another port than it listens on, a release is not healthy."""
    project = Project(tmp_path / "project", base_image)
    maker = Maker(project.folder, project.name, base_image)
    check = "healthcheck: {port: %d, interval: 0.5s, timeout: 2s, retries: 4}"
    engine = connect_engine(rover.engine.environment)
    try:
        good = maker.release(f"exec perl -e '{_LISTEN}'", check % 7412)
        put_release(engine, good, lambda: None, 2, lambda text: None)
        with pytest.raises(ReleaseFailed, match="its health check failed with exit code 1") as caught:
            put_release(engine, maker.release("sleep 60", check % 7413), lambda: None, 2, lambda text: None)
        assert f"{good.name} runs again" in caught.value.details
        eventually(lambda: commands(engine, maker.name) == [good.id])
    finally:
        engine.close()
        project.close(rover.engine.api())


def test_a_terminal_there(deployed: Project, rover: Robot) -> None:
    command = [*ROBENV, "exec", "-r", rover.name, "--", "sh", "-c", "tty; stty size; exit 4"]
    main, terminal = pty.openpty()
    with subprocess.Popen(
        command, cwd=deployed.folder, env=deployed.environ, stdin=terminal, stdout=terminal, stderr=terminal
    ) as client:
        os.close(terminal)
        output = b""
        while True:
            try:
                data = os.read(main, 4096)
            except OSError:
                break
            if not data:
                break
            output += data
    os.close(main)
    assert client.returncode == 4
    assert b"/dev/pts/" in output


def test_a_command_whose_client_was_killed_is_told(deployed: Project, rover: Robot) -> None:
    """It runs on there; the next command says so, until it has ended."""
    client = deployed.start("exec", "-r", rover.name, "--", "sh", "-c", "echo there; sleep 321", stdout=subprocess.PIPE)
    try:
        assert client.stdout is not None
        assert client.stdout.readline() == "there\n"
    finally:
        client.kill()
        client.communicate()
    told = deployed.run("exec", "-r", rover.name, "--", "true").stderr
    assert "a command whose robenv was killed still runs, since " in told
    assert told.rstrip().endswith(f"sleep 321'; `robenv restart -r {rover.name}` ends it")
    deployed.run("restart", "-r", rover.name)
    assert deployed.run("exec", "-r", rover.name, "--", "true").stderr == ""


def test_nothing_runs_there(fleet: Project, rover: Robot) -> None:
    for command in (["logs"], ["shell"], ["exec", "--", "true"]):
        done = fleet.run(command[0], "-r", rover.name, *command[1:], check=1)
        assert f"nothing of {fleet.name} runs: {fleet.name} is not there" in done.stderr
        assert f"robenv deploy {rover.name}" in done.stderr


def test_the_plan_for_a_robot_that_lacks_things(fleet: Project, rover: Robot) -> None:
    fleet.write(_PROFILE + "devices: [/dev/robenvtest-lidar]\nrun: {volumes: [./data:/data]}\n")
    done = fleet.run("plan", "-r", rover.name)
    assert "problem    robenv.yaml:6" in done.stdout
    assert "robenvtest-lidar" in done.stdout
    assert "is on this machine alone" in done.stdout
    assert "build the image, send what the robot lacks of it, start the release" in done.stdout


def test_a_robot_that_is_nobody(fleet: Project, yard: Yard) -> None:
    off = {"ansible_host": yard.nobody, "ansible_ssh_common_args": f"-F {yard.ssh_config}"}
    yard.inventory(fleet.folder / "robots.yaml", off=off)
    for command in (["exec", "--", "true"], ["plan"]):
        assert "off: it does not answer" in fleet.run(command[0], "-r", "off", *command[1:], check=7).stderr


def test_programs_are_looked_for_in_the_image(engine: Engine, base_image: str, fleet: Project) -> None:
    image = engine.find_image(base_image)
    assert image is not None
    found = find_programs(engine, image)
    assert found is not None
    profile = resolve(fleet.folder, None, {}).profile
    assert needed(profile.deploy) <= found
    assert "bash" in found
    assert "ros2 or rosnode" not in found
    left = engine.containers({"robenv.role": "throwaway"})
    assert not [one.name for one in left if one.name.startswith("robenv-look-") and one.image_id == image.id]
