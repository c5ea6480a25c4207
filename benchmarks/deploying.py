"""An update of a robot over 20 Mbit/s: robenv's transfer beside `docker save | ssh docker load` and a registry.

The robot is a network of its own with an sshd and a Docker Engine, and a link that tc limits both ways; everything goes
over ssh. It has the release before: for the registry pulled from it, else loaded. Bytes are those of the link. What is
compared is only the way of the image: the build before it and the switch after it are the same for all.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.entering import remove_images
from benchmarks.measure import ROBENV, ROOT, Check, Group, run
from robenv.engine import docker_engine
from robenv.engine.protocol import BuildEvent, Engine, TransferEvent
from robenv.remote.connection import connect
from robenv.transfer.push_capture import noting
from robenv.transfer.send import send_image
from robenv.util.concurrency import forward
from tests.support.engines.second_engine import SecondEngine
from tests.support.robots.robots import Robot, Yard
from tests.support.servers.registry import Registry

PROJECT = "robenv-bench-deploy"
RATE = "20mbit"
_OURS, _PLAIN, _GZIP, _REGISTRY = "robenv", "docker save | load", "docker save | gzip | load", "registry push + pull"
_UPDATES = {"one source file": "", "one package more": "apt: {packages: [tree]}\n"}
_TEAM = "name: team\nbase: {bootstrap: {suite: bookworm}}\napt: {packages: [python3-minimal, less]}\n"
_SOURCES = 200
_LARGE = 1 << 30


@dataclass
class Results:
    seconds: dict[str, list[float]] = field(default_factory=dict)
    megabytes: dict[str, list[float]] = field(default_factory=dict)

    def take(self, name: str, seconds: float, count: int) -> None:
        self.seconds.setdefault(name, []).append(seconds)
        self.megabytes.setdefault(name, []).append(count / 1e6)


def measure(folder: Path, quick: bool) -> list[Group]:
    """Seconds and bytes of each way, and the client's memory where a layer of 1 GiB is sent."""
    results = Results()
    try:
        with _robot() as (robot, target, source, registry):
            project = folder / "deploy"
            _write(project)
            before = _build(project, "first", "")
            for update, profile in list(_UPDATES.items())[: 1 if quick else None]:
                after = _build(project, update, profile)
                ways = _Ways(source, target, robot, registry, folder / "spool", before, after)
                for way, send in ways.all.items():
                    ways.prepare(way)
                    results.take(f"{way}, {update}", *ways.timed(send))
    finally:
        remove_images(f"robenv/{PROJECT}")
    return [*_groups(results), *([] if quick else [_memory(folder)])]


def _groups(results: Results) -> list[Group]:
    reference = f"{_PLAIN}, one source file"
    time_taken = Group(f"An update over {RATE}", "s", results.seconds, reference)
    size = Group(f"An update over {RATE}: bytes on the link", "MB", results.megabytes, reference)
    ours = f"{_OURS}, one source file"
    time_taken.checks = [Check("one source file: robenv / docker save | load", time_taken.ratio(ours) or 0, 0.2)]
    size.checks = [Check("one source file: robenv / registry, bytes", size.median(ours) / _registry(size), 1)]
    return [time_taken, size]


def _registry(group: Group) -> float:
    return group.median(f"{_REGISTRY}, one source file")


@contextmanager
def _robot() -> Iterator[tuple[Robot, Engine, Engine, Registry]]:
    """A robot, its engine over ssh, this machine's, and a registry here that both reach at one address."""
    with ExitStack() as stack:
        yard = stack.enter_context(Yard())
        robot = yard.robot(engine="newer")
        registry = Registry()
        stack.callback(registry.close)
        registry.start()
        source = docker_engine.connect(os.environ)
        stack.callback(source.close)
        # An engine takes a registry at 127.0.0.1 without TLS: so it listens there on the robot too.
        known = robot.known
        back = f"{registry.address}:{registry.address}"
        argv = ["ssh", *known.ssh_options, "-N", "-o", "ExitOnForwardFailure=yes", "-R", back]
        argv.append(f"{known.user}@{known.host}")
        tunnel = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
        stack.callback(tunnel.wait)
        stack.callback(tunnel.terminate)
        target = stack.enter_context(connect(known)).engine
        yield robot, target, source, registry


