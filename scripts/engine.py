"""Runs a command with a Docker Engine: with the one that answers, else with one that it starts, and stops afterwards.

    python -m scripts.engine [--root] COMMAND…

ROBENV_DOCKERD_OPTIONS: options, quoted as in a shell, for a dockerd that is then started without the service manager,
and also where DOCKER_HOST is set, if they name that address. The exit code is the command's, or 4 where no engine can
be had. What was started is stopped whatever happens: the command fails, ^C, a TERM or HUP. --root: the command is run
as root, through sudo where this user is not.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

from robenv.engine.transport.endpoint import DEFAULT_URL, Endpoint, find_endpoint
from robenv.errors import EngineDenied, EngineUnreachable
from scripts import own_root

PATIENCE = 90
"""Seconds that an engine may take to answer, and to end."""
FOR_THIS_RUN = "ROBENV_ENGINE_FOR_THIS_RUN"
"""Tells the command that the engine goes with it."""
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ADMIN_PATH = "/usr/local/sbin:/usr/sbin:/sbin"


class Refused(Exception):
    """Why there is no engine, and what the user can do: ready to print."""


def say(text: str) -> None:
    print(f"engine: {text}", file=sys.stderr, flush=True)


def dockerd_options() -> list[str]:
    return shlex.split(os.environ.get("ROBENV_DOCKERD_OPTIONS", ""))


def as_root(command: Sequence[str], *options: str) -> list[str]:
    """The command as root: as it is, or through sudo with these options. Raises Refused."""
    if os.geteuid() == 0:
        return list(command)
    if _quiet(["sudo", "-n", "true"]) or (sys.stdin.isatty() and _succeeds(["sudo", "-v"])):
        return ["sudo", *options, "--", *command]
    raise Refused(f"this needs root, and there is no sudo that lets this user: {shlex.join(command)}")


def do_as_root(command: Sequence[str]) -> None:
    """Runs it and raises Refused where it fails."""
    if not _succeeds(as_root(command)):
        raise Refused(f"this failed: {shlex.join(command)}")


def _succeeds(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, check=False).returncode == 0
    except OSError:
        return False


def _quiet(command: Sequence[str]) -> bool:
    """Whether the command exists and succeeds; what it says is thrown away."""
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def answers() -> bool:
    """Whether robenv reaches an engine. Raises EngineDenied where one is there and this user may not."""
    from robenv.engine import docker_engine

    try:
        engine = docker_engine.connect(os.environ)
        engine.info()
        engine.close()
    except EngineDenied:
        if _listens(find_endpoint(os.environ).socket):
            raise
        return False
    except EngineUnreachable:
        return False
    return True


def _listens(path: str) -> bool:
    """Whether anything listens on a socket that this user may not open: root asks. Raises Refused."""
    program = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    return _quiet(as_root([sys.executable, "-c", program, path]))


@contextmanager
def _no_signals() -> Iterator[Callable[[], None]]:
    """Holds back the signals that end this process, so that nothing is started and then forgotten.

    Gives what a new process must do first: hear them again, and stand aside from the terminal's ^C.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)

    def restore() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.setpgrp()

    try:
        yield restore
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Started:
    """What this process has started or mounted; ``stop`` undoes it, last first, and nothing else."""

    def __init__(self) -> None:
        self._undo = ExitStack()
        self.stop = self._undo.close

    def ensure(self) -> None:
        """Starts the engine of this machine, by its service manager where that runs. Raises Refused."""
        managed = Path("/run/systemd/system").is_dir() and _quiet(["systemctl", "cat", "docker.service"])
        if managed and not dockerd_options():
            self._start_service()
        else:
            self._start_dockerd()

    def _start_service(self) -> None:
        say("starting docker.service")
        self._undo.callback(self._stop_service)
        do_as_root(["systemctl", "start", "docker.service"])
        self._wait(lambda: True, lambda: "see: journalctl -u docker.service")

    def _stop_service(self) -> None:
        say("stopping docker.service")
        _succeeds(as_root(["systemctl", "stop", "docker.socket", "docker.service"]))

    def _start_dockerd(self) -> None:
        environment = dict(os.environ, PATH=f"{os.environ.get('PATH', '')}:{_ADMIN_PATH}")
        if not shutil.which("dockerd", path=environment["PATH"]):
            raise Refused("dockerd is not installed: apt-get install docker.io")
        folder = Path(tempfile.mkdtemp(prefix="robenv-engine-"))
        self._undo.callback(shutil.rmtree, folder, ignore_errors=True)
        self._mount_cgroups()
        options = [*self._iptables(folder, environment), *dockerd_options()]
        log = folder / "dockerd.log"
        path = environment["PATH"]
        if os.geteuid() != 0:
            options += ["--group", str(os.getgid())]
        command = as_root([*own_root.prefix(), "env", f"PATH={path}", "dockerd", *options])
        say(f"starting dockerd, for this run; it writes to {log}")
        os.environ[FOR_THIS_RUN] = "1"
        with log.open("wb") as file, _no_signals() as restore:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, preexec_fn=restore)
            self._undo.callback(self._stop_dockerd, process)
        self._wait(lambda: process.poll() is None, lambda: "\n" + "\n".join(log.read_text().splitlines()[-20:]))

    def _stop_dockerd(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            say("stopping dockerd")
            _succeeds(as_root(["sh", "-c", 'kill -TERM "$0"', str(process.pid)]))
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            say(f"dockerd does not end within {PATIENCE} s; it is left as process {process.pid}")

    def _wait(self, alive: Callable[[], bool], log: Callable[[], str]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not answers():
            if not alive():
                raise Refused(f"the engine did not start: {log()}")
            if time.monotonic() > deadline:
                raise Refused(f"the engine does not answer within {PATIENCE} s: {log()}")
            time.sleep(0.1)

    def _mount_cgroups(self) -> None:
        """In a bare root nothing has mounted the cgroups, without which no engine starts. As the kernel has them."""
        top, own = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
        if os.path.ismount(top):
            return
        if not top.is_dir() or not own.exists():
            raise Refused("an engine needs /proc and /sys: mount -t proc proc /proc; mount -t sysfs sysfs /sys")
        say("mounting the cgroups, for this run")
        # Of version 1, each hierarchy has a line ID:CONTROLLERS:PATH; containerd wants the named one without any, too.
        hierarchies = [line.split(":")[1] for line in own.read_text().splitlines() if not line.startswith("0:")]
        if not hierarchies:
            self._mount("cgroup2", top, "rw,nosuid,nodev,noexec")
            return
        self._mount("tmpfs", top, "mode=755,size=1m")
        for controllers in hierarchies:
            folder = top / controllers.removeprefix("name=")
            do_as_root(["mkdir", str(folder)])
            self._mount("cgroup", folder, f"none,{controllers}" if "=" in controllers else controllers)
            for name in controllers.split(",") if "," in controllers else ():
                do_as_root(["ln", "-s", folder.name, str(top / name)])

    def _mount(self, kind: str, target: Path, options: str) -> None:
        do_as_root(["mount", "-t", kind, "-o", options, kind, str(target)])
        self._undo.callback(_succeeds, as_root(["umount", "--lazy", str(target)]))

    def _iptables(self, folder: Path, environment: dict[str, str]) -> list[str]:
        """Options and, in ``environment``, a PATH for an iptables that works with this kernel: nft's or the legacy."""
        works = ["-t", "nat", "-n", "-L", "OUTPUT"]
        path = environment["PATH"]
        if _quiet(as_root(["env", f"PATH={path}", "iptables", *works])):
            return []
        legacy = shutil.which("iptables-legacy", path=path)
        if legacy and _quiet(as_root([legacy, *works])):
            for name in ("iptables", "ip6tables"):
                found = shutil.which(f"{name}-legacy", path=path)
                if found:
                    (folder / name).symlink_to(found)
            environment["PATH"] = f"{folder}:{path}"
            return []
        say("iptables does not work with this kernel: containers will have no network of their own")
        return ["--bridge", "none", "--iptables=false"]


def borrowed_group(endpoint: Endpoint, command: Sequence[str]) -> list[str]:
    """The command in the group that owns the engine's socket, for this once, through sudo. Raises Refused."""
    name = pwd.getpwuid(os.getuid()).pw_name
    gid = Path(endpoint.socket).stat().st_gid
    mend = f"Join the group docker and log in again: sudo usermod -aG docker {name}"
    if gid == 0 or os.geteuid() == 0:
        raise Refused(f"{endpoint.url} may not be opened by {name}, nor by any group that {name} could join")
    groups = ",".join(str(group) for group in sorted({*os.getgroups(), os.getgid(), gid}))
    change = ["setpriv", f"--reuid={os.getuid()}", f"--regid={os.getgid()}", f"--groups={groups}", "--"]
    kept = [f"{key}={os.environ[key]}" for key in ("PATH", "HOME", "USER", "LOGNAME") if key in os.environ]
    try:
        borrowed = as_root([*change, "env", *kept, *command], "--preserve-env")
    except Refused:
        raise Refused(f"{endpoint.url} may not be opened by {name}. {mend}") from None
    say(f"{name} is not in the group {grp.getgrgid(gid).gr_name}: this run borrows it through sudo. For good: {mend}")
    return borrowed


def root_command(command: Sequence[str]) -> list[str]:
    """The command as root, in this environment, leaving nothing of root's in the checkout. Raises Refused."""
    command = [*own_root.prefix(), *command]
    if os.geteuid() == 0:
        return command
    kept = [f"PATH={os.environ.get('PATH', '')}", f"HYPOTHESIS_STORAGE_DIRECTORY={tempfile.gettempdir()}/hypothesis"]
    kept += ["PYTHONDONTWRITEBYTECODE=1", "PYTEST_ADDOPTS=-p no:cacheprovider"]
    return as_root(["env", *kept, *command], "--preserve-env")


def run(command: Sequence[str]) -> int:
    """The command's exit code, as a shell gives it. The signals that end this process are passed on to it first."""
    with subprocess.Popen(command) as process:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the command itself
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _: process.send_signal(number))
        code = process.wait()
    return code if code >= 0 else 128 - code


def _end(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


def ensure(started: Started, command: Sequence[str], root: bool = False) -> Sequence[str]:
    """Sees to it that an engine answers; the command, changed so that it may use the engine. Raises Refused."""
    endpoint = find_endpoint(os.environ)
    if root:
        command = root_command(command)
    try:
        if not answers():
            if endpoint.url not in (DEFAULT_URL, *dockerd_options()):
                raise Refused(f"no engine answers at {endpoint.url} ({endpoint.source})")
            started.ensure()
    except EngineDenied:
        return command if root else borrowed_group(endpoint, command)
    return command


def main(arguments: Sequence[str]) -> int:
    root = arguments[:1] == ["--root"]
    command = arguments[1:] if root else arguments
    if not command or command[0].startswith("-"):
        print("usage: python -m scripts.engine [--root] COMMAND…", file=sys.stderr)
        return 2
    started = Started()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        return run(ensure(started, command, root))
    except (Refused, EngineUnreachable) as error:
        say(str(error))
        return EngineUnreachable.exit_code
    except KeyboardInterrupt:
        return 130
    finally:
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
        started.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
