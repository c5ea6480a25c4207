"""Building in tests: contexts, and where a build's events go."""

from __future__ import annotations

import tarfile
import time
from collections.abc import Iterable, Iterator

from robenv.engine.protocol import BuildEvent, BuildRequest, Engine, LogEvent, StepEvent
from robenv.render import stream
from robenv.render.entries import FILE, ContextEntry


def context(dockerfile: str, **files: bytes) -> Iterable[bytes]:
    """A context with this Dockerfile and these files."""
    entries = [ContextEntry("Dockerfile", FILE, 0o644, data=dockerfile.encode())]
    return stream([*entries, *(ContextEntry(name, FILE, 0o644, data=data) for name, data in files.items())])


def endless_context(dockerfile: str, pause: float = 0) -> Iterator[bytes]:
    """A context with a file that has no end; ``pause`` seconds between two pieces of it."""
    yield from list(context(dockerfile))[:-1]
    big = tarfile.TarInfo("big")
    big.size = 1 << 40
    yield big.tobuf(tarfile.GNU_FORMAT)
    while True:
        yield b"\0" * 65536
        time.sleep(pause)


def request(tag: str, buildkit: bool = True, no_cache: bool = True) -> BuildRequest:
    """A build without network, for no test of building needs one."""
    labels = {"robenv.project": tag.partition(":")[0]}
    return BuildRequest(tag, "linux/amd64", labels, buildkit=buildkit, no_cache=no_cache, network_mode="none")


def build(engine: Engine, wanted: BuildRequest, dockerfile: str) -> list[BuildEvent]:
    return list(engine.build(wanted, context(dockerfile)))


def output(events: Iterable[BuildEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, LogEvent))


def steps(events: Iterable[BuildEvent]) -> dict[str, StepEvent]:
    """The last event of each step, by its name."""
    return {event.name: event for event in events if isinstance(event, StepEvent)}