class _Ways:
    """The ways in which ``after`` gets to a robot that has ``before``."""

    def __init__(
        self,
        source: Engine,
        target: Engine,
        robot: Robot,
        registry: Registry,
        layer_cache: Path,
        before: str,
        after: str,
    ) -> None:
        self._source, self._target, self._robot = source, target, robot
        self._before, self._after, self._spool = before, after, layer_cache
        self._remote = f"{registry.address}/{PROJECT}"
        self._platform = target.info().platform
        self.all: dict[str, Callable[[], object]] = {
            _OURS: lambda: self._by_robenv(after),
            _PLAIN: lambda: target.load_images(source.save_images([after])),
            _GZIP: lambda: target.load_images(_gzipped(source.save_images([after]))),
            _REGISTRY: lambda: self._by_registry(after, "after"),
        }

    def prepare(self, way: str) -> None:
        """Leaves the robot with the release before and nothing else, brought as that way would have."""
        api = self._robot.engine.api()
        planned = self._source.find_image(self._before)
        for image in api.images():
            if way in (_OURS, _REGISTRY) or planned is None or image["Id"] != planned.id:
                api.remove_image(image["Id"], force=True)
        if way == _REGISTRY:
            self._by_registry(self._before, "before")
        elif way == _OURS:
            self.timed(lambda: self._by_robenv(self._before))  # over the same link, as it was
        elif not api.images():
            api.load_image(self._source.save_images([self._before]))

    def timed(self, send: Callable[[], object]) -> tuple[float, int]:
        """Seconds, and the bytes that came over the link."""
        self._robot.shape(RATE)
        try:
            count, began = _received(self._robot), time.perf_counter()
            send()
            return time.perf_counter() - began, _received(self._robot) - count
        finally:
            self._robot.shape("")

    def _by_robenv(self, image: str) -> None:
        """As `robenv deploy` sends it."""
        found = self._source.find_image(image)
        with noting(self._source) as note:

            def moved(event: BuildEvent) -> None:
                if isinstance(event, TransferEvent) and event.total and found is not None:
                    note(found)

            send_image(self._source, self._target, image, image, spool_folder=self._spool, progress=moved)

    def _by_registry(self, image: str, tag: str) -> None:
        name = f"{self._remote}:{tag}"
        self._source.tag(image, name)
        try:
            forward(self._source.push(name), _ignore)
        finally:
            self._source.remove_image(name)
        forward(self._target.pull(name, self._platform), _ignore)


def _ignore(event: object) -> None:
    """Nobody watches."""


def _gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def _received(robot: Robot) -> int:
    said = run([*robot.network.enter, "ip", "-statistics", "-json", "link", "show", "eth0"])
    return int(json.loads(said)[0]["stats64"]["rx"]["bytes"])


def _write(project: Path) -> None:
    """A workspace of real sources: some of Python's own, 5 MB."""
    sources = project / "src"
    sources.mkdir(parents=True)
    for module in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[:_SOURCES]:
        shutil.copy(module, sources / module.name)
    (project / "team.yaml").write_text(_TEAM)


def _build(project: Path, mark: str, profile: str) -> str:
    """Changes a source file, builds, and tells the image's name."""
    (project / "src" / "changed.py").write_text(f"# {mark} {uuid.uuid4().hex}\n")
    files = "files: [{source: src, target: /opt/src}]\n"
    (project / "robenv.yaml").write_text(f"name: {PROJECT}\nextends: ./team.yaml\n{files}{profile}")
    run([ROBENV, "build", "--quiet"], cwd=project)
    images = json.loads(run([ROBENV, "plan", "--json"], cwd=project))
    return str(images["image"])


def _memory(folder: Path) -> Group:
    """Megabytes resident of a process that sends, over those before it did."""
    engine = SecondEngine()
    try:
        engine.start()
        command = [
            sys.executable,
            "-m",
            "tests.support.robots.sending",
            engine.url,
            str(_LARGE),
            str(folder / "large"),
        ]
        said = run(command, ROOT)
    finally:
        engine.close()
    idle, peak = (int(line) / 1024 for line in said.split())
    group = Group("Memory of the client that sends a layer of 1 GiB", "MB", {"idle": [idle], "at most": [peak]})
    group.checks = [Check("above idle", peak - idle, 100)]
    return group
