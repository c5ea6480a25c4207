"""The registry inside the process, spoken to by hand: what an engine that behaves never does."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from robenv.deploy import own_registry
from robenv.deploy.layers import digest
from robenv.deploy.own_registry import HOST, served
from robenv.deploy.spool import ZSTD, Spool
from robenv.errors import DiskFull


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


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def there(shelf: Shelf) -> Iterator[http.client.HTTPConnection]:
    with served(shelf) as address:
        connection = http.client.HTTPConnection(address, timeout=5)
        yield connection
        connection.close()


def ask(
    there: http.client.HTTPConnection, method: str, path: str, body: Iterable[bytes] | None = None
) -> tuple[int, str]:
    there.request(
        method, path, body, encode_chunked=body is not None, headers={"Transfer-Encoding": "chunked"} if body else {}
    )
    answer = there.getresponse()
    answer.read()
    return answer.status, answer.getheader("Location", "")


def test_a_blob_comes_in_pieces(there: http.client.HTTPConnection, shelf: Shelf) -> None:
    assert ask(there, "HEAD", "/v2/robenv/blobs/sha256:known")[0] == 200
    assert ask(there, "HEAD", "/v2/robenv/blobs/sha256:other")[0] == 404
    assert ask(there, "POST", "/v2/robenv/blobs/uploads/?mount=sha256:known&from=library/x")[0] == 201
    status, place = ask(there, "POST", "/v2/robenv/blobs/uploads/?mount=sha256:other&from=library/x")
    assert status == 202
    status, place = ask(there, "PATCH", place, [b"one ", b"two"])
    assert (status, shelf.blobs) == (202, [b"one two"])
    assert ask(there, "PUT", f"{place}?digest={digest(b'one two')}")[0] == 201
    assert ask(there, "PUT", f"{place}?digest={digest(b'other')}")[0] == 400
    assert ask(there, "PUT", "/v2/robenv/manifests/1", [b"{}"])[0] == 201
    assert shelf.manifest == b"{}"


def test_a_blob_that_breaks_off_is_none(there: http.client.HTTPConnection, shelf: Shelf) -> None:
    with socket.create_connection((there.host, there.port)) as raw:
        raw.sendall(
            b"PATCH /v2/robenv/blobs/uploads/1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe"
        )
        raw.shutdown(socket.SHUT_WR)
        assert raw.recv(1000) == b""
    assert shelf.blobs == []


@pytest.mark.parametrize("sent", [b"5\r\nhello\r\n", b"5\r\nhe", b"5\r\nhello\r\n5\r"])
def test_a_connection_that_is_reset_is_no_fault_of_the_disk(sent: bytes, tmp_path: Path) -> None:
    """The engine hangs up where a push is given up."""
    spool, found = Spool(ZSTD, tmp_path), threading.Event()
    errors: list[BaseException] = []

    class Packing(Shelf):
        def take(self, pieces: Iterable[bytes]) -> str:
            try:
                return spool.put(pieces).digest
            except BaseException as error:
                errors.append(error)
                raise
            finally:
                found.set()

    with served(Packing()) as address:
        host, port = address.split(":")
        raw = socket.create_connection((host, int(port)))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.sendall(b"PATCH /v2/robenv/blobs/uploads/1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + sent)
        time.sleep(0.1)
        raw.close()  # with a reset
        assert found.wait(10)
    assert [type(error) for error in errors] in ([EOFError], [ValueError])
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_no_room_ends_the_push(there: http.client.HTTPConnection, shelf: Shelf) -> None:
    shelf.full = True
    assert ask(there, "PATCH", "/v2/robenv/blobs/uploads/1", [b"x"])[0] == 403


def test_a_second_one_takes_another_port_and_one_too_many_none(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_registry, "PORTS", range(5192, 5194))
    with served(shelf) as one, served(shelf) as two, served(shelf) as none:
        assert {one, two} == {f"{HOST}:5192", f"{HOST}:5193"}
        assert none == ""
