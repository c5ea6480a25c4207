"""A login session of a test's own: real servers of Debian's archive, run as a host's user that no other test has."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.images import gui_image
from tests.support.projects.project import ROBENV, Project, as_user

HEX_DIGITS_OF_A_COOKIE = 32
X11_SOCKETS = Path("/tmp/.X11-unix")


class Desktop:
    """Everything runs as ``uid`` and ends with ``close``. ``environ`` is what a shell of that login has."""

    def __init__(self, uid: int) -> None:
        self.uid = uid
        # Not the test's own folder, into which only root may look.
        self.home = Path(tempfile.mkdtemp(prefix="robenvtest-login-", dir="/var/tmp"))
        os.chown(self.home, uid, uid)
        self._logs = Path(tempfile.mkdtemp(prefix="robenvtest-logs-"))
        self.environ = {"HOME": str(self.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._agents: list[int] = []
        self.runtime = Path(f"/run/user/{uid}")
        self.runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chown(self.runtime, uid, uid)
        self.environ["XDG_RUNTIME_DIR"] = str(self.runtime)

    def close(self) -> None:
        for process in self._processes:
            self.end(process)
        self.end_agents()
        for folder in (self.runtime, self.home, self._logs):
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def projects(self, api: Any, folder: Path) -> Iterator[Callable[[str], Project]]:
        """Makes projects of this login's user from their profiles, with the image of ``gui_image``."""
        made: list[Project] = []

        def make(profile: str) -> Project:
            project = Project(folder / f"project{len(made)}", gui_image.ensure(api), profile)
            made.append(project)
            os.chown(project.folder, self.uid, self.uid)
            folder.chmod(0o777)
            self.follow(project)
            return project

        yield make
        for one in made:
            one.close(api)

    def follow(self, project: Project) -> None:
        """The project's shell is one of this login, as it is now."""
        for name in ("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "SSH_AUTH_SOCK", "PULSE_SERVER", "XDG_CONFIG_HOME"):
            project.environ.pop(name, None)
        project.environ |= self.environ

    def robenv(self, project: Project, *arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
        """Starts ``robenv ARGUMENTS`` as this login's user and goes on."""
        settings: dict[str, Any] = {"stdin": subprocess.DEVNULL, **streams, "env": project.environ}
        return subprocess.Popen([*as_user(self.uid), *ROBENV, *arguments], cwd=project.folder, **settings)

    def run(self, *command: str) -> str:
        """Runs a program of the host in this login; its output."""
        return self.output(*command).decode()

    def output(self, *command: str) -> bytes:
        command = (*self._as_user(), *command)
        # From its own home: the checkout may be where only root may look.
        done = subprocess.run(command, check=True, env=self.environ, cwd=self.home, stdout=subprocess.PIPE, timeout=60)
        return done.stdout

    def _as_user(self) -> tuple[str, ...]:
        return ("setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups")

    def _start(self, *command: str, **options: Any) -> subprocess.Popen[bytes]:
        with (self._logs / command[0]).open("ab") as log:
            settings: dict[str, Any] = {"env": self.environ, "cwd": self.home, "stdin": subprocess.DEVNULL}
            settings |= {"stdout": log, **options}
            process = subprocess.Popen([*self._as_user(), *command], stderr=log, **settings)
        self._processes.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """SIGTERM, and waits; nothing where it has ended."""
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def start_x(self, cookie: str = "") -> str:
        """An X server that lets in only who has its cookie; sets DISPLAY and XAUTHORITY. The display's name."""
        cookie = cookie or secrets.token_hex(HEX_DIGITS_OF_A_COOKIE // 2)
        server, mine = self.home / "server.auth", self.home / "session.auth"
        self.run("xauth", "-q", "-f", str(server), "add", ":0", ".", cookie)
        X11_SOCKETS.mkdir(exist_ok=True)  # which the system makes at its start, and no X server but root's
        X11_SOCKETS.chmod(0o1777)
        reading, writing = os.pipe()
        try:
            # Else it begins anew when its last client leaves, and the next one may find nobody.
            options = ("-noreset", "-screen", "0", "640x480x24", "-nolisten", "tcp", "-auth", str(server))
            self._start("Xvfb", "-displayfd", str(writing), *options, pass_fds=(writing,))
        finally:
            os.close(writing)
        with os.fdopen(reading) as answer:
            number = answer.readline().strip()
        if not number:
            raise RuntimeError(f"Xvfb did not start:\n{(self._logs / 'Xvfb').read_text()}")
        self.run("xauth", "-q", "-f", str(mine), "add", f":{number}", ".", cookie)
        self.environ |= {"DISPLAY": f":{number}", "XAUTHORITY": str(mine)}
        return f":{number}"

    def windows(self) -> str:
        """The names of all windows, with their places, as xwininfo prints them; "" where one went meanwhile."""
        try:
            return self.run("xwininfo", "-root", "-tree")
        except subprocess.CalledProcessError:
            return ""

    def start_wayland(self, name: str = "wayland-7") -> subprocess.Popen[bytes]:
        """A compositor without a screen; sets WAYLAND_DISPLAY."""
        process = self._start("weston", "--backend=headless-backend.so", f"--socket={name}", "--idle-time=0")
        self.environ["WAYLAND_DISPLAY"] = name
        until(lambda: (self.runtime / name).exists(), process)
        return process

    def start_pulse(self) -> subprocess.Popen[bytes]:
        """PulseAudio with no sound card, at its usual place, for who has its cookie."""
        modules = ("-n", "-L", "module-null-sink", "-L", "module-native-protocol-unix")
        process = self._start("pulseaudio", "--daemonize=no", "--exit-idle-time=-1", *modules)
        until(lambda: (self.runtime / "pulse" / "native").exists(), process)
        return process

    def start_agent(self, name: str) -> str:
        """An ssh agent with one key, whose comment is ``name``; sets SSH_AUTH_SOCK. The agent's socket."""
        socket, key = self.home / f"{name}.sock", self.home / name
        # As root, since it refuses to work for a UID that no account has.
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key)], check=True)
        os.chown(key, self.uid, self.uid)
        output = self.run("ssh-agent", "-a", str(socket))
        self._agents.append(int(output.partition("SSH_AGENT_PID=")[2].partition(";")[0]))
        self.environ["SSH_AUTH_SOCK"] = str(socket)
        self.run("ssh-add", "-q", str(key))
        return str(socket)

    def end_agents(self) -> None:
        while self._agents:
            os.kill(self._agents.pop(), 15)


def until(ready: Callable[[], object], process: subprocess.Popen[Any] | None = None, timeout: float = 30) -> None:
    """Waits until something is so, while ``process`` lives."""
    deadline = time.monotonic() + timeout
    while not ready():
        if process is not None and process.poll() is not None:
            raise AssertionError(f"{process.args!r} ended with {process.returncode}")
        if time.monotonic() > deadline:
            raise AssertionError("not so in time")
        time.sleep(0.1)
