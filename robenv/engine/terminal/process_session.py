"""A process's streams over a connection that the engine handed over, and the Engine API's frames on it."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import NamedTuple

from robenv.util.bounded_json import OUTPUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from robenv.engine.terminal.types import ProcessSession
    from robenv.engine.transport.http_client import Stream

    class Process(Protocol):
        """What the engine can do to the process at the other end of a session. Raises robenv's errors."""

        def resize(self, rows: int, columns: int) -> None: ...

        def poll(self) -> int | None:
            """Its exit code; None while it runs."""

        def await_start(self) -> None:
            """Returns once the engine passes on the end of its input, or after a while."""

        def send_signal(self, name: str) -> int:
            """How many processes it reached."""


STDOUT, STDERR = 1, 2
_SHUT_WR = 1
_SYSTEM_ERROR = 3
_HEADER = 8
_CHUNK = 64 * 1024
_DETACH_NOTES = (
    b"exec attach failed: error on attach stdin: read escape sequence\r\n",
    b"Error: detached from container\n",  # Podman's
)
_PODMAN_NOISE = (b"Error: read unixpacket @->/proc/self/fd/", b"/attach: read: connection reset by peer\n")
"""A frame of its own after what Podman says of a program that is not there: of its own parts' connection."""
_DETACH_CODE = 126
"""Docker Engine 20.10 detaches, says so as of a failure, and has the process, which runs on, down as failed."""
_PATIENCE = 0.4
"""Seconds: the engine notes an exit a little after the streams have ended."""


class FrameDecoder:
    """Takes the Engine API's multiplexed stream as it comes, cut anywhere, and gives the parts of stdout and stderr.

    A frame is a header of 8 bytes (stream, three zeros, the length as a big-endian number) and so many bytes.
    Source: docs.docker.com/reference/api/engine/, "Attach to a container", stream format.
    """

    def __init__(self) -> None:
        self._header = bytearray()
        self._stream = 0
        self._left = 0

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """(STDOUT or STDERR, bytes) for all that can be told by now. Raises OperationFailed."""
        parts: list[tuple[int, bytes]] = []
        at, size = 0, len(data)
        while at < size:
            if self._left:
                piece = data[at : at + self._left]
                if not (piece.startswith(_PODMAN_NOISE[0]) and piece.endswith(_PODMAN_NOISE[1])):
                    parts.append((self._stream, piece))
                self._left -= len(piece)
                at += len(piece)
                continue
            missing = _HEADER - len(self._header)
            self._header += data[at : at + missing]
            at += missing
            if len(self._header) == _HEADER:
                self._begin()
        return parts

    def _begin(self) -> None:
        kind, self._left = self._header[0], int.from_bytes(self._header[4:], "big")
        if kind > _SYSTEM_ERROR or any(self._header[1:4]):
            from robenv.errors import OperationFailed

            raise OperationFailed(
                "The engine's stream cannot be understood.", details=f"It has no frame's header: {self._header.hex()}"
            )
        self._stream = STDERR if kind in (STDERR, _SYSTEM_ERROR) else STDOUT
        self._header.clear()

    @property
    def whole(self) -> bool:
        """Whether the stream may end here: not in the middle of a frame."""
        return not self._left and not self._header


class RawDecoder:
    """The stream of a process with a TTY: all of it is stdout."""

    whole = True

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        return [(STDOUT, data)] if data else []


def demultiplexer(tty: bool) -> FrameDecoder | RawDecoder:
    return RawDecoder() if tty else FrameDecoder()


