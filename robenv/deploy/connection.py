"""One connection to a robot: the user's own OpenSSH, one login, everything else through it.

A master (``ssh -M``) logs in once by the user's configuration: ProxyJump, agent, known hosts. Through it the robot's
engine socket is forwarded to a local one, which docker-py opens as it would any other: nothing is installed over there,
not even a docker CLI. Commands and questions go over the same login.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from robenv.deploy import bounded
from robenv.deploy.inventory import Robot
from robenv.deploy.remote_host import RemoteHost
from robenv.engine.docker_config import config_folder
from robenv.engine.docker_py import connect_to
from robenv.engine.endpoint import Endpoint
from robenv.engine.protocol import Engine
from robenv.errors import EngineDenied, EngineUnreachable, RobotRefused, RobotUnreachable
from robenv.paths import socket_folder
from robenv.profile.excerpt import in_command, safe

CONNECT_TIMEOUT = 15
"""Seconds to log in."""
ALIVE = ("-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=4")
"""A link that is silent for 20 s is lost: robots drive out of reach."""
_OPEN: set[Connection] = set()
_KEPT = 2000
"""Characters of what ssh says that an error shows."""


@dataclass(frozen=True)
class Ended:
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
        self._master: subprocess.Popen[bytes] | None = None
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
            self._host = RemoteHost(self.ssh("sh"))
        return self._host

    def ssh(self, command: str) -> list[str]:
        """The argv that runs a shell command over there, through this login."""
        return ["ssh", *self._options(), "-T", "--", self.robot.host, command]

    def run(self, *argv: str, stdin: bytes = b"", timeout: float | None = 60) -> Ended:
        """A command over there, to its end. Raises RobotUnreachable where the link breaks or it takes too long."""
        try:
            done = bounded.run(self.ssh(shlex.join(argv)), stdin, timeout)
        except subprocess.TimeoutExpired:
            raise self.lost(f"{argv[0]} took more than {timeout:.0f} s") from None
        except bounded.TooLong as error:
            raise RobotRefused(f"{self.robot.name}: the answer to {argv[0]} is too long", details=str(error)) from None
        errors = done.stderr.decode(errors="replace")
        if done.returncode == 255 and not self.alive:
            raise self.lost(errors)
        return Ended(done.returncode, done.stdout, errors)

    def lost(self, details: str = "") -> RobotUnreachable:
        """The error for a link that broke."""
        return RobotUnreachable(
            f"{self.robot.name}: the connection broke",
            details=_essence(details),
            hint="run the same command again: it goes on with what is still missing",
        )

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
        shutil.rmtree(self._folder, ignore_errors=True)

    def _options(self) -> list[str]:
        robot = self.robot
        options = ["-S", str(self._control), *ALIVE, *robot.ssh_options]
        options += ["-l", robot.user] if robot.user else []
        return options + (["-p", str(robot.port)] if robot.port else [])

    def _log_in(self) -> None:
        # BatchMode: a question in the middle of a live table could not be answered. A session of its own: ^C is for
        # robenv, which undoes what it began over this very login. Its command over there lasts until its stdin, which
        # this process holds, ends: so the login ends with this process, also where that is killed.
        argv = ["ssh", "-M", "-T", "-o", "BatchMode=yes", "-o", "ControlPersist=no", *self._options()]
        # Of an option that is given twice ssh takes the first.
        argv += ["-o", f"ConnectTimeout={CONNECT_TIMEOUT}", "--", self.robot.host, "exec cat >/dev/null"]
        pipe = subprocess.PIPE
        try:
            self._master = subprocess.Popen(
                argv, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, start_new_session=True
            )
        except FileNotFoundError:
            raise RobotUnreachable("ssh is not on this machine", hint="`sudo apt-get install openssh-client`") from None
        words = bounded.LastWords(self._master.stdout)  # as long as it lasts: a robot may go on talking
        until = time.monotonic() + CONNECT_TIMEOUT * 2
        while self._master.poll() is None and not self._control.exists() and time.monotonic() < until:
            if self._cut:
                raise self.lost()
            time.sleep(0.01)
        if self._master.poll() is None and self._control.exists():
            return
        self._master.terminate()
        raise login_failed(self.robot, words.text())

    def _open_engine(self) -> Engine:
        local = self._folder / "engine"
        forward = f"{local}:{self.robot.docker_host}"
        argv = ["ssh", *self._options(), "-O", "forward", "-L", forward, "--", self.robot.host]
        done = subprocess.run(argv, capture_output=True, check=False, timeout=30)
        if done.returncode:
            if not self.alive:
                raise self.lost(done.stderr.decode(errors="replace"))
            raise RobotRefused(
                f"{self.robot.name}: its engine's socket cannot be forwarded",
                details=_essence(done.stderr.decode(errors="replace")),
                hint="its sshd needs AllowStreamLocalForwarding yes (the default)",
            )
        endpoint = Endpoint(f"unix://{local}", f"robot {self.robot.name}", None, config_folder(os.environ))
        try:
            return connect_to(endpoint)
        except EngineUnreachable as error:
            raise self._engine_refused(error) from error

    def _engine_refused(self, error: EngineUnreachable) -> RobotRefused | RobotUnreachable:
        if not self.alive:
            return self.lost(error.details)
        path, name = self.robot.docker_host, self.robot.name
        quoted = shlex.quote(path)
        seen = self.run("sh", "-c", f"test -S {quoted} && echo there; test -w {quoted} && echo open; id -un")
        said = seen.output.decode(errors="replace").split()
        user = safe(said[-1]) if said else "this user"
        if "there" not in said:
            hint = (
                "is an engine installed and running there? robenv_docker_host in robots.yaml says where else it listens"
            )
            return RobotRefused(f"{name}: no engine listens at {path}", details=error.details, hint=hint)
        if "open" not in said or isinstance(error, EngineDenied):
            # Its own word for who it is, in a command that somebody with sudo is to copy.
            hint = f"on the robot: `sudo usermod -aG docker {in_command(user, 'USER')}`, then log in anew"
            return RobotRefused(f"{name}: {user} may not open its engine's socket {path}", hint=hint)
        return RobotRefused(
            f"{name}: its engine does not answer", details=error.details, hint="on the robot: `systemctl status docker`"
        )


def connect(robot: Robot) -> Connection:
    """Logs in. Raises RobotUnreachable, RobotRefused."""
    return Connection(robot)


def end_all() -> None:
    """Breaks every connection, also those that are still being made: whoever uses one, in another thread, is told and
    cleans up."""
    for connection in tuple(_OPEN):
        connection.cut()


_REASONS: tuple[tuple[tuple[str, ...], type[RobotUnreachable] | type[RobotRefused], str, str], ...] = (
    (
        ("REMOTE HOST IDENTIFICATION HAS CHANGED", "Host key for"),
        RobotRefused,
        "its host key has changed: it was set up anew, or something else answers in its place",
        "if it was set up anew: `ssh-keygen -R {known_as}`, then log in once with ssh and compare the key",
    ),
    (
        ("Host key verification failed", "No ED25519 host key is known", "host key is known for"),
        RobotRefused,
        "its host key is not known on this machine",
        "log in once: `ssh {login}`",
    ),
    (
        ("Permission denied", "Too many authentication failures", "no mutual signature"),
        RobotRefused,
        "it refuses the login",
        "this must work without a question: `ssh -o BatchMode=yes {login} true`; `ssh-copy-id {place}` installs a key",
    ),
    (
        ("Could not resolve hostname",),
        RobotUnreachable,
        "there is no host of that name",
        "{meant}name it in robots.yaml (ansible_host) or in ~/.ssh/config",
    ),
    (
        ("Connection refused",),
        RobotUnreachable,
        "it is there, and no ssh server answers",
        "is sshd running there, and on that port?",
    ),
    (
        ("timed out", "No route to host", "Network is unreachable", "Host is down", "Connection reset",
         "Connection closed", "banner exchange"),
        RobotUnreachable,
        "it does not answer",
        "is it on, and in reach? `ping {host}`",
    ),
)  # fmt: skip


def login_failed(robot: Robot, said: str) -> RobotUnreachable | RobotRefused:
    """What ssh's last words mean; OpenSSH 8.2 to 10."""
    for words, kind, message, hint in _REASONS:
        if any(word in said for word in words):
            return kind(
                f"{robot.name}: {message}",
                details=_essence(said),
                hint=hint.format(
                    host=shlex.quote(robot.host),
                    login=robot.login,
                    place=robot.place,
                    known_as=robot.known_as,
                    meant=f"{robot.hint} Else " if robot.hint else "",
                ),
            )
    hint = f"this must work without a question: `ssh -o BatchMode=yes {robot.login} true`"
    return RobotUnreachable(
        f"{robot.name}: ssh could not log in", details=_essence(said) or "it did not say why", hint=hint
    )


def _essence(said: str) -> str:
    # A banner of the robot's is in it: nothing of that may command this terminal.
    lines = [safe(line.rstrip()) for line in said.splitlines() if line.strip(" @\r")]
    return "\n".join(lines)[-_KEPT:]
