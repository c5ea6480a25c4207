"""Podman behind its Docker-compatible API, of a test's own: root's or an ordinary user's."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import docker

from scripts import own_root

USER = 1235
"""Whose rootless Podman is; nobody of this UID need be on the machine."""
_SUBORDINATE = 493216
TUN = "mount -t tmpfs tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200"
"""Where it is the administrator's alone, rootless Podman has no network. For a mount namespace of one's own."""
_START = f"""
set -e
folder=$1 user=$2
shift 2
ip link set lo up
for place in /dev/shm /run/netns /run/libpod /run/containers /var/lib/cni; do
  mkdir -p "$place"
  mount -t tmpfs -o mode=1777 tmpfs "$place"
done
mkdir -p /dev/net
{TUN}
for file in passwd group subuid subgid; do mount --bind "$folder/etc/$file" "/etc/$file"; done
if [ "$user" = 0 ]; then exec catatonit -- "$@"; fi
exec setpriv --reuid="$user" --regid="$user" --clear-groups catatonit -- "$@"
"""
"""What the user's Podman needs of the machine, and what two Podmans would share, are the namespace's own."""
_ENGINE_CONF = """
[containers]
default_ulimits = []
[engine]
runtime = "runc"
"""


class PodmanEngine:
    """A ``podman system service`` with folders, network and processes of its own.

    ``rootless``: runs as USER, with subordinate IDs. The client is USER as well, in either case.
    """

    def __init__(self, rootless: bool) -> None:
        self.rootless = rootless
        self.folder = Path("/var/tmp", f"robenvtest-podman-{uuid.uuid4().hex[:8]}")
        self.folder.mkdir(mode=0o755)
        self.socket = self.folder / "run" / "podman.sock"
        self.url = f"unix://{self.socket}"
        self.log = self.folder / "podman.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._apis: list[Any] = []
        self._furnish()

    def _furnish(self) -> None:
        owner = USER if self.rootless else 0
        etc = self.folder / "etc"
        etc.mkdir()
        for name, line in {
            "passwd": f"robenvtest:x:{USER}:{USER}::{self.folder}/home:/bin/sh",
            "group": f"robenvtest:x:{USER}:",
            "subuid": f"robenvtest:{_SUBORDINATE}:65536",
            "subgid": f"robenvtest:{_SUBORDINATE}:65536",
        }.items():
            file = Path("/etc", name)
            before = [
                splitline for splitline in file.read_text().splitlines() if not splitline.startswith("robenvtest:")
            ]
            (etc / name).write_text("\n".join((*before, line, "")))
            file.touch()  # has to be there for the other to lie over it
        for name in ("home", "run", "data", "tmp"):
            (self.folder / name).mkdir()
            os.chown(self.folder / name, owner, owner)
        (self.folder / "containers.conf").write_text(_ENGINE_CONF)

    @property
    def command(self) -> list[str]:
        folder = self.folder
        podman = ["podman", "--root", f"{folder}/data", "--runroot", f"{folder}/run/containers"]
        podman += ["--tmpdir", f"{folder}/run/libpod", "--cgroup-manager", "cgroupfs", "--storage-driver", "overlay"]
        return self.started_by([*podman, "system", "service", "--time", "0", self.url])

    def started_by(self, service: list[str]) -> list[str]:
        own = ["unshare", "--net", *own_root.prefix(), "unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return [*own, "--mount-proc", "sh", "-c", _START, "sh", str(self.folder), str(self._owner), *service]

    @property
    def _owner(self) -> int:
        return USER if self.rootless else 0

    @property
    def environment(self) -> dict[str, str]:
        """Beside what both need."""
        return {}

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, timeout: float = 60) -> PodmanEngine:
        """Starts it, and returns once it answers."""
        environ = {
            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
            "HOME": f"{self.folder}/home",
            "XDG_RUNTIME_DIR": f"{self.folder}/run",
            "TMPDIR": f"{self.folder}/tmp",
            "CONTAINERS_CONF": f"{self.folder}/containers.conf",
            **self.environment,
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + timeout
        while not self._answers():
            if not self.running or time.monotonic() > deadline:
                raise RuntimeError(f"The engine did not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)
        os.chown(self.socket, USER, USER)
        return self

    def _answers(self) -> bool:
        try:
            docker.APIClient(base_url=self.url, version="auto", timeout=30).close()  # asks for its version
        except (docker.errors.DockerException, OSError):
            return False
        return True

    def api(self) -> Any:
        """A client of docker-py, to prepare and to look; closed with the engine."""
        api = docker.APIClient(base_url=self.url, version="auto", timeout=120)
        self._apis.append(api)
        return api

    def close(self) -> None:
        """Ends all that it started, which is of one PID namespace, and removes all of its files."""
        for api in self._apis:
            with contextlib.suppress(docker.errors.DockerException, OSError):
                for container in api.containers(all=True):  # whose cgroups would stay
                    api.remove_container(container["Id"], force=True)
            api.close()
        self._apis.clear()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(60)
        shutil.rmtree(self.folder)