class SocketSession:
    """A Session over a connected socket. ``rest``: bytes of it that were read already.

    ``detach_keys``: what, typed, makes the engine end the session and leave the process be.
    """

    def __init__(
        self, stream: Stream, process: Process, tty: bool, stdin: bool, rest: bytes = b"", detach_keys: bytes = b""
    ) -> None:
        self.tty = tty
        self.stdin = stdin
        self.size: tuple[int, int] | None = None
        self._stream = stream
        self._process = process
        self._rest = rest
        self._detach_keys = detach_keys if tty and stdin else b""
        self._typed = b""
        self._detached = False

    def fileno(self) -> int:
        return self._stream.fileno()

    def set_blocking(self, blocking: bool) -> None:
        self._stream.settimeout(None if blocking else 0)

    def set_timeout(self, seconds: float) -> None:
        """``recv`` gives b"" where nothing came for that long."""
        self._stream.settimeout(seconds)

    def pending(self) -> bool:
        return bool(self._rest)

    def recv(self, size: int) -> bytes:
        if self._rest:
            data, self._rest = self._rest[:size], self._rest[size:]
            return data
        data = self._received(size)
        for note in _DETACH_NOTES if self._detached else ():
            if note in data:
                return data.replace(note, b"") or self._received(size)
        return data

    def _received(self, size: int) -> bytes:
        try:
            return self._stream.recv(size)
        except BlockingIOError:
            raise
        except OSError:
            # Also what a process's ordinary end looks like when it left stdin unread; exit_code() tells them apart.
            return b""

    def send(self, data: bytes | bytearray | memoryview) -> int:
        try:
            sent = self._stream.send(data)
        except BlockingIOError:
            raise
        except OSError as error:
            raise BrokenPipeError(*error.args) from error
        if self._detach_keys and not self._detached:
            self._typed = (self._typed + bytes(data[:sent]))[-_CHUNK:]
            self._detached = self._detach_keys in self._typed
            self._typed = self._typed[-len(self._detach_keys) :]
        return sent

    def close_stdin(self) -> None:
        self._process.await_start()
        with suppress(OSError):  # it has ended
            self._stream.shutdown(_SHUT_WR)

    def resize(self, rows: int, columns: int) -> None:
        if (rows, columns) != self.size:
            self._process.resize(rows, columns)
            self.size = (rows, columns)

    def send_signal(self, name: str) -> int:
        return self._process.send_signal(name)

    @property
    def detached(self) -> bool:
        return self._detached

    def poll(self) -> int | None:
        return self._process.poll()

    def exit_code(self) -> int | None:
        end, pause = time.monotonic() + _PATIENCE, 0.002
        while (code := self.poll()) is None and time.monotonic() < end:
            time.sleep(pause)
            pause *= 2
        return None if self._detached and code == _DETACH_CODE else code

    def close(self) -> None:
        self._stream.close()


class Captured(NamedTuple):
    exit_code: int | None
    stdout: bytes
    stderr: bytes


def capture(session: ProcessSession) -> Captured:
    """Reads a short command's output to its end and closes the session; the command gets no input.

    Raises EngineLost, ContainerNotFound.
    """
    outputs = {STDOUT: bytearray(), STDERR: bytearray()}
    demux = demultiplexer(session.tty)
    try:
        if session.stdin:
            session.close_stdin()
        while data := session.recv(_CHUNK):
            for stream, piece in demux.feed(data):
                outputs[stream] += piece
                if len(outputs[stream]) > OUTPUT:
                    raise _too_much()
        return Captured(session.exit_code(), bytes(outputs[STDOUT]), bytes(outputs[STDERR]))
    finally:
        session.close()


def _too_much() -> Exception:
    from robenv.errors import OperationFailed

    return OperationFailed(f"A command in a container wrote more than {OUTPUT >> 20} MiB.")


def first_line(session: SocketSession, seconds: float) -> bytes:
    """The first line that a command without a TTY writes; b"" after ``seconds``. Closes the session."""
    line, demux = bytearray(), FrameDecoder()
    session.set_timeout(seconds)
    try:
        while b"\n" not in line and len(line) < _CHUNK and (data := session.recv(_CHUNK)):
            for _, piece in demux.feed(data):
                line += piece
    finally:
        session.close()
    return bytes(line.partition(b"\n")[0])


_KEY_NAMES = {f"ctrl-{chr(code + 96)}": code for code in range(1, 27)} | {
    "ctrl-@": 0,
    "ctrl-[": 27,
    "ctrl-\\": 28,
    "ctrl-]": 29,
    "ctrl-^": 30,
    "ctrl-_": 31,
    "DEL": 127,
}


def detach_bytes(keys: str) -> bytes:
    """What ``ctrl-p,ctrl-q`` sends; b"" for keys that the engine will refuse. The engine's default is that, too."""
    typed = bytearray()
    for key in (keys or "ctrl-p,ctrl-q").split(","):
        if key in _KEY_NAMES:
            typed.append(_KEY_NAMES[key])
        elif len(key) == 1 and key.isascii():
            typed += key.encode()
        else:
            return b""
    return bytes(typed)
