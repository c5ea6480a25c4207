"""The registry inside the process, spoken to by hand: what an engine that behaves never does."""

from __future__ import annotations

import base64
import http.client
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.errors import DiskFull
from robenv.transfer import embedded_registry
from robenv.transfer.embedded_registry import HOST, RegistryAddress, serving
from robenv.transfer.layer_cache import ZSTD, LayerCache
from robenv.transfer.layers import digest


class Shelf:
    def __init__(self) -> None:
        self.blobs: list[bytes] = []
        self.manifest = b""
        self.full = False

    def has(self, digest: str) -> bool:
        return digest == "sha256:known"

    def take(self, pieces: Iterable[bytes]) -> str:
        if self.full:
            raise DiskFull("no room")
        self.blobs.append(b"".join(pieces))
        return digest(self.blobs[-1])

    def take_manifest(self, text: bytes) -> None:
        self.manifest = text


class Authorized(http.client.HTTPConnection):
    """A connection of the engine's, which has the login."""

    def __init__(self, place: RegistryAddress) -> None:
        super().__init__(place.address, timeout=5)
        text = f"{place.login['username']}:{place.login['password']}"
        self.login = f"Basic {base64.b64encode(text.encode()).decode()}"

    def putrequest(self, *arguments: Any, **options: Any) -> None:
        super().putrequest(*arguments, **options)
        self.putheader("Authorization", self.login)


@pytest.fixture
def blob_sink() -> Shelf:
    return Shelf()


@pytest.fixture
def there(blob_sink: Shelf) -> Iterator[Authorized]:
    with serving(blob_sink) as place:
        assert place is not None
        connection = Authorized(place)
        yield connection
        connection.close()


def ask(there: Authorized, method: str, path: str, body: Iterable[bytes] | None = None) -> tuple[int, str]:
    there.request(
        method, path, body, encode_chunked=body is not None, headers={"Transfer-Encoding": "chunked"} if body else {}
    )
    answer = there.getresponse()
    answer.read()
    return answer.status, answer.getheader("Location", "")


def test_a_blob_comes_in_pieces(there: Authorized, blob_sink: Shelf) -> None:
    assert ask(there, "HEAD", "/v2/robenv/blobs/sha256:known")[0] == 200
    assert ask(there, "HEAD", "/v2/robenv/blobs/sha256:other")[0] == 404
    assert ask(there, "POST", "/v2/robenv/blobs/uploads/?mount=sha256:known&from=library/x")[0] == 201
    status, place = ask(there, "POST", "/v2/robenv/blobs/uploads/?mount=sha256:other&from=library/x")
    assert status == 202
    status, place = ask(there, "PATCH", place, [b"one ", b"two"])
    assert (status, blob_sink.blobs) == (202, [b"one two"])
    assert ask(there, "PUT", f"{place}?digest={digest(b'one two')}")[0] == 201
    assert ask(there, "PUT", f"{place}?digest={digest(b'other')}")[0] == 400
    assert ask(there, "PUT", "/v2/robenv/manifests/1", [b"{}"])[0] == 201
    assert blob_sink.manifest == b"{}"


def test_a_blob_that_breaks_off_is_none(there: Authorized, blob_sink: Shelf) -> None:
    with socket.create_connection((there.host, there.port)) as raw:
        raw.sendall(
            f"PATCH /v2/robenv/blobs/uploads/1 HTTP/1.1\r\nAuthorization: {there.login}\r\n".encode()
            + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe"
        )
        raw.shutdown(socket.SHUT_WR)
        assert raw.recv(1000) == b""
    assert blob_sink.blobs == []


@pytest.mark.parametrize("sent", [b"5\r\nhello\r\n", b"5\r\nhe", b"5\r\nhello\r\n5\r"])
def test_a_connection_that_is_reset_is_no_fault_of_the_disk(sent: bytes, tmp_path: Path) -> None:
    """The engine hangs up where a push is given up."""
    layer_cache, found = LayerCache(ZSTD, tmp_path), threading.Event()
    errors: list[BaseException] = []

    class Packing(Shelf):
        def take(self, pieces: Iterable[bytes]) -> str:
            try:
                return layer_cache.put(pieces).digest
            except BaseException as error:
                errors.append(error)
                raise
            finally:
                found.set()

    with serving(Packing()) as place:
        assert place is not None
        host, port = place.address.split(":")
        login = Authorized(place).login
        raw = socket.create_connection((host, int(port)))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        head = f"PATCH /v2/robenv/blobs/uploads/1 HTTP/1.1\r\nAuthorization: {login}\r\n".encode()
        raw.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n" + sent)
        time.sleep(0.1)
        raw.close()  # with a reset
        assert found.wait(10)
    assert [type(error) for error in errors] in ([EOFError], [ValueError])
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_no_room_ends_the_push(there: Authorized, blob_sink: Shelf) -> None:
    blob_sink.full = True
    assert ask(there, "PATCH", "/v2/robenv/blobs/uploads/1", [b"x"])[0] == 403


