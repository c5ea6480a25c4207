"""gRPC over one HTTP/2 connection, as the server: BuildKit asks its client for things while it builds.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md; h2 speaks HTTP/2. All callbacks run in the one thread
that reads the connection; ``send`` and ``end`` may be called from others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError

if TYPE_CHECKING:
    from robenv.engine.transport.http_client import Stream

NOT_FOUND, UNIMPLEMENTED, UNAVAILABLE = 5, 12, 14
"""gRPC's own status codes."""
_CHUNK = 64 * 1024
_MAX_MESSAGE = 4 * 1024 * 1024
"""gRPC's own default."""


class CallRefused(Exception):
    """Ends a call with a status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Call(Protocol):
    """What answers one call: each message as it comes, then their end."""

    def message(self, data: bytes) -> None:
        """Raises Refused."""

    def ended(self) -> None:
        """The caller sends no more, or is gone. Raises Refused."""


Methods = Mapping[str, Callable[["Reply"], Call]]
"""By path, ``/package.Service/Method``."""


class Reply:
    """The way back of one call."""

    def __init__(self, server: Server, stream: int) -> None:
        self._server = server
        self._stream = stream
        self._begun = self._done = False

    def send(self, data: bytes) -> None:
        """One message."""
        if not self._done:
            self._begin()
            self._server.write(self._stream, b"\0" + len(data).to_bytes(4, "big") + data)

    def end(self, status: int = 0, message: str = "") -> None:
        if self._done:
            return
        self._done = True
        trailers = [("grpc-status", str(status)), *([("grpc-message", message)] if message else [])]
        if not self._begun:
            trailers = [*_HEAD, *trailers]
        self._server.headers(self._stream, trailers, end=True)

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._server.headers(self._stream, list(_HEAD), end=False)


_HEAD = ((":status", "200"), ("content-type", "application/grpc"))


class Server:
    """Answers on ``stream`` until that ends. ``rest``: bytes of it that were read already."""

    def __init__(self, stream: Stream, methods: Methods, rest: bytes = b"") -> None:
        self._stream = stream
        self._methods = methods
        self._rest = rest
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._lock = threading.Condition()
        self._calls: dict[int, _Incoming] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._lock.notify_all()
        with suppress(OSError):
            self._stream.shutdown(2)
        self._thread.join(5)
        self._stream.close()

    def headers(self, stream: int, headers: list[tuple[str, str]], end: bool) -> None:
        with self._lock, suppress(ProtocolError, OSError):
            self._h2.send_headers(stream, headers, end_stream=end)
            self._flush()

    def write(self, stream: int, data: bytes) -> None:
        """Waits while the other side takes no more; drops what nobody takes any more."""
        with self._lock, suppress(ProtocolError, OSError):
            while data and not self._closed:
                room = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
                if room <= 0:
                    self._lock.wait(60)
                    continue
                self._h2.send_data(stream, data[:room])
                data = data[room:]
                self._flush()

    def _serve(self) -> None:
        with suppress(OSError, ProtocolError):
            with self._lock:
                self._h2.initiate_connection()
                self._flush()
            data = self._rest or self._stream.recv(_CHUNK)
            while data:
                with self._lock:
                    events = self._h2.receive_data(data)
                    self._flush()
                    self._lock.notify_all()
                for event in events:
                    self._take(event)
                data = self._stream.recv(_CHUNK)
        for call in self._calls.values():
            call.hang_up()
        with self._lock:
            self._closed = True
            self._lock.notify_all()

    def _take(self, event: object) -> None:
        if isinstance(event, RequestReceived):
            named = {str(name): str(value) for name, value in event.headers or ()}
            self._begin(named.get(":path", ""), int(event.stream_id or 0))
        elif isinstance(event, DataReceived):
            stream = int(event.stream_id or 0)
            with self._lock:
                self._h2.acknowledge_received_data(event.flow_controlled_length or 0, stream)
                self._flush()
            if stream in self._calls:
                self._calls[stream].feed(event.data or b"")
        elif isinstance(event, (StreamEnded, StreamReset)):
            call = self._calls.pop(int(event.stream_id or 0), None)
            if call is not None:
                call.finish()
        elif isinstance(event, (ConnectionTerminated, WindowUpdated)):
            pass  # the one ends with the connection; who waits for the other was woken

    def _begin(self, path: str, stream: int) -> None:
        reply = Reply(self, stream)
        make = self._methods.get(path)
        if make is None:
            reply.end(UNIMPLEMENTED, f"{path} is not served here")
        else:
            self._calls[stream] = _Incoming(make(reply), reply)

    def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self._stream.sendall(data)


class _Incoming:
    """One call's messages, as they come, cut anywhere."""

    def __init__(self, call: Call, reply: Reply) -> None:
        self._call = call
        self._reply = reply
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        self._buffer += data
        try:
            for message in self._messages():
                self._call.message(message)
        except CallRefused as refused:
            self._reply.end(refused.status, str(refused))

    def finish(self) -> None:
        try:
            self._call.ended()
        except CallRefused as refused:
            self._reply.end(refused.status, str(refused))

    def hang_up(self) -> None:
        with suppress(CallRefused):
            self._call.ended()

    def _messages(self) -> Iterator[bytes]:
        while len(self._buffer) >= 5:
            size = int.from_bytes(self._buffer[1:5], "big")
            if self._buffer[0] or size > _MAX_MESSAGE:
                raise CallRefused(UNIMPLEMENTED, "compressed, or larger than 4 MiB")
            if len(self._buffer) < 5 + size:
                return
            message = bytes(self._buffer[5 : 5 + size])
            del self._buffer[: 5 + size]
            yield message
