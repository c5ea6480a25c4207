"""Sends an image with one large layer to an engine, and prints its own memory before and at most, in KiB.

python -m tests.support.robots.sending ENGINE_URL BYTES SPOOL_FOLDER
"""

from __future__ import annotations

import os
import resource
import sys
import tarfile
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from robenv.engine import docker_engine
from robenv.engine.protocol import BuildRequest, Engine
from robenv.transfer.send import send_image


def _context(size: int) -> Iterator[bytes]:
    yield from _file("Dockerfile", [b"FROM scratch\nCOPY noise /noise\n"])
    yield from _file("noise", (os.urandom(1 << 20) for _ in range(size >> 20)), size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _file(name: str, pieces: Iterable[bytes], size: int = 0) -> Iterator[bytes]:
    member = tarfile.TarInfo(name)
    if not size:
        pieces = list(pieces)
        size = sum(map(len, pieces))
    member.size = size
    yield member.tobuf(tarfile.GNU_FORMAT)
    yield from pieces
    yield bytes(-size % tarfile.BLOCKSIZE)


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _send(source: Engine, target: Engine, size: int, layer_cache: Path) -> None:
    image = f"robenvtest-large:{uuid.uuid4().hex[:8]}"
    try:
        for _ in source.build(BuildRequest(image, source.info().platform, {}), _context(size)):
            pass
        idle = _memory()
        sent = send_image(source, target, image, image, spool_folder=layer_cache)
        assert sent.bytes > size
        print(idle, _memory())
    finally:
        source.remove_image(image)


def main(url: str, size: str, layer_cache: str) -> None:
    source, target = docker_engine.connect(os.environ), docker_engine.connect({"DOCKER_HOST": url})
    _send(source, target, int(size), Path(layer_cache))
    source.close()
    target.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
