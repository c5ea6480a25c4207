"""Programs whose output may be anything, and as much as it likes: what a robot says over ssh."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

from robenv.util.bounded_json import LAST_WORDS, OUTPUT, TooLong, join_bounded, last_bytes

_PIECE = 64 * 1024


def run(argv: list[str], stdin: bytes, timeout: float | None) -> subprocess.CompletedProcess[bytes]:
    """As ``subprocess.run`` with its output captured; of stderr the last words.

    Raises subprocess.TimeoutExpired, and TooLong where it writes more than OUTPUT; then it is ended.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        said = LastWords(process.stderr)
        feeder = threading.Thread(target=_feed, args=(process.stdin, stdin), daemon=True)
        feeder.start()
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(timeout or 0, end)
        if timeout is not None:
            timer.start()
        try:
            output = join_bounded(_pieces(process.stdout), OUTPUT)
            code = process.wait()
        finally:
            timer.cancel()
            process.kill()
            feeder.join()
        if late.is_set():
            raise subprocess.TimeoutExpired(argv, timeout or 0)
        return subprocess.CompletedProcess(argv, code, output, said.text().encode())


class LastWords:
    """Reads a stream to its end in a thread, and keeps the last of it."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        self._kept = b""
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def text(self, patience: float = 2.0) -> str:
        """Waits for the end at most ``patience`` seconds."""
        self._thread.join(patience)
        return self._kept.decode(errors="replace")

    def _read(self, stream: IO[bytes] | None) -> None:
        with suppress(OSError, ValueError):  # closed meanwhile
            for piece in _pieces(stream):
                self._kept = last_bytes((self._kept, piece), LAST_WORDS)
            if stream is not None:
                stream.close()


def _pieces(stream: IO[bytes] | None) -> Iterator[bytes]:
    while stream is not None and (piece := stream.read1(_PIECE)):  # type: ignore[attr-defined]
        yield piece


def _feed(stream: IO[bytes] | None, data: bytes) -> None:
    with suppress(OSError):  # it does not read to the end
        if stream is not None:
            stream.write(data)
    with suppress(OSError):
        if stream is not None:
            stream.close()


__all__ = ["LastWords", "TooLong", "run"]
