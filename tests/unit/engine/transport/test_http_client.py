"""HTTP/1.1 as far as an engine speaks it, answered byte by byte where that matters."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from robenv.engine.transport.http_client import HttpConnection, quoted, with_query

Serve = Callable[..., HttpConnection]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """``serve(*answers)``: a connection whose other end gives one answer to each request, ``step`` bytes at a time."""
    threads, sockets = [], []

    def served(*answers: bytes, step: int = 1 << 20) -> HttpConnection:
        near, far = socket.socketpair()
        near.settimeout(5)
        sockets.append(near)

        def work() -> None:
            with closing(far):
                for answer in answers:
                    request = b""
                    while b"\r\n\r\n" not in request:
                        request += far.recv(65536)
                    for at in range(0, len(answer), step):
                        far.sendall(answer[at : at + step])

        thread = threading.Thread(target=work)
        thread.start()
        threads.append(thread)
        return HttpConnection(near)

    yield served
    for stream in sockets:
        stream.close()
    for thread in threads:
        thread.join(5)


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_body_with_its_length(serve: Serve, step: int) -> None:
    answer = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nApi-Version: 1.41\r\n\r\n{'a': 1}", step=step).request(
        "GET", "/x"
    )
    assert (answer.status, answer.body, answer.headers["api-version"]) == (200, b"{'a': 1}", "1.41")


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_body_in_chunks_with_extensions_and_trailers(serve: Serve, step: int) -> None:
    wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\n[1, \r\n3\r\n 2]\r\n0\r\nTrailer: z\r\n\r\n"
    connection = serve(wire, wire, step=step)
    assert connection.request("GET", "/x").json() == [1, 2]
    assert connection.reusable
    assert connection.request("GET", "/y").json() == [1, 2]


def test_a_body_until_the_end(serve: Serve) -> None:
    connection = serve(b"HTTP/1.0 200 OK\r\n\r\nall of it")
    assert connection.request("GET", "/x").body == b"all of it"
    assert not connection.reusable


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(serve: Serve, status: int) -> None:
    connection = serve(f"HTTP/1.1 {status} Fine\r\n\r\n".encode(), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    assert connection.request("POST", "/x").json() is None
    assert connection.request("GET", "/y").json() == {}


def test_close_is_heeded(serve: Serve) -> None:
    connection = serve(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    connection.request("GET", "/x")
    assert not connection.reusable


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"x" * 200_000,
    ],
)
def test_what_is_no_whole_answer_is_a_broken_connection(serve: Serve, wire: bytes) -> None:
    with pytest.raises(ConnectionError):
        serve(wire).request("GET", "/x")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"message":"No such container: x\\n"}', "No such container: x"),
        (b"page not found\n", "page not found"),
        (b"", "the engine answered 500"),
        (b"[1]", "[1]"),
        (b'{"message":3}', '{"message":3}'),
    ],
)
def test_what_an_engine_says_in_an_error(serve: Serve, body: bytes, said: str) -> None:
    answer = serve(b"HTTP/1.1 500 Oh\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)).request("GET", "/x")
    assert answer.message() == said


@pytest.mark.parametrize("head", [b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_bytes_that_come_with_the_head_are_not_lost(serve: Serve, head: bytes) -> None:
    answer, rest = serve(head + b"\x01\0\0\0\0\0\0\x02hi").take_over("/exec/1/start", {})
    assert answer.status < 300
    assert rest == b"\x01\0\0\0\0\0\0\x02hi"


def test_a_refusal_to_hand_over_has_its_reason(serve: Serve) -> None:
    wire = b'HTTP/1.1 409 Conflict\r\nContent-Length: 24\r\n\r\n{"message":"is paused."}'
    answer, rest = serve(wire).take_over("/exec/1/start", {})
    assert (answer.status, answer.message(), rest) == (409, "is paused.", b"")


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ("robot_1.x-y~", "robot_1.x-y~"),
        ("a/../b?c#d%", "a%2F..%2Fb%3Fc%23d%25"),
        ("é\n ", "%C3%A9%0A%20"),
        ("²", "%C2%B2"),
    ],
)
def test_names_stay_inside_their_place_in_the_path(part: str, path: str) -> None:
    assert quoted(part) == path


def test_a_query_has_only_what_is_there() -> None:
    assert with_query("/a", h="1", w="", s="x&y") == "/a?h=1&s=x%26y"
    assert with_query("/a", h="") == "/a"
