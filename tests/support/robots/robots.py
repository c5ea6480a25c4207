"""Stand-in robots on this machine: each with an address, an sshd, accounts, files and a Docker Engine of its own.

They hang on one switch, so that they and what runs on them in the host's network reach each other, and the tests reach
them. On a robot /etc, /run and /tmp are its own, and there is no docker CLI.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from robenv.remote.inventory import Robot as Known
from scripts import own_root
from tests.support.engines.newer_engine import NewerEngine
from tests.support.engines.second_engine import SecondEngine

USER = "robot"
UID, GROUP = 4242, 4243
"""The robot's user, and the group that may open its engine's socket."""
STRANGER = "stranger"
"""A user who may log in and not open the engine's socket."""

_SERVER = """\
ListenAddress {address}
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
PidFile none
LogLevel VERBOSE
MaxStartups 100
"""
# /run is empty but for what a robot would have there; its /proc and /sys are this machine's.
_START = """
set -e
mount --bind "$0/etc" /etc
mount --bind "$0/tmp" /tmp
mount -t tmpfs tmpfs /run
mkdir /run/sshd
ln -s "$0/docker.sock" /run/docker.sock
if [ ! -s "$0/cli" ]; then
  for cli in /usr/bin/docker /usr/local/bin/docker; do if [ -e $cli ]; then mount --bind "$0/none" $cli; fi; done
fi
exec "$1" -D -e -f "$0/sshd_config"
"""
_CLIENT = """\
Host *
  UserKnownHostsFile {folder}/known
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  IdentityFile {folder}/user
  IdentitiesOnly yes
  IdentityAgent none
"""


