"""HTTP/1.1 over one connected socket, as much as the Docker Engine API takes: plain calls, and connections taken over.

The standard library's http.client is not used: it imports the whole of ``email``, which costs more than the calls.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from robenv.util.bounded_json import parse_json
from robenv.util.if_logged import timed_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Protocol

    class Stream(Protocol):
        """A connected socket, as far as robenv uses it."""

        def fileno(self) -> int: ...

        def recv(self, bufsize: int, flags: int = 0, /) -> bytes: ...

        def send(self, data: bytes | bytearray | memoryview, flags: int = 0, /) -> int: ...

        def sendall(self, data: bytes | bytearray | memoryview, flags: int = 0, /) -> None: ...

        def settimeout(self, value: float | None, /) -> None: ...

        def shutdown(self, how: int, /) -> None: ...

        def close(self) -> None: ...


_HEAD_LIMIT = 64 * 1024
_BODY_LIMIT = 64 * 1024 * 1024
_CHUNK = 64 * 1024
_TRAILERS = 100
_NO_BODY = (101, 204, 304)


class HttpAnswer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes

    def json(self) -> Any:
        """The body's JSON; None where it is empty. Raises ValueError."""
        return parse_json(self.body) if self.body.strip() else None

    def message(self) -> str:
        """What the engine says in an error answer."""
        try:
            said = self.json()
        except ValueError:
            said = None
        if isinstance(said, dict) and isinstance(said.get("message"), str):
            return str(said["message"]).strip()
        return self.body[:500].decode("utf-8", "replace").strip() or f"the engine answered {self.status}"


class HttpConnection:
    """One connection, for one request after the other. Its methods raise OSError (ConnectionError where it broke)."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self.reusable = True

    def request(self, method: str, path: str, body: Any = None) -> HttpAnswer:
        """Sends ``body`` as JSON where there is one, and reads the whole answer."""
        with timed_request("engine", method, path) as answer:
            self._stream.sendall(_request(method, path, body))
            status, headers = self._head()
            answer.append(str(status))
        self.reusable = "close" not in headers.get("connection", "").lower()
        return HttpAnswer(status, headers, self._body(status, headers))

    def take_over(
        self, path: str, body: Any = None, protocol: str = "tcp", extra: Iterable[tuple[str, str]] = ()
    ) -> tuple[HttpAnswer, bytes]:
        """POSTs, asking to have the connection for raw bytes, or for another ``protocol``. (answer, the bytes that came
        with it already).

        Where the answer's status is an error, the connection was not handed over and the answer has its body.
        """
        with timed_request("engine", "POST", path) as answer:
            self._stream.sendall(_request("POST", path, body, protocol, extra))
            status, headers = self._head()
            answer.append(str(status))
        if status >= 300:
            return HttpAnswer(status, headers, self._body(status, headers)), b""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return HttpAnswer(status, headers, b""), rest

    def close(self) -> None:
        self._stream.close()

    def _head(self) -> tuple[int, dict[str, str]]:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > _HEAD_LIMIT:
                raise ConnectionError("the answer's head has no end")
            self._fill()
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        version, _, rest = lines[0].partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise ConnectionError(f"this is no HTTP: {lines[0][:80]!r}")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if version == "HTTP/1.0":
            headers.setdefault("connection", "close")
        return int(rest[:3]), headers

    def _body(self, status: int, headers: Mapping[str, str]) -> bytes:
        if status in _NO_BODY:
            return b""
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._chunks()
        length = headers.get("content-length", "")
        if length.isdigit():
            return self._take(int(length))
        self.reusable = False
        try:
            while True:
                self._fill()
        except EOFError:
            return bytes(self._buffer)

    def _chunks(self) -> bytes:
        body = bytearray()
        while size := self._chunk_size():
            body += self._take(size)
            self._line()
            if len(body) > _BODY_LIMIT:
                raise ConnectionError("the answer is too long")
        for _ in range(_TRAILERS):
            if not self._line():
                break
        return bytes(body)

    def _chunk_size(self) -> int:
        line = self._line()
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            size = -1
        if size < 0:
            raise ConnectionError(f"this is no chunk's size: {line[:40]!r}")
        return size

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _HEAD_LIMIT:
                raise ConnectionError("a line of the answer has no end")
            self._fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _take(self, size: int) -> bytes:
        if size > _BODY_LIMIT:
            raise ConnectionError(f"the answer has {size} bytes")
        while len(self._buffer) < size:
            self._fill()
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _fill(self) -> None:
        data = self._stream.recv(_CHUNK)
        if not data:
            raise ConnectionEnded("the engine closed the connection")
        if len(self._buffer) > _BODY_LIMIT:
            raise ConnectionError("the answer is too long")
        self._buffer += data


class ConnectionEnded(ConnectionError, EOFError):
    """The connection ended where more was due."""


def quoted(part: str) -> str:
    """``part`` for a path of a URL or a query: all but letters, digits and ``_.-~`` percent-encoded."""
    return "".join(
        chr(byte) if (chr(byte).isalnum() and byte < 128) or byte in b"_.-~" else f"%{byte:02X}"
        for byte in part.encode("utf-8", "surrogateescape")
    )


def with_query(path: str, **values: str) -> str:
    """``path`` with a query of those values that are not empty."""
    query = "&".join(f"{name}={quoted(value)}" for name, value in values.items() if value)
    return f"{path}?{query}" if query else path


def _request(method: str, path: str, body: Any, upgrade: str = "", headers: Iterable[tuple[str, str]] = ()) -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: docker", "User-Agent: robenv"]
    content = b""
    if body is not None:
        content = json.dumps(body).encode()
        head.append("Content-Type: application/json")
    if content or method == "POST":
        head.append(f"Content-Length: {len(content)}")
    if upgrade:
        head += ["Connection: Upgrade", f"Upgrade: {upgrade}"]
    head += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + content
