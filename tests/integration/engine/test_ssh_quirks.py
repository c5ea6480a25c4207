"""Robots whose sshd, login shell or ssh_config is unlike the usual one: real sshd, real shells, the user's own ssh."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from robenv.engine.docker_engine import connect_to
from robenv.engine.transport.endpoint import Endpoint
from robenv.errors import RobenvError, RobotRefused, RobotUnreachable
from robenv.remote.connection import Connection, connect
from robenv.remote.remote_lock import robot_locked
from tests.support.robots.robots import Robot, Yard

pytestmark = pytest.mark.engine

_GREETINGS = [
    ("/bin/bash", ".bashrc", "echo Agent pid $$; echo Welcome\n"),
    ("/bin/bash", ".bashrc", "printf 'no end of line> '\n"),
    ("/usr/bin/tcsh", ".tcshrc", "echo Welcome\n"),
    ("/usr/bin/fish", ".config/fish/config.fish", "echo Welcome; echo to the robot\n"),
]
"""What greets before a command runs; bash reads ~/.bashrc where sshd starts it."""


@pytest.fixture(scope="module")
def odd(yard: Yard) -> Iterator[Robot]:
    made = yard.robot(name="robenvtest-odd")
    yield made
    yard.remove(made)


@pytest.fixture(autouse=True)
def _usual_again(odd: Robot) -> Iterator[None]:
    yield
    odd.set_login()
    odd.set_docker_cli(False)
    odd.set_sshd()


def everything_works(connection: Connection) -> None:
    """Each kind of session: the engine, a command with its output, a probe, the lock."""
    assert connection.engine.info().version
    assert connection.run("printf", "a\\nb").output == b"a\nb"
    assert connection.host.user()[2] == "robot"
    assert connection.host.read("/etc/hostname") == Path("/etc/hostname").read_text()
    with robot_locked(connection, "robenvtest-quirks"):
        assert connection.alive


@pytest.mark.parametrize(("shell", "startup", "text"), _GREETINGS, ids=["bash", "no-newline", "tcsh", "fish"])
def test_what_a_login_shell_prints_is_no_answer(odd: Robot, shell: str, startup: str, text: str) -> None:
    odd.set_login(shell, startup, text)
    with connect(odd.known) as connection:
        everything_works(connection)


def test_nor_where_it_greets_before_an_engine(
    odd: Robot, yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address like ssh://robot, and a robot whose sshd forwards nothing: through its docker CLI."""
    odd.set_login(*_GREETINGS[0])
    odd.set_docker_cli(True)
    odd.set_sshd("DisableForwarding yes\n")
    with connect(odd.known) as connection:
        everything_works(connection)
    monkeypatch.setenv("PATH", f"{yard.remember(odd, tmp_path / 'bin')}:/usr/sbin:/usr/bin:/bin")
    engine = connect_to(Endpoint(f"ssh://{odd.name}", "DOCKER_HOST"))
    try:
        assert engine.info().version
    finally:
        engine.close()


@pytest.mark.parametrize("line", ["DisableForwarding yes", "AllowStreamLocalForwarding no"])
def test_forwarding_that_is_forbidden_is_not_an_engine_that_is_down(odd: Robot, line: str) -> None:
    odd.set_sshd(f"{line}\n")
    error = _refused(odd)
    assert error.message == f"{odd.name}: its sshd does not forward connections to the engine's socket"
    assert "AllowStreamLocalForwarding yes" in error.hint
    assert "systemctl status docker" not in error.hint


@pytest.mark.parametrize("command", ["/bin/true", "/bin/echo This account is closed"])
def test_a_forced_command(odd: Robot, command: str) -> None:
    odd.set_sshd(f"ForceCommand {command}\n")
    error = _refused(odd)
    assert error.message == f"{odd.name}: the login does not run the commands that ssh sends"
    assert "ForceCommand" in error.hint


_PEOPLE = """\
  RemoteCommand tmux new -A -s main
  RequestTTY force
  LocalForward 127.0.0.1:1 127.0.0.1:2
  ExitOnForwardFailure yes
  PermitLocalCommand yes
  LocalCommand echo connected
  StdinNull yes
  ForkAfterAuthentication yes
  SessionType none
  ForwardX11 yes
"""


def test_settings_for_people_at_a_terminal(
    odd: Robot, yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text(f"Host *\n{_PEOPLE}{yard.ssh_config.read_text()}")
    with connect(replace(odd.known, ssh_options=("-F", str(config)))) as connection:
        everything_works(connection)
    odd.set_docker_cli(True)
    odd.set_sshd()
    place = yard.remember(odd, tmp_path / "bin")
    (place / "ssh_config").write_text(f"Host *\n{_PEOPLE}{(place / 'ssh_config').read_text()}")
    monkeypatch.setenv("PATH", f"{place}:/usr/sbin:/usr/bin:/bin")
    engine = connect_to(Endpoint(f"ssh://{odd.name}", "DOCKER_HOST"))
    try:
        assert engine.info().version
    finally:
        engine.close()


def test_a_link_that_breaks_has_the_robots_name(odd: Robot) -> None:
    with connect(odd.known) as connection:
        assert connection.host.user()
        odd.kill_ssh()
        for ask in (lambda: connection.run("true"), lambda: connection.host.uname()):
            with pytest.raises(RobotUnreachable, match=f"^{re.escape(odd.name)}: the connection broke$"):
                ask()


def _refused(robot: Robot) -> RobenvError:
    with pytest.raises(RobotRefused) as caught, connect(robot.known) as connection:
        connection.engine.info()
        connection.host.user()
    return caught.value
