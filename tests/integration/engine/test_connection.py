"""Connections to robots: real sshd, real engines, and all that can be wrong on the way."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from robenv.errors import RobenvError, RobotRefused, RobotUnreachable
from robenv.remote.connection import connect
from robenv.remote.inventory import Robot as Known
from robenv.remote.inventory import read_inventory
from tests.support.robots.robots import STRANGER, Robot, Yard

pytestmark = pytest.mark.engine


@pytest.fixture(autouse=True)
def _nothing_stays(shallow: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever goes wrong, no folder and no ssh of a connection is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(shallow))
    yield
    deadline = time.monotonic() + 5
    while _clients(shallow) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _clients(shallow)
    assert list(shallow.iterdir()) == []


def _clients(place: Path) -> list[bytes]:
    """The command lines of this machine's processes that name a folder."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            lines.append(path.read_bytes())
    return [line for line in lines if f"{place}/".encode() in line]


def _fails(known: Known, kind: type[RobenvError], message: str, hint: str) -> RobenvError:
    """The engine of that robot cannot be had; one line says why, another what mends it."""
    with pytest.raises(kind) as caught, connect(known) as connection:
        connection.engine.info()
    error = caught.value
    assert error.exit_code == 7
    assert re.search(message, error.message), error.message
    assert "\n" not in error.message
    assert known.name in error.message
    assert re.search(hint, error.hint), error.hint
    return error


def test_one_login_serves_engine_commands_and_probes(robot: Robot) -> None:
    before, alone, began = robot.logins, set(robot.processes()), time.perf_counter()
    with connect(robot.known) as connection:
        took = time.perf_counter() - began
        info = connection.engine.info()
        assert info.raw["Name"]
        assert info.root_dir == str(robot.folder / "data")
        ran = connection.run("sh", "-c", "cat; echo seen >&2; exit 3", stdin=b"a\0b")
        assert (ran.code, ran.output, ran.errors) == (3, b"a\0b", "seen\n")
        assert connection.host.user()[2] == "robot"
        assert connection.host.read("/etc/passwd") == (robot.folder / "etc/passwd").read_text()
        assert connection.run("docker", "version").code == 127, "the robot has no docker CLI"
        assert connection.alive
    assert not connection.alive
    print(f"connected in {took * 1000:.0f} ms")
    assert robot.logins == before + 1
    _back_to(robot, alone)


def _back_to(robot: Robot, alone: set[int]) -> None:
    """Nothing of a login stays on the robot."""
    deadline = time.monotonic() + 10
    while set(robot.processes()) - alone and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not set(robot.processes()) - alone


def test_two_at_once_do_not_meet(robot: Robot) -> None:
    with connect(robot.known) as one, connect(robot.known) as two:
        assert one.engine.info().version == two.engine.info().version
        one.close()
        assert two.run("true").code == 0


def test_through_a_jump_host(robot: Robot, yard: Yard, tmp_path: Path) -> None:
    config = tmp_path / "config"
    jump = f"Host robenvtest-gate\n  HostName {robot.address}\n  User {STRANGER}\n"
    far = f"Host robenvtest-far\n  HostName {robot.address}\n  User robot\n  ProxyJump robenvtest-gate\n"
    config.write_text(jump + far + yard.ssh_config.read_text())
    before = robot.logins
    with connect(Known("far", "robenvtest-far", ssh_options=("-F", str(config)))) as connection:
        assert connection.engine.info().version
    assert robot.logins == before + 2


def test_the_agents_key(robot: Robot, yard: Yard, tmp_path: Path) -> None:
    config = tmp_path / "config"
    lines = [line for line in yard.ssh_config.read_text().splitlines() if "Ident" not in line]
    config.write_text("\n".join(lines))
    started = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    agent, pid = (match[1] for name in ("SOCK", "AGENT_PID") if (match := re.search(rf"{name}=([^;]+);", started)))
    try:
        environment = {**os.environ, "SSH_AUTH_SOCK": agent}
        subprocess.run(["ssh-add", "-q", str(yard.key)], env=environment, check=True)
        known = replace(robot.known, ssh_options=("-F", str(config), "-o", f"IdentityAgent={agent}"))
        with connect(known) as connection:
            assert connection.run("id", "-un").output == b"robot\n"
    finally:
        os.kill(int(pid), signal.SIGTERM)


