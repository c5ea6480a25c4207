"""A Docker Engine of a test's own: own data, own socket, own processes; it may be killed, frozen and filled up."""

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


class SecondEngine:
    """A dockerd with folders, socket and network of its own: its containers reach each other, and nothing else.

    ``data_size``: puts its data on a tmpfs of that many bytes, for the disk that is full.
    ``programs``: a folder whose programs it finds before the system's.
    """

    def __init__(
        self, data_size: int | None = None, options: tuple[str, ...] = (), programs: Path | None = None
    ) -> None:
        # A short path, for a unix socket's is at most 107 bytes; /var/tmp, for /tmp may be a tmpfs.
        # Letters and digits alone, for containerd takes a namespace's name neither with _ at its end nor with __.
        self.folder = Path("/var/tmp", f"robenvtest-engine-{uuid.uuid4().hex[:8]}")
        self.folder.mkdir(mode=0o700)
        self.socket = self.folder / "docker.sock"
        self.url = f"unix://{self.socket}"
        self.log = self.folder / "dockerd.log"
        self._options = options
        self._programs = programs
        self._process: subprocess.Popen[bytes] | None = None
        self._apis: list[Any] = []
        (self.folder / "data").mkdir()
        if data_size is not None:
            mount = ["mount", "-t", "tmpfs", "-o", f"size={data_size}", "tmpfs", str(self.folder / "data")]
            subprocess.run(mount, check=True)

    @property
    def options(self) -> list[str]:
        """dockerd's command line."""
        name = self.folder.name
        options = ["--iptables=false", "--host", self.url]
        options += ["--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", f"/{name}"]
        options += ["--data-root", str(self.folder / "data"), "--exec-root", str(self.folder / "exec")]
        options += ["--pidfile", str(self.folder / "dockerd.pid")]
        # A containerd that the whole system shares would mix up two engines in one namespace.
        options += ["--containerd-namespace", name, "--containerd-plugins-namespace", f"{name}-plugins"]
        return [*options, *self._options]

    @property
    def command(self) -> list[str]:
        """What starts it: in a network of its own, for two engines in one would both claim docker0."""
        return ["unshare", "--net", *own_root.prefix(), "dockerd", *self.options]

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment with DOCKER_HOST set to this engine, and no docker context."""
        return {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")} | {
            "DOCKER_HOST": self.url
        }

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, timeout: float = 60) -> SecondEngine:
        """Starts it, also again after ``stop`` or ``kill``, and returns once it answers.

        Docker 20.10 that finds the containers of one that was killed may stand still while it loads them; as a service
        manager would, this ends it then and starts it once more.
        """
        self._launch()
        if not self._comes_up(timeout) and self.running:
            self.kill()
            self._launch()
            self._comes_up(timeout)
        if not self._answers():
            raise RuntimeError(f"The second engine did not start:\n{self.log.read_text()[-3000:]}")
        return self

    def _launch(self) -> None:
        (self.folder / "dockerd.pid").unlink(missing_ok=True)
        path = os.environ["PATH"] if self._programs is None else f"{self._programs}:{os.environ['PATH']}"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env={**os.environ, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _comes_up(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while not self._answers():
            if not self.running or time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def _answers(self) -> bool:
        try:
            docker.APIClient(base_url=self.url, version="auto", timeout=5).close()  # asks for its version
        except (docker.errors.DockerException, OSError):
            return False
        return True

    def api(self) -> Any:
        """A client of docker-py, to prepare and to look; closed with the engine."""
        api = docker.APIClient(base_url=self.url, version="auto", timeout=120)
        self._apis.append(api)
        return api

    def copy_image(self, source: docker.APIClient, reference: str) -> None:
        """Loads an image of another engine into this one; ``prepared_image.lay_down`` is quicker, before it starts."""
        self.api().load_image(source.get_image(reference))

    def _signal(self, number: int) -> None:
        if self._process is None:
            raise RuntimeError("The second engine was not started")
        self._process.send_signal(number)

    def kill(self) -> None:
        """As a crash would: SIGKILL, which takes its containerd along. Containers live on, and ``start`` finds them."""
        self._signal(signal.SIGKILL)
        self._wait(30)
        pidfile = self.folder / "exec" / "containerd" / "containerd.pid"
        if pidfile.exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pidfile.read_text()), signal.SIGKILL)
            # Where nothing reaps it, the next dockerd would take the dead containerd for a living one.
            pidfile.unlink()

    def stop(self) -> None:
        """As the service manager would: SIGTERM, which stops the containers too."""
        self._signal(signal.SIGTERM)
        self._wait(60)

    def freeze(self) -> None:
        """Keeps the socket open and answers nothing, until ``thaw``."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Ends everything that it started and removes all of its files, whatever state it is in."""
        for api in self._apis:
            api.close()
        if self.running:
            self.kill()
        self._end_left_over()
        self._apis.clear()
        self._unmount()
        self._remove_cgroups()
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _wait(self, seconds: float) -> None:
        assert self._process is not None
        self._process.wait(timeout=seconds)

    def left_over(self) -> list[int]:
        """Its processes that live: dockerd, containerd, the containers' shims, the containers."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with contextlib.suppress(OSError):  # it has ended meanwhile
                    if self._is_ours(entry):
                        found.append(int(entry.name))
        return found

    def _end_left_over(self) -> None:
        """Its containerd, the containers' shims and processes: they outlive a killed dockerd."""
        for _ in range(100):
            processes = self.left_over()
            if not processes:
                return
            for process in processes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.05)
        raise RuntimeError(f"These processes of {self.folder} do not end: {processes}")

    def _is_ours(self, process: Path) -> bool:
        program, *arguments = (process / "cmdline").read_bytes().split(b"\0")
        ours = any(f"{self.folder}/".encode() in argument for argument in arguments)
        if ours and Path(os.fsdecode(program)).name.startswith(("containerd", "dockerd")):
            return True
        return f"/{self.folder.name}/".encode() in (process / "cgroup").read_bytes()

    def _unmount(self, keep: str = "") -> None:
        for mount in sorted(set(self._mounts()) - {keep}, key=len, reverse=True):
            subprocess.run(["umount", "--lazy", mount], check=False, stderr=subprocess.DEVNULL)

    def _remove_cgroups(self) -> None:
        for top in Path("/sys/fs/cgroup").glob(f"**/{self.folder.name}"):
            below = [path for path in top.rglob("*") if path.is_dir()]
            for folder in [*sorted(below, key=lambda path: -len(path.parts)), top]:
                _remove_cgroup(folder)

    def _mounts(self) -> list[str]:
        lines = Path("/proc/self/mounts").read_text().splitlines()
        return [mount for mount in (line.split()[1] for line in lines) if mount.startswith(f"{self.folder}/")]


def _remove_cgroup(folder: Path) -> None:
    """The kernel says that it is busy for a moment after its last process has ended."""
    for _ in range(100):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    folder.rmdir()
