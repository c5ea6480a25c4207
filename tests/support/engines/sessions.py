"""The other end of a process session: the Engine API's frames, and a process that ends when a test wants it."""

from __future__ import annotations

from robenv.engine.terminal.process_session import STDERR, STDOUT


def frame(stream: int, data: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


def collect(pieces: list[tuple[int, bytes]]) -> dict[int, bytes]:
    joined = {STDOUT: b"", STDERR: b""}
    for stream, data in pieces:
        joined[stream] += data
    return joined


class Process:
    """What stands at the other end: runs for as many looks as ``looks``, then has ended with ``code``."""

    def __init__(self, code: int = 0, looks: int = 0) -> None:
        self.code, self.looks = code, looks
        self.sizes: list[tuple[int, int]] = []
        self.signals: list[str] = []
        self.awaited: list[str] = []

    def resize(self, rows: int, columns: int) -> None:
        self.sizes.append((rows, columns))

    def poll(self) -> int | None:
        self.looks -= 1
        return None if self.looks >= 0 else self.code

    def await_start(self) -> None:
        self.awaited.append("start")

    def send_signal(self, name: str) -> int:
        self.signals.append(name)
        return 1
