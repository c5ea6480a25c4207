"""A registry inside this process for an engine on this machine, which lasts as long as a push and keeps nothing.

As much of the OCI distribution specification 1.1 as an engine asks for when it pushes one image. What it has, and what
becomes of what comes, is a ``BlobSink``'s.

Every user of this machine reaches the address. So each push has a login of its own, which the engine alone is told: a
request without it is refused before anything of it is read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from robenv.errors import RobenvError

HOST = "127.82.79.66"
"""Engines take all of 127.0.0.0/8 as registries without TLS. Always the same: they note it with each layer."""
PORTS = range(5082, 5090)
_PIECE = 1 << 18
_MANIFEST = 4 << 20
"""Bytes that a manifest may have: what the OCI distribution specification has registries take at least."""
_AT_ONCE = 64
"""Connections: an engine opens about five, and another user may not fill this process with threads."""
_PATIENCE = 60
"""Seconds in which an engine sends something."""
_IMPATIENCE = 5
"""Seconds that a connection has to bring the login."""
_ENDING = 1.0
"""Seconds in which an engine that a push was taken from lets go: what binds the address next must not get the rest."""
_USER = "robenv"


@dataclass(frozen=True)
class RegistryAddress:
    """Where the registry is, HOST:PORT, and the login that the engine is to push with."""

    address: str
    password: str = field(repr=False)

    @property
    def login(self) -> Mapping[str, str]:
        """As the docker config has one."""
        return {"username": _USER, "password": self.password, "serveraddress": self.address}


class BlobSink(Protocol):
    """Called from several threads."""

    def has(self, digest: str) -> bool:
        """Whether the engine need not send that blob."""

    def take(self, pieces: Iterable[bytes]) -> str:
        """A blob that comes; its digest. A RobenvError ends the push."""

    def take_manifest(self, text: bytes) -> None:
        """What the engine says of the image in the end."""


@contextmanager
def serving(blob_sink: BlobSink) -> Iterator[RegistryAddress | None]:
    """A registry for as long as this lasts; None where it can be at none of the ports."""
    server = _listening(blob_sink)
    if server is None:
        yield None
        return
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield RegistryAddress(f"{HOST}:{server.server_address[1]}", server.password)
    finally:
        server.await_quiet()
        server.shutdown()
        server.server_close()


def _listening(blob_sink: BlobSink) -> _Server | None:
    for port in PORTS:
        with suppress(OSError):
            return _Server((HOST, port), blob_sink)
    return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = _AT_ONCE
    block_on_close = False  # an engine keeps its connections open for a while

    def __init__(self, address: tuple[str, int], blob_sink: BlobSink) -> None:
        self.blob_sink = blob_sink
        self.password = secrets.token_urlsafe(32)
        self._expected = b"Basic " + base64.b64encode(f"{_USER}:{self.password}".encode())
        self._open = threading.BoundedSemaphore(_AT_ONCE)
        self._busy = 0
        self._changed = threading.Condition()
        super().__init__(address, _Handler)

    def knows(self, authorization: str) -> bool:
        """Whether a request comes from the engine that was told the login."""
        return hmac.compare_digest(authorization.encode("utf-8", "replace"), self._expected)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While a request of the engine's is answered."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._changed:
            self._busy += more
            self._changed.notify_all()

    def await_quiet(self) -> None:
        """Until the engine has let go of a push that was taken from it."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy, _ENDING)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """In a thread, as long as there are not too many."""
        if not self._open.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """The engine breaks off what it does not need; what else went wrong, the shelf knows."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = _IMPATIENCE

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads it."""

    def parse_request(self) -> bool:
        """Whether it is to be answered; without the login it has its answer here, and nothing more is read."""
        if not super().parse_request():
            return False
        if self.server.knows(self.headers.get("Authorization", "")):
            self.connection.settimeout(_PATIENCE)
            self._own.enter_context(self.server.at_work())
            return True
        self.close_connection = True
        self._answer(401, {"WWW-Authenticate": 'Basic realm="robenv"', "Connection": "close"})
        return False

    def handle_one_request(self) -> None:
        """As it is, but counted while it is the engine's."""
        self._own = ExitStack()
        with self._own:
            super().handle_one_request()

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/v2/" else 404)

    def do_HEAD(self) -> None:
        _, _, digest = self.path.rpartition("/blobs/")
        found = bool(digest) and self.server.blob_sink.has(digest)
        # A size has to be told, and only the manifest that comes back here will have it.
        self._answer(200 if found else 404, {"Content-Length": "1", "Docker-Content-Digest": digest})

    def do_POST(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        mount = asked.get("mount", [""])[0]
        if mount and self.server.blob_sink.has(mount):
            self._answer(201, {"Location": f"/v2/robenv/blobs/{mount}", "Docker-Content-Digest": mount})
        else:
            self._answer(202, {"Location": "/v2/robenv/blobs/uploads/1", "Docker-Upload-UUID": "1", "Range": "0-0"})

    def do_PATCH(self) -> None:
        counted = _Counted(self._body())
        try:
            digest = self.server.blob_sink.take(counted)
        except RobenvError:
            self._answer(403, text=b'{"errors":[{"code":"DENIED","message":"there is no room"}]}')
            self.close_connection = True
            with suppress(EOFError, ValueError):  # closed with something unread, the answer could be lost
                for _ in counted:
                    continue
            return
        place = f"/v2/robenv/blobs/uploads/{digest.removeprefix('sha256:')}"
        self._answer(202, {"Location": place, "Docker-Upload-UUID": "1", "Range": f"0-{max(0, counted.total - 1)}"})

    def do_PUT(self) -> None:
        if "/manifests/" in self.path:
            body = b"".join(_at_most(_MANIFEST, self._body()))
            self.server.blob_sink.take_manifest(body)
            self._answer(201, {"Docker-Content-Digest": f"sha256:{hashlib.sha256(body).hexdigest()}"})
            return
        for _ in _at_most(_MANIFEST, self._body()):
            continue
        digest = parse_qs(urlsplit(self.path).query).get("digest", [""])[0]
        whole = urlsplit(self.path).path.endswith(f"/{digest.removeprefix('sha256:')}")
        self._answer(201 if whole else 400, {"Location": f"/v2/robenv/blobs/{digest}", "Docker-Content-Digest": digest})

    def do_DELETE(self) -> None:
        self._answer(204)

    def _answer(self, status: int, headers: dict[str, str] | None = None, text: bytes = b"") -> None:
        self.send_response(status)
        usual = {"Content-Length": str(len(text)), "Docker-Distribution-Api-Version": "registry/2.0"}
        for name, value in {**usual, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def _body(self) -> Iterator[bytes]:
        try:
            yield from self._pieces()
        except OSError as error:
            raise EOFError("the engine broke off") from error  # to the spool, an OSError would be its disk's

    def _pieces(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := _size(self.rfile.readline(100).partition(b";")[0], 16):
                yield from self._read(size)
                self.rfile.readline(3)
            while self.rfile.readline(1000).strip():
                continue
        else:
            yield from self._read(_size(self.headers.get("Content-Length") or "0", 10))

    def _read(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self.rfile.read(min(size, _PIECE))
            if not piece:
                raise EOFError("the engine broke off")
            size -= len(piece)
            yield piece


def _size(text: str | bytes, base: int) -> int:
    size = int(text, base)
    if size < 0:
        raise ValueError("a negative size")
    return size


def _at_most(size: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        size -= len(piece)
        if size < 0:
            raise EOFError("the engine sends too much")
        yield piece


class _Counted:
    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self.total = pieces, 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.total += len(piece)
            yield piece
