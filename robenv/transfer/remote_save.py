"""What a builder's engine saves, without the layers that are here: they are left out over there, not on the way.

The Engine API gives whole images only, but for a containerd image store (see ``robenv.transfer.blobs``).
"""

from __future__ import annotations

import shlex
import subprocess
import tempfile
import zlib
from collections.abc import Iterator, Set
from pathlib import Path

from robenv.engine.protocol import Engine
from robenv.engine.transport.ssh import mark_command, over_ssh, parse_ssh_url, read_greeting
from robenv.transfer import filtered_save
from robenv.util.concurrency import cancellable

_PIECE = 1 << 18
_INFLATED = 1 << 20
"""Bytes that are unpacked at a time, however well they are packed."""


class SiftedSave:
    """Called with an image's ID and the digests of layers, gives the archive of `docker save` with these alone.

    It takes Python 3 on the builder; without that the whole archive comes. ``received``: bytes that came over the link
    so far, where they were sifted.
    """

    def __init__(self, engine: Engine, url: str) -> None:
        self.received = 0
        self._engine = engine
        self._url = url

    def __call__(self, image: str, wanted: Set[str]) -> Iterator[bytes]:
        came = False
        for piece in self._sifted(image, wanted):
            came = True
            yield piece
        if not came:
            yield from self._engine.save_images([image])

    def _sifted(self, image: str, wanted: Set[str]) -> Iterator[bytes]:
        """Nothing where it cannot be done over there."""
        there = parse_ssh_url(self._url)
        script = Path(filtered_save.__file__).read_text(encoding="utf-8")
        save = ["docker", *(["--host", f"unix://{there.socket}"] if there.socket else []), "save", image]
        words = f"{shlex.join(save)} | {shlex.join(['python3', '-c', script, *sorted(wanted)])}"
        there_runs = mark_command(words)
        command = over_ssh(self._url, there_runs.command)
        with (
            tempfile.TemporaryFile() as said,
            subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, start_new_session=True
            ) as process,
        ):
            try:
                with cancellable(process.terminate):
                    yield from self._unpacked(process, there_runs.line)
            finally:
                process.terminate()

    def _unpacked(self, process: subprocess.Popen[bytes], line: bytes) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(31)
        piece = read_greeting(process.stdout, line)
        while process.stdout is not None and piece is not None:
            self.received += len(piece)
            while piece and (plain := unpacker.decompress(piece, _INFLATED)):
                yield plain
                piece = unpacker.unconsumed_tail
            piece = process.stdout.read1(_PIECE) or None  # type: ignore[attr-defined]