def test_a_second_one_takes_another_port_and_one_too_many_none(
    blob_sink: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_registry, "PORTS", range(5192, 5194))
    with serving(blob_sink) as one, serving(blob_sink) as two, serving(blob_sink) as none:
        assert one is not None
        assert two is not None
        assert {one.address, two.address} == {f"{HOST}:5192", f"{HOST}:5193"}
        assert one.password != two.password
        assert none is None


STRANGERS = (
    "", "Basic ", "Basic cm9iZW52Og==", "Bearer x", "Basic \xe9", "basic", f"Basic {'A' * 2000}",
    "Basic cm9iZW52OnJvYmVudg==",
)  # fmt: skip


@pytest.mark.parametrize("login", STRANGERS)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/"), ("HEAD", "/v2/robenv/blobs/sha256:known"), ("POST", "/v2/robenv/blobs/uploads/"),
        ("PATCH", "/v2/robenv/blobs/uploads/1"), ("PUT", "/v2/robenv/manifests/1"), ("DELETE", "/v2/robenv/blobs/x"),
        ("PUT", f"/v2/robenv/blobs/uploads/1?digest={digest(b'x')}"),
    ],
)  # fmt: skip
def test_who_has_not_the_login_is_refused_before_a_byte_is_kept(
    there: Authorized, blob_sink: Shelf, method: str, path: str, login: str
) -> None:
    head = f"{method} {path} HTTP/1.1\r\nAuthorization: {login}\r\nContent-Length: 4\r\n\r\n"
    with socket.create_connection((there.host, there.port), timeout=10) as raw:
        raw.sendall(head.encode("latin-1") + b"some")
        assert raw.recv(20).startswith(b"HTTP/1.1 401 ")
    assert (blob_sink.blobs, blob_sink.manifest) == ([], b"")


def test_what_a_stranger_goes_on_sending_is_not_read(there: Authorized, blob_sink: Shelf) -> None:
    with socket.create_connection((there.host, there.port), timeout=10) as raw:
        raw.sendall(b"PATCH /v2/robenv/blobs/uploads/1 HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n")
        assert raw.recv(20).startswith(b"HTTP/1.1 401 ")
        with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
            for _ in range(1000):
                raw.sendall(b"x" * 100_000)
    assert blob_sink.blobs == []


def test_strangers_cannot_fill_it_with_connections(
    there: Authorized, blob_sink: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those beyond a number are closed at once, and those without a login soon; then the engine's go on."""
    before = threading.active_count()
    idle = [socket.create_connection((there.host, there.port), timeout=10) for _ in range(80)]
    try:
        assert ([one.recv(1) for one in idle[-10:]]) == [b""] * 10
        assert threading.active_count() - before <= 64
        for one in idle[:64]:
            assert one.recv(1) == b""
        assert ask(there, "GET", "/v2/")[0] == 200
    finally:
        for one in idle:
            one.close()


@pytest.mark.parametrize("size", [b"-5", b"", b"x"])
def test_a_size_that_is_none_ends_the_connection(there: Authorized, blob_sink: Shelf, size: bytes) -> None:
    with socket.create_connection((there.host, there.port), timeout=10) as raw:
        head = f"PATCH /v2/robenv/blobs/uploads/1 HTTP/1.1\r\nAuthorization: {there.login}\r\n".encode()
        raw.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\nhello")
        assert raw.recv(100) == b""
    assert blob_sink.blobs == []


def test_a_manifest_without_end_is_not_kept(there: Authorized, blob_sink: Shelf) -> None:
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(there, "PUT", "/v2/robenv/manifests/1", (b"x" * (1 << 20) for _ in range(50)))
    assert blob_sink.manifest == b""


def test_it_ends_only_when_the_engine_has_let_go(blob_sink: Shelf) -> None:
    """What binds the address next must get nothing of the push."""
    begun, ended = threading.Event(), []

    class Slow(Shelf):
        def take(self, pieces: Iterable[bytes]) -> str:
            begun.set()
            time.sleep(0.4)
            ended.append(time.monotonic())
            return super().take(pieces)

    with serving(Slow()) as place:
        assert place is not None
        there = Authorized(place)
        there.request("PATCH", "/v2/robenv/blobs/uploads/1", b"x")
        assert begun.wait(5)
    assert ended
