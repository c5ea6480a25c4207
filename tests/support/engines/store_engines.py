"""Engines with each kind of image store, a registry that they reach, and a way to one that can be cut."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import docker

from robenv.engine import docker_engine
from robenv.engine.protocol import Engine
from tests.support.engines.newer_engine import NewerEngine
from tests.support.engines.second_engine import SecondEngine
from tests.support.servers.registry import Registry


class SmallNewerEngine(NewerEngine):
    """``data_size``: puts its data on a tmpfs of that many bytes, for the disk that is full."""

    store = "containerd-snapshotter=false"

    def __init__(self, data_size: int | None = None) -> None:
        super().__init__()
        if data_size is not None:
            mount = ["mount", "-t", "tmpfs", "-o", f"size={data_size}", "tmpfs", str(self.folder / "data")]
            subprocess.run(mount, check=True)

    @property
    def options(self) -> list[str]:
        return [*super().options, "--feature", self.store]


class ContentEngine(SmallNewerEngine):
    """Its images lie in containerd's store."""

    store = "containerd-snapshotter=true"


KINDS: dict[str, Callable[..., SecondEngine]] = {
    "system's": SecondEngine,
    "newer": SmallNewerEngine,
    "containerd": ContentEngine,
}


@contextlib.contextmanager
def opened(url: str) -> Iterator[Engine]:
    """robenv's client of an engine."""
    engine = docker_engine.connect({"DOCKER_HOST": url})
    try:
        yield engine
    finally:
        engine.close()


def empty(api: Any) -> None:
    """Removes every image and container of an engine of a test's own."""
    for container in api.containers(all=True):
        api.remove_container(container["Id"], force=True)
    for image in api.images():
        with contextlib.suppress(docker.errors.ImageNotFound):
            api.remove_image(image["Id"], force=True)


class NearRegistry(Registry):
    """A registry in an engine's own network, for from there no other is reached."""

    def __init__(self, engine: SecondEngine) -> None:
        super().__init__()
        assert engine._process is not None
        self._inside = ["nsenter", "--net", "--target", str(engine._process.pid)]

    def start(self, timeout: float = 20) -> NearRegistry:
        subprocess.run([*self._inside, "ip", "link", "set", "lo", "up"], check=True)
        command = [*self._inside, "docker-registry", "serve", str(self.folder / "config.yml")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + timeout
        while "listening on" not in self.log.read_text():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The registry did not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)
        return self


class Way:
    """A socket that leads to an engine's and counts, and acts once after so many bytes of one direction.

    with Way(engine.socket) as way: way.url, way.up (bytes to the engine), way.down; way.after("up", 1000, way.cut)
    """

    def __init__(self, socket_path: Path | str) -> None:
        self._there = str(socket_path)
        self._folder = tempfile.TemporaryDirectory(prefix="robenvtest-way-", dir="/var/tmp")
        self._listener = socket.socket(socket.AF_UNIX)
        self._open: list[socket.socket] = []
        self._trigger: tuple[str, int, Callable[[], object]] | None = None
        self.count = {"up": 0, "down": 0}
        path = f"{self._folder.name}/s"
        self._listener.bind(path)
        self._listener.listen()
        self.url = f"unix://{path}"

    def __enter__(self) -> Way:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        self.cut()
        self._folder.cleanup()

    def after(self, direction: str, count: int, act: Callable[[], object]) -> None:
        """Acts once, when ``count`` more bytes have gone that way."""
        self._trigger = (direction, self.count[direction] + count, act)

    def cut(self) -> None:
        """Breaks every connection; new ones are taken again."""
        _break(*self._open)
        self._open.clear()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                here, _ = self._listener.accept()
                there = socket.socket(socket.AF_UNIX)
                try:
                    there.connect(self._there)
                except OSError:  # the engine is down: the caller is told by an end of file
                    here.close()
                    continue
                self._open += [here, there]
                for one, other, direction in ((here, there, "up"), (there, here, "down")):
                    threading.Thread(target=self._pump, args=(one, other, direction), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket, direction: str) -> None:
        with contextlib.suppress(OSError):
            try:
                self._hand_on(one, other, direction)
            finally:
                _break(one, other)

    def _hand_on(self, one: socket.socket, other: socket.socket, direction: str) -> None:
        while data := one.recv(1 << 16):
            self.count[direction] += len(data)
            trigger = self._trigger
            if trigger and trigger[0] == direction and self.count[direction] >= trigger[1]:
                self._trigger = None
                trigger[2]()
            other.sendall(data)


def _break(*ends: socket.socket) -> None:
    for end in ends:
        with contextlib.suppress(OSError):  # broken already
            end.shutdown(socket.SHUT_RDWR)