class Namespace:
    """A network of its own, for as long as this process lives or until ``close``."""

    def __init__(self) -> None:
        # The holder goes with this process, whatever ends it.
        command = ["unshare", "--net", "setpriv", "--pdeathsig", "KILL", "sleep", "infinity"]
        self._holder = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        own = Path("/proc/self/ns/net").readlink()
        while self.id == own:
            time.sleep(0.005)
        self.ip("link", "set", "lo", "up")

    @property
    def pid(self) -> int:
        return self._holder.pid

    @property
    def id(self) -> Path:
        return Path(f"/proc/{self.pid}/ns/net").readlink()

    @property
    def enter(self) -> list[str]:
        """The argv in front of a command that is to run there."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net"]

    def ip(self, *arguments: str) -> None:
        run(*self.enter, "ip", *arguments)

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()


def run(*argv: str) -> None:
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, capture_output=True)


class _OwnEngine(SecondEngine):
    """An engine in a robot's network, whose containers are a robot's."""

    network: Namespace

    @property
    def command(self) -> list[str]:
        first, *rest = super().command
        assert (first, rest[0]) == ("unshare", "--net")
        return [*self.network.enter, *rest[1:]]

    @property
    def options(self) -> list[str]:
        return [*super().options, "--group", str(GROUP)]

    def cut_power(self) -> None:
        """SIGKILL to the engine and to all that runs on it, at once; ``start`` is a boot, which finds /run empty."""
        if self.running:
            self.kill()
        self._end_left_over()
        self._unmount(keep=str(self.folder / "data"))
        shutil.rmtree(self.folder / "exec", ignore_errors=True)


_CONTAINERD = """\
version = 2
root = "{folder}/data/containerd/daemon"
state = "{folder}/exec/containerd/daemon"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{folder}/exec/containerd/containerd.sock"
"""


class _SystemEngine(_OwnEngine):
    """As the distributions set it up: containerd is a service of its own, and does not die with dockerd."""

    def __init__(self, network: Namespace, data_size: int | None) -> None:
        super().__init__(data_size)
        self.network = network
        self._containerd: subprocess.Popen[bytes] | None = None
        self._address = self.folder / "exec" / "containerd" / "containerd.sock"
        self._settings = self.folder / "containerd.toml"
        self._settings.write_text(_CONTAINERD.format(folder=self.folder))

    @property
    def options(self) -> list[str]:
        return [*super().options, "--containerd", str(self._address)]

    def start(self, timeout: float = 60) -> SecondEngine:
        if self._containerd is None or self._containerd.poll() is not None:
            self._address.parent.mkdir(parents=True, exist_ok=True)
            command = [*self.network.enter, *own_root.prefix(), "containerd", "--config", str(self._settings)]
            with self.log.open("ab") as log:
                self._containerd = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
        return super().start(timeout)

    def cut_power(self) -> None:
        super().cut_power()
        if self._containerd is not None:
            self._containerd.wait()

    def close(self) -> None:
        super().close()
        if self._containerd is not None:
            self._containerd.wait()


class _NewerEngine(_OwnEngine, NewerEngine):
    def __init__(self, network: Namespace, containerd: bool) -> None:
        NewerEngine.__init__(self)
        self.network = network
        self._options = ("--feature", f"containerd-snapshotter={str(containerd).lower()}")


class Robot:
    """``engine``: ``system``, ``newer`` (overlay2) or ``newer-containerd``. ``rate``: of its link, as tc has it
    (``20mbit``). ``files``: by absolute path under /etc, what it has there beside this machine's."""

    def __init__(
        self,
        yard: Yard,
        name: str,
        address: str,
        engine: str = "system",
        rate: str = "",
        files: dict[str, str] | None = None,
        data_size: int | None = None,
    ) -> None:
        self.name, self.address, self._yard = name, address, yard
        self.network = Namespace()
        self._sshd: subprocess.Popen[bytes] | None = None
        self.engine: _OwnEngine = (
            _SystemEngine(self.network, data_size)
            if engine == "system"
            else _NewerEngine(self.network, engine == "newer-containerd")
        )
        self.folder = self.engine.folder
        self.folder.chmod(0o711)
        self.log = self.folder / "sshd.log"
        self._connect(rate)
        self._furnish(files or {})

    @property
    def known(self) -> Known:
        """As an inventory names it."""
        return Known(self.name, self.address, USER, ssh_options=("-F", str(self._yard.ssh_config)))

    @property
    def variables(self) -> dict[str, str]:
        """As an inventory's file does."""
        return {
            "ansible_host": self.address,
            "ansible_user": USER,
            "ansible_ssh_common_args": f"-F {self._yard.ssh_config}",
        }

    @property
    def logins(self) -> int:
        """How often somebody logged in."""
        return self.log.read_text().count("Accepted publickey")

    def start(self) -> Robot:
        self.engine.start()
        self.start_ssh()
        return self

    def start_ssh(self) -> None:
        sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin")
        command = [*self.network.enter, "unshare", "--mount", "sh", "-c", _START, str(self.folder), str(sshd)]
        with self.log.open("ab") as log:
            self._sshd = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _await_port(self.address, 22, self._sshd, self.log)

    def kill_ssh(self) -> None:
        """Ends sshd and every login, with what runs in it, at once."""
        if self._sshd is None:
            return
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._sshd.wait()
        self._sshd = None

    def processes(self) -> list[int]:
        """Of sshd and of the logins; not the engine's."""
        if self._sshd is None or self._sshd.poll() is not None:
            return []
        return _sharing("mnt", Path(f"/proc/{self._sshd.pid}/ns/mnt").readlink())

    def cut_power(self) -> None:
        """Everything on it ends at once, and its link is dead: nobody says goodbye."""
        self.unplug()
        self.kill_ssh()
        self.engine.cut_power()

    def boot(self) -> None:
        self.engine.start()
        self.plug()
        self.start_ssh()

    def unplug(self) -> None:
        """The link is silent from now on."""
        self.network.ip("link", "set", "eth0", "down")

    def plug(self) -> None:
        self.network.ip("link", "set", "eth0", "up")

    def shape(self, rate: str) -> None:
        """Limits the link to ``rate`` both ways; "" lifts it."""
        port = f"r{self.network.pid}"
        for space, device in ((self.network, "eth0"), (self._yard.switch, port)):
            subprocess.run(
                [*space.enter, "tc", "qdisc", "del", "dev", device, "root"], check=False, capture_output=True
            )
            if rate:
                shaped = ["root", "tbf", "rate", rate, "burst", "64kb", "latency", "200ms"]
                run(*space.enter, "tc", "qdisc", "add", "dev", device, *shaped)

    def authorize(self, yes: bool) -> None:
        """Whether the tests' key opens the door."""
        key = self._yard.key.with_suffix(".pub").read_text()
        (self.folder / "authorized").write_text(key if yes else "")

    def set_sshd(self, lines: str = "") -> None:
        """Starts sshd anew, with further lines of configuration."""
        self.kill_ssh()
        (self.folder / "sshd_config").write_text(_SERVER.format(address=self.address, folder=self.folder) + lines)
        self.start_ssh()

    def set_login(self, shell: str = "/bin/sh", startup: str = "", text: str = "") -> None:
        """The user's login shell, and a startup file of it in the home folder."""
        accounts = self.folder / "etc" / "passwd"
        lines = accounts.read_text().splitlines()
        own = next(line for line in lines if line.startswith(f"{USER}:"))
        lines[lines.index(own)] = f"{own.rpartition(':')[0]}:{shell}"
        accounts.write_text("\n".join(lines) + "\n")
        shutil.rmtree(self.folder / "home")
        (self.folder / "home").mkdir()
        if startup:
            place = self.folder / "home" / startup
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        for path in (self.folder / "home", *(self.folder / "home").rglob("*")):
            os.chown(path, UID, UID)

    def set_docker_cli(self, there: bool) -> None:
        """Whether the robot has a docker CLI: this machine's. Takes effect as sshd starts."""
        (self.folder / "cli").write_text("yes" if there else "")

    def new_host_key(self) -> None:
        """As after it was set up anew; sshd reads it when it starts."""
        (self.folder / "host").unlink(missing_ok=True)
        _make_key(self.folder / "host")

    def close(self) -> None:
        self.kill_ssh()
        try:
            self.engine.close()
        finally:
            self.network.close()

    def _connect(self, rate: str) -> None:
        port = f"r{self.network.pid}"
        switch = self._yard.switch
        switch.ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(self.network.pid))
        switch.ip("link", "set", port, "master", "switch", "up")
        self.network.ip("address", "add", f"{self.address}/24", "dev", "eth0")
        self.network.ip("link", "set", "eth0", "up")
        self.network.ip("route", "add", "default", "via", self._yard.address)  # ROS multicasts by it
        if rate:
            self.shape(rate)

    def _furnish(self, files: dict[str, str]) -> None:
        folder = self.folder
        shutil.copytree("/etc", folder / "etc", symlinks=True, ignore_dangling_symlinks=True)
        (folder / "etc").chmod(0o755)
        for name, lines in (
            ("passwd", [f"{USER}:x:{UID}:{UID}::{folder}/home:/bin/sh", f"{STRANGER}:x:4244:4244::/:/bin/sh"]),
            ("shadow", [f"{USER}:*:1:0:99999:7:::", f"{STRANGER}:*:1:0:99999:7:::"]),
            ("group", [f"{USER}:x:{UID}:", f"robenvtest-docker:x:{GROUP}:{USER}"]),
        ):
            path = folder / "etc" / name
            path.write_text(path.read_text() + "\n".join(lines) + "\n")
        for path_there, text in files.items():
            place = folder / Path(path_there).relative_to("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        (folder / "tmp").mkdir()
        (folder / "tmp").chmod(0o1777)
        (folder / "home").mkdir()
        os.chown(folder / "home", UID, UID)
        (folder / "none").write_text("")
        (folder / "sshd_config").write_text(_SERVER.format(address=self.address, folder=folder))
        self.new_host_key()
        self._yard.trust(self)
        self.authorize(True)


class Yard:
    """The switch, and what the tests' ssh is told: a key, the known hosts. Use as a context manager."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="robenvtest-yard-", dir="/var/tmp"))
        self.key, self.ssh_config = self.folder / "user", self.folder / "ssh_config"
        self.known_hosts = self.folder / "known"
        self.known_hosts.write_text("")
        _make_key(self.key)
        self.ssh_config.write_text(_CLIENT.format(folder=self.folder))
        self._net = _free_net()
        self.address = f"{self._net}.254"
        self._end = f"rt{secrets.token_hex(3)}y"
        self._robots: list[Robot] = []
        self._count = 0
        # Its own network: in this machine's, a firewall may drop what a bridge passes on.
        self.switch = Namespace()

    def __enter__(self) -> Yard:
        try:
            self.switch.ip("link", "add", "switch", "type", "bridge", "mcast_snooping", "0")
            self.switch.ip("link", "set", "switch", "up")
            run("ip", "link", "add", self._end, "type", "veth", "peer", "name", "here", "netns", str(self.switch.pid))
            self.switch.ip("link", "set", "here", "master", "switch", "up")
            run("ip", "address", "add", f"{self.address}/24", "dev", self._end)
            run("ip", "link", "set", self._end, "up")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def robot(
        self,
        name: str = "",
        engine: str = "system",
        rate: str = "",
        files: dict[str, str] | None = None,
        data_size: int | None = None,
    ) -> Robot:
        """Makes a robot and starts it; see ``Robot``."""
        self._count += 1
        number = self._count
        made = Robot(self, name or f"robenvtest-r{number}", f"{self._net}.{number}", engine, rate, files, data_size)
        self._robots.append(made)
        return made.start()

    def remove(self, robot: Robot) -> None:
        """Ends it, with all that it has."""
        self._robots.remove(robot)
        robot.close()

    @property
    def nobody(self) -> str:
        """An address at which nobody is."""
        return f"{self._net}.199"

    def trust(self, robot: Robot) -> None:
        """Takes the host key that the robot has now for its own."""
        lines = [line for line in self.known_hosts.read_text().splitlines() if not line.startswith(f"{robot.address} ")]
        key = (robot.folder / "host.pub").read_text().strip()
        self.known_hosts.write_text("\n".join([*lines, f"{robot.address} {key}"]) + "\n")

    def inventory(self, path: Path, *robots: Robot, **more: dict[str, str]) -> Path:
        """Writes a robots.yaml with these robots; ``more``: further hosts with their variables."""
        hosts: dict[str, Any] = {robot.name: robot.variables for robot in robots}
        path.write_text(json.dumps({"all": {"hosts": {**hosts, **more}}}))  # JSON is YAML
        return path

    def remember(self, robot: Robot, folder: Path) -> Path:
        """A folder for PATH with an ``ssh`` that knows the robot by its name, as a user's configuration would."""
        config, program = folder / "ssh_config", folder / "ssh"
        folder.mkdir(parents=True, exist_ok=True)
        names = f"Host {robot.name}\n  HostName {robot.address}\n  User {USER}\n"
        config.write_text(names + self.ssh_config.read_text())
        program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {config} "$@"\n')
        program.chmod(0o755)
        return folder

    def close(self) -> None:
        for robot in self._robots:
            robot.close()
        subprocess.run(["ip", "link", "delete", self._end], check=False, stderr=subprocess.DEVNULL)
        self.switch.close()
        shutil.rmtree(self.folder)


def _free_net() -> str:
    """The first three numbers of a /24 of a yard's own, of 198.18.0.0/15, which RFC 2544 keeps for benchmarks."""
    taken = subprocess.run(["ip", "-br", "address"], capture_output=True, text=True, check=True).stdout
    while f" {(net := f'198.{18 + secrets.randbelow(2)}.{secrets.randbelow(256)}')}." in taken:
        continue
    return net


def _make_key(path: Path) -> None:
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path))


def _sharing(kind: str, wanted: Path) -> list[int]:
    """The processes in a namespace."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                if (entry / "ns" / kind).readlink() == wanted:
                    found.append(int(entry.name))
    return found


def _await_port(address: str, port: int, process: subprocess.Popen[bytes], log: Path, timeout: float = 20) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"sshd did not start:\n{log.read_text()[-3000:]}") from None
            time.sleep(0.02)
        else:
            return
