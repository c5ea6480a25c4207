"""One connection to a robot: the user's own OpenSSH, one login, everything else through it.

A master (``ssh -M``) logs in once by the user's configuration: ProxyJump, agent, known hosts. Through it the robot's
engine socket is forwarded to a local one, which docker-py opens as it would any other: nothing is installed over there,
not even a docker CLI. Commands and questions go over the same login.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from robenv.engine.docker_engine import connect_to
from robenv.engine.protocol import Engine
from robenv.engine.transport.docker_config import config_folder
from robenv.engine.transport.endpoint import Endpoint
from robenv.engine.transport.ssh import SshRelay, dial_command, mark_command, ssh_argv
from robenv.errors import EngineDenied, EngineUnreachable, RobenvError, RobotRefused, RobotUnreachable
from robenv.paths import remove_socket_folder, socket_folder
from robenv.remote.inventory import Robot
from robenv.remote.remote_host import RemoteHost
from robenv.remote.ssh_errors import (
    LOOK,
    SocketProbe,
    engine_refused,
    essence,
    login_failed,
    other_command,
    with_robot_name,
)
from robenv.util import bounded_output

CONNECT_TIMEOUT = 15
"""Seconds to log in."""
ALIVE = ("-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=4")
"""A link that is silent for 20 s is lost: robots drive out of reach."""
_OPEN: set[Connection] = set()


@dataclass(frozen=True)
class CommandResult:
    """A command that ran over there."""

    code: int
    output: bytes
    errors: str


class Connection:
    """A robot, logged in to. Use as a context manager; closing ends the login and removes the local sockets.

    Raises RobotUnreachable and RobotRefused when it is made.
    """

    def __init__(self, robot: Robot) -> None:
        self.robot = robot
        # Short, since the path of a socket may have 108 bytes.
        self._folder = Path(socket_folder("robenv-r-"))
        self._control = self._folder / "c"
        self._engine: Engine | None = None
        self._host: RemoteHost | None = None
        self._relay: SshRelay | None = None
        self._master: subprocess.Popen[bytes] | None = None
        # Its command over there lasts until its stdin, which this process holds, ends: so the login ends with this
        # process, also where that is killed.
        self._login = mark_command("exec cat >/dev/null")
        self._words: bounded_output.LastWords | None = None
        self._cut = False
        _OPEN.add(self)
        try:
            self._log_in()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether the login still stands."""
        return self._master is not None and self._master.poll() is None

    @property
    def engine(self) -> Engine:
        """The robot's engine. Raises RobotRefused where it cannot be opened, RobotUnreachable where the link broke."""
        if self._engine is None:
            self._engine = self._open_engine()
        return self._engine

    @property
    def host(self) -> RemoteHost:
        """What the robot is, for probes."""
        if self._host is None:
            self._host = RemoteHost(self.ssh("exec sh"), self.robot.name, self._ended)
        return self._host

    def ssh(self, command: str) -> list[str]:
        """The argv that runs a shell command over there, through this login."""
        return self._argv(command)

    def run(self, *argv: str, stdin: bytes = b"", timeout: float | None = 60) -> CommandResult:
        """A command over there, to its end. Raises RobotUnreachable where the link breaks or it takes too long."""
        asked = mark_command(shlex.join(argv))
        try:
            done = bounded_output.run(self.ssh(asked.command), stdin, timeout)
        except subprocess.TimeoutExpired:
            raise self.lost(f"{argv[0]} took more than {timeout:.0f} s") from None
        except bounded_output.TooLong as error:
            raise RobotRefused(f"{self.robot.name}: the answer to {argv[0]} is too long", details=str(error)) from None
        errors = done.stderr.decode(errors="replace")
        if done.returncode == 255 and not self.alive:
            raise self.lost(errors)
        printed, output = asked.split(done.stdout)
        if output is None:
            raise self._ended(printed + done.stderr)
        return CommandResult(done.returncode, output, errors)

    def lost(self, details: str = "") -> RobotUnreachable | RobotRefused:
        """The error for a login that has ended: a link that broke, or another command that ran instead."""
        if not self.alive and self._ran_another():
            return other_command(self.robot, self._words.text() if self._words else "")
        return RobotUnreachable(
            f"{self.robot.name}: the connection broke",
            details=essence(details),
            hint="run the same command again: it goes on with what is still missing",
        )

    def _ended(self, printed: bytes, answered: bool = False) -> RobotUnreachable | RobotRefused:
        """The error for a session that ended after ``printed``. ``answered``: its command had begun."""
        text = printed.decode(errors="replace")
        return other_command(self.robot, text) if self.alive and not answered else self.lost(text)

    def _ran_another(self) -> bool:
        """Whether the login ended as a command ends (255 is ssh's own code), and not the one that it was sent."""
        if self._master is None or self._words is None or self._master.poll() in (None, 255) or self._cut:
            return False
        return self._login.line.strip() not in self._words.text().encode()

    def explain(self, error: RobenvError) -> RobenvError:
        """An error met while something was done there, as one of this robot: on a robot far away nobody can start the
        engine by what is said of one here."""
        if isinstance(error, EngineUnreachable):
            if self._has_broken():
                return self.lost(error.details)
            if not self._answers():
                hint = "on the robot: `systemctl status docker`; then the same command again"
                message = f"{self.robot.name}: its engine does not answer any more"
                return RobotRefused(message, details=error.details, hint=hint)
        return with_robot_name(self.robot, error)

    def _answers(self) -> bool:
        """Whether the robot's engine is there: else it may have been started again meanwhile, or it is this machine's
        that is gone."""
        try:
            self.engine.info()
        except RobenvError:
            return False
        return True

    def _has_broken(self) -> bool:
        """Whether the login is gone; what went through it may be told so a moment before ssh has ended."""
        until = time.monotonic() + 1
        while self.alive and time.monotonic() < until:
            time.sleep(0.05)
        return not self.alive

    def cut(self) -> None:
        """Ends the login at once, whatever goes through it; ``close`` is still to be called."""
        self._cut = True
        if self._master is not None:
            self._master.terminate()

    def close(self) -> None:
        """Ends everything that goes through this login."""
        _OPEN.discard(self)
        if self._engine is not None:
            with suppress(Exception):
                self._engine.close()
        if self._relay is not None:
            self._relay.close()
        if self._host is not None:
            self._host.close()
        if self._master is not None:
            self._master.terminate()
            try:
                self._master.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._master.kill()
                self._master.wait()
            if self._master.stdin is not None:
                self._master.stdin.close()
            # Its output is closed by who reads it: what it has started may hold it open.
        remove_socket_folder(str(self._folder))

    def _argv(self, command: str, first: tuple[str, ...] = (), last: tuple[str, ...] = ()) -> list[str]:
        # BatchMode: a question in the middle of a live table could not be answered. Of an option that is given twice
        # ssh takes the first.
        robot = self.robot
        options = (*first, "-S", str(self._control), "-o", "BatchMode=yes", *ALIVE, *robot.ssh_options, *last)
        return ssh_argv(robot.host, command, user=robot.user, port=robot.port, options=options)

    def _log_in(self) -> None:
        # In a session of its own: ^C is for robenv, which undoes what it began over this very login.
        timeout = ("-o", f"ConnectTimeout={CONNECT_TIMEOUT}")
        argv = self._argv(self._login.command, ("-M", "-o", "ControlPersist=no"), timeout)
        pipe = subprocess.PIPE
        try:
            self._master = subprocess.Popen(
                argv, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, start_new_session=True
            )
        except FileNotFoundError:
            raise RobotUnreachable("ssh is not on this machine", hint="`sudo apt-get install openssh-client`") from None
        self._words = bounded_output.LastWords(self._master.stdout)  # as long as it lasts: a robot may go on talking
        until = time.monotonic() + CONNECT_TIMEOUT * 2
        while self._master.poll() is None and not self._control.exists() and time.monotonic() < until:
            if self._cut:
                raise self.lost()
            time.sleep(0.01)
        if self._master.poll() is None and self._control.exists():
            return
        if self._ran_another():
            raise self.lost()
        self._master.terminate()
        raise login_failed(self.robot, self._words.text())

    def _open_engine(self) -> Engine:
        local = self._folder / "engine"
        forward = f"{local}:{self.robot.docker_host}"
        # It talks to the master alone: of the user's configuration it would only take further forwardings.
        argv = ["ssh", "-F", "none", "-S", str(self._control), "-O", "forward", "-L", forward, "--", self.robot.host]
        done = subprocess.run(argv, capture_output=True, check=False, timeout=30)
        if done.returncode:
            said = done.stderr.decode(errors="replace")
            if not self.alive:
                raise self.lost(said)
            raise RobotRefused(f"{self.robot.name}: its engine's socket cannot be forwarded", details=essence(said))
        try:
            return self._engine_at(f"unix://{local}")
        except EngineUnreachable as error:
            return self._engine_by_cli(error)

    def _engine_at(self, url: str) -> Engine:
        return connect_to(Endpoint(url, f"robot {self.robot.name}", None, config_folder(os.environ)))

    def _engine_by_cli(self, error: EngineUnreachable) -> Engine:
        """The engine by the robot's own docker CLI, for an sshd that forwards nothing. sshd takes every forwarding and
        refuses the connections, so that only a look from over there tells it from an engine that is down."""
        if not self.alive:
            raise self.lost(error.details) from error
        path = self.robot.docker_host
        seen = SocketProbe.of(self.run("sh", "-c", LOOK, "sh", path).output)
        denied = isinstance(error, EngineDenied)
        if seen.there and seen.open and seen.cli and not denied:
            self._relay = SshRelay(self.ssh(dial_command(path)))
            try:
                return self._engine_at(self._relay.url)
            except EngineUnreachable:
                if not self.alive:
                    raise self.lost(error.details) from error
        raise engine_refused(self.robot, seen, error.details, denied) from error


def connect(robot: Robot) -> Connection:
    """Logs in. Raises RobotUnreachable, RobotRefused."""
    return Connection(robot)


def end_all(spared: Callable[[Engine | None], bool] = lambda engine: False) -> None:
    """Breaks every connection, also those that are still being made: whoever uses one, in another thread, is told and
    cleans up. ``spared``: by the engine that is reached by it, None as long as nobody has."""
    for connection in tuple(_OPEN):
        if not spared(connection._engine):
            connection.cut()