def test_by_the_inventory_and_by_a_name_that_ssh_knows(
    robot: Robot, yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (known,) = read_inventory(yard.inventory(tmp_path / "robots.yaml", robot)).select([robot.name])
    with connect(known) as connection:
        assert connection.engine.info().version
    monkeypatch.setenv("PATH", f"{yard.remember(robot, tmp_path / 'bin')}:{os.environ['PATH']}")
    with connect(Known(robot.name, robot.name)) as connection:
        assert connection.engine.info().version


def test_an_engine_that_listens_elsewhere(robot: Robot) -> None:
    with connect(replace(robot.known, docker_host=str(robot.engine.socket))) as connection:
        assert connection.engine.info().root_dir == str(robot.folder / "data")


def test_no_engine(robot: Robot) -> None:
    known = replace(robot.known, docker_host="/run/elsewhere.sock")
    _fails(known, RobotRefused, "no engine listens at /run/elsewhere.sock", "robenv_docker_host")


def test_a_user_whom_the_engine_does_not_know(robot: Robot) -> None:
    known = replace(robot.known, user=STRANGER)
    _fails(known, RobotRefused, "stranger may not open its engine's socket", "usermod -aG docker stranger")


def test_an_engine_that_is_stopped(new_robot: Callable[..., Robot]) -> None:
    robot = new_robot()
    robot.engine.kill()  # its socket stays
    _fails(robot.known, RobotRefused, "its engine does not answer", "systemctl status docker")
    robot.engine.start()
    robot.engine.stop()  # and takes its socket along
    _fails(robot.known, RobotRefused, "no engine listens at /var/run/docker.sock", "running there")


def test_a_host_key_that_nobody_knows(robot: Robot, tmp_path: Path) -> None:
    options = (*robot.known.ssh_options, "-o", f"UserKnownHostsFile={tmp_path / 'known'}")
    known = replace(robot.known, ssh_options=options)
    _fails(known, RobotRefused, "its host key is not known", f"`ssh -F \\S+ -o \\S+ robot@{robot.address}`")


def test_a_host_key_that_has_changed(yard: Yard, new_robot: Callable[..., Robot]) -> None:
    robot = new_robot()
    robot.kill_ssh()
    robot.new_host_key()
    robot.start_ssh()
    _fails(robot.known, RobotRefused, "its host key has changed", f"ssh-keygen -R {robot.address}")
    yard.trust(robot)
    with connect(robot.known) as connection:
        assert connection.run("true").code == 0


def test_a_refused_key(new_robot: Callable[..., Robot]) -> None:
    robot = new_robot()
    robot.authorize(False)
    _fails(robot.known, RobotRefused, "it refuses the login", f"ssh-copy-id robot@{robot.address}")


def test_a_user_who_is_not_there(robot: Robot) -> None:
    _fails(replace(robot.known, user="nobody-here"), RobotRefused, "it refuses the login", "ssh -o BatchMode=yes")


def test_a_robot_that_is_off(robot: Robot, yard: Yard) -> None:
    known = replace(robot.known, host=yard.nobody)
    began = time.monotonic()
    _fails(known, RobotUnreachable, "it does not answer", f"ping {yard.nobody}")
    assert time.monotonic() - began < 20


def test_no_ssh_server(robot: Robot) -> None:
    known = replace(robot.known, port=2222)
    _fails(known, RobotUnreachable, "it is there, and no ssh server answers", "is sshd running")


def test_a_name_that_does_not_resolve(robot: Robot) -> None:
    known = replace(robot.known, host="robenvtest-nowhere.invalid")
    _fails(known, RobotUnreachable, "there is no host of that name", "ansible_host")


def test_a_jump_host_that_is_off(robot: Robot, yard: Yard) -> None:
    options = (*robot.known.ssh_options, "-J", f"robot@{yard.nobody}", "-o", "ConnectTimeout=5")
    _fails(replace(robot.known, ssh_options=options), RobotUnreachable, "it does not answer", "in reach")


def test_no_ssh_on_this_machine(robot: Robot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RobotUnreachable, match="ssh is not on this machine"):
        connect(robot.known)


def test_sshd_killed_in_the_middle(new_robot: Callable[..., Robot]) -> None:
    robot = new_robot()
    with connect(robot.known) as connection:
        assert connection.engine.info().version
        assert connection.host.user()
        robot.kill_ssh()
        for ask in (lambda: connection.run("true"), lambda: connection.host.uname()):
            with pytest.raises(RobotUnreachable, match="the connection broke"):
                ask()
        with pytest.raises(RobenvError):
            connection.engine.containers({})
        robot.start_ssh()
    with connect(robot.known) as connection:
        assert connection.engine.info().version


def test_a_command_that_takes_too_long(robot: Robot) -> None:
    with connect(robot.known) as connection:
        with pytest.raises(RobotUnreachable, match="the connection broke") as caught:
            connection.run("sleep", "3", timeout=1)
        assert "more than 1 s" in caught.value.details
        assert connection.run("true").code == 0


_INTERRUPTED = """\
import sys, tempfile, time
tempfile.tempdir = sys.argv[1]
from robenv.remote.connection import connect
from robenv.remote.inventory import Robot
with connect(Robot("robot", sys.argv[2], "robot", ssh_options=("-F", sys.argv[3]))) as connection:
    connection.engine, connection.host.uname()
    print("there", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_there_by_an_interruption(robot: Robot, yard: Yard, number: signal.Signals) -> None:
    place, alone = tempfile.gettempdir(), set(robot.processes())
    command = [sys.executable, "-c", _INTERRUPTED, place, robot.address, str(yard.ssh_config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"there\n"
        assert set(robot.processes()) - alone
        os.killpg(client.pid, number)
    _back_to(robot, alone)
    if number == signal.SIGKILL:  # nobody was left to remove its folder: the next connection does
        (left,) = Path(place).iterdir()
        with connect(robot.known):
            assert not left.exists()
