"""A registry inside this process for an engine on this machine, which lasts as long as a push and keeps nothing.

As much of the OCI distribution specification 1.1 as an engine asks for when it pushes one image. What it has, and what
becomes of what comes, is a ``Shelf``'s.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from robenv.errors import RobenvError

HOST = "127.82.79.66"
"""Engines take all of 127.0.0.0/8 as registries without TLS. Always the same: they note it with each layer."""
PORTS = range(5082, 5090)
_PIECE = 1 << 18


class Shelf(Protocol):
    """Called from several threads."""

    def has(self, digest: str) -> bool:
        """Whether the engine need not send that blob."""

    def take(self, pieces: Iterable[bytes]) -> str:
        """A blob that comes; its digest. A RobenvError ends the push."""

    def take_manifest(self, text: bytes) -> None:
        """What the engine says of the image in the end."""


@contextmanager
def served(shelf: Shelf) -> Iterator[str]:
    """A registry for as long as this lasts, at HOST:PORT; "" where it can be at none of the ports."""
    server = _listening(shelf)
    if server is None:
        yield ""
        return
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"{HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _listening(shelf: Shelf) -> _Server | None:
    for port in PORTS:
        with suppress(OSError):
            return _Server((HOST, port), shelf)
    return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # an engine keeps its connections open for a while

    def __init__(self, address: tuple[str, int], shelf: Shelf) -> None:
        self.shelf = shelf
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """The engine breaks off what it does not need; what else went wrong, the shelf knows."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads it."""

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/v2/" else 404)

    def do_HEAD(self) -> None:
        _, _, digest = self.path.rpartition("/blobs/")
        found = bool(digest) and self.server.shelf.has(digest)
        # A size has to be told, and only the manifest that comes back here will have it.
        self._answer(200 if found else 404, {"Content-Length": "1", "Docker-Content-Digest": digest})

    def do_POST(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        mount = asked.get("mount", [""])[0]
        if mount and self.server.shelf.has(mount):
            self._answer(201, {"Location": f"/v2/robenv/blobs/{mount}", "Docker-Content-Digest": mount})
        else:
            self._answer(202, {"Location": "/v2/robenv/blobs/uploads/1", "Docker-Upload-UUID": "1", "Range": "0-0"})

    def do_PATCH(self) -> None:
        counted = _Counted(self._body())
        try:
            digest = self.server.shelf.take(counted)
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
        body = b"".join(self._body())
        if "/manifests/" in self.path:
            self.server.shelf.take_manifest(body)
            self._answer(201, {"Docker-Content-Digest": f"sha256:{hashlib.sha256(body).hexdigest()}"})
            return
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
            while size := int(self.rfile.readline(100).partition(b";")[0], 16):
                yield from self._read(size)
                self.rfile.readline(3)
            while self.rfile.readline(1000).strip():
                continue
        else:
            yield from self._read(int(self.headers.get("Content-Length") or 0))

    def _read(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self.rfile.read(min(size, _PIECE))
            if not piece:
                raise EOFError("the engine broke off")
            size -= len(piece)
            yield piece


class _Counted:
    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self.total = pieces, 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.total += len(piece)
            yield piece
