"""What an engine, a registry or a robot may not do to this process by the length and the depth of what it says."""

from __future__ import annotations

import functools
import json
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from robenv.engine.api.registry_http import RepositoryHttp
from robenv.engine.docker_engine import connect
from robenv.engine.terminal.process_session import capture
from robenv.engine.transport.http_client import HttpConnection
from robenv.engine.transport.records import stream_records
from robenv.errors import EngineLost, OperationFailed, RobenvError, RobotRefused
from robenv.fast.client import DirectEngine
from robenv.remote.remote_host import RemoteHost
from robenv.transfer import push_capture
from robenv.transfer.docker_archive import members
from robenv.util import bounded_json, bounded_output
from robenv.util.bounded_json import TooLong, bounded_lines, join_bounded, last_bytes, parse_json

DEEP = b"[" * 200_000
VERSION = json.dumps({"ApiVersion": "1.41", "Version": "x", "Os": "linux", "Arch": "amd64"}).encode()


class Hostile:
    """An engine or a registry at a port: for each path, an answer's head and what it goes on sending."""

    def __init__(self, listener: socket.socket, answer: Callable[[str], tuple[bytes, Iterator[bytes]]]) -> None:
        self.port = listener.getsockname()[1]
        self.asked: list[str] = []
        self.sent = 0
        self._listener, self._answer = listener, answer

    def serve(self) -> None:
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(stream,), daemon=True).start()

    def _one(self, stream: socket.socket) -> None:
        with stream, stream.makefile("rb") as file:
            try:
                if not file.peek(1)[:1].isalpha():
                    return  # TLS
                while line := file.readline(10_000).decode("latin-1"):
                    while file.readline(10_000).strip():
                        continue
                    if not line.endswith(" HTTP/1.1\r\n"):
                        return  # a body
                    self.asked.append(line.split()[1])
                    head, body = self._answer(line.split()[1])
                    stream.sendall(b"HTTP/1.1 " + head + b"\r\n\r\n")
                    for piece in body:
                        stream.sendall(piece)
                        self.sent += len(piece)
            except OSError:
                return


@contextmanager
def hostile(answer: Callable[[str], tuple[bytes, Iterator[bytes]]]) -> Iterator[Hostile]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Hostile(listener, answer)
        threading.Thread(target=server.serve, daemon=True).start()
        yield server


def whole(text: bytes, status: str = "200 OK", more: str = "") -> tuple[bytes, Iterator[bytes]]:
    return f"{status}\r\nContent-Length: {len(text)}{more}".encode(), iter([text])


def endless(piece: bytes = b"x" * (1 << 20), status: str = "200 OK") -> tuple[bytes, Iterator[bytes]]:
    """Five gigabytes, were they read."""
    return f"{status}\r\nConnection: close".encode(), iter([b'{"a": "', *[piece] * 5000])


@functools.cache
def bomb() -> bytes:
    """200 MiB that arrive as 200 KiB."""
    return zlib.compress(b"x" * (200 << 20), 9)


ANSWERS: dict[str, Callable[[], tuple[bytes, Iterator[bytes]]]] = {
    "endless": endless,
    "an endless error": lambda: endless(status="500 No"),
    "deep": lambda: whole(DEEP),
    "a deep error": lambda: whole(DEEP, "500 No"),
    "an error of another form": lambda: whole(b'{"message": ["x"]}', "500 No"),
    "an error without a message": lambda: whole(b"[1]", "404 No"),
    "no JSON": lambda: whole(b"\xff\xfe{"),
    "a bomb": lambda: whole(bomb(), more="\r\nContent-Encoding: deflate"),
    "a redirect without end": lambda: whole(b"", "301 Go", "\r\nLocation: /info"),
}
CALLS: dict[str, Callable[[Any], Any]] = {
    "info": lambda engine: engine.info(),
    "images": lambda engine: engine.images(),
    "find an image": lambda engine: engine.find_image("x"),
    "containers": lambda engine: engine.containers({}),
    "networks": lambda engine: engine.networks({}),
    "volumes": lambda engine: engine.volumes({}),
    "find a container": lambda engine: engine.find_container("x"),
    "remove an image": lambda engine: engine.remove_image("x"),
    "prune": lambda engine: engine.prune_build_cache(),
    "pull": lambda engine: list(engine.pull("x", "linux/amd64")),
    "load": lambda engine: engine.load_images([b"x"]),
    "read a file": lambda engine: engine.get_archive("x", "/etc/passwd"),
    "events": lambda engine: engine.oom_events("x", 0, 1),
    "processes": lambda engine: engine.processes("x"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_no_answer_of_an_engine_fills_the_memory_or_breaks_robenv(
    answer: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bounds are smaller here. A RobenvError, or nothing where the answer does not matter, and soon."""
    monkeypatch.setattr("robenv.engine.transport.docker_py_session.ANSWER", 4 << 20)
    monkeypatch.setattr("robenv.engine.transport.docker_py_session.limit_answers.__defaults__", (4 << 20,))
    monkeypatch.setattr("robenv.engine.transport.records.RECORD", 4 << 20)
    monkeypatch.setattr("robenv.engine.api.containers.OUTPUT", 4 << 20)
    monkeypatch.setattr("robenv.engine.api.containers._SMALL", 4 << 20)

    def said(path: str) -> tuple[bytes, Iterator[bytes]]:
        return whole(VERSION) if path == "/version" else ANSWERS[answer]()

    with hostile(said) as server:
        engine = connect({"DOCKER_HOST": f"tcp://127.0.0.1:{server.port}"})
        try:
            CALLS[call](engine)
        except RobenvError as error:
            assert len(error.message) < 2000
        finally:
            engine.close()
        assert server.sent < 64 << 20
        assert len(server.asked) < 20


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_first_answer_that_is_none(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robenv.engine.transport.docker_py_session.limit_answers.__defaults__", (4 << 20,))
    with hostile(lambda path: ANSWERS[answer]()) as server, pytest.raises(RobenvError):
        connect({"DOCKER_HOST": f"tcp://127.0.0.1:{server.port}"})


@pytest.mark.parametrize("answer", ANSWERS)
def test_no_answer_of_a_registry_does_either(answer: str) -> None:
    with (
        hostile(lambda path: ANSWERS[answer]()) as server,
        RepositoryHttp(f"127.0.0.1:{server.port}", "x", None, insecure=True) as there,
    ):
        try:
            assert len(there.manifest("x")[1]) < 1 << 20
        except RobenvError as error:
            assert len(error.message) < 2000
        assert server.sent < 64 << 20
        assert len(server.asked) < 12


@pytest.mark.parametrize("token", [DEEP, b"[]", b"null", b"1", b"\xff"])
def test_a_token_that_is_none(token: bytes) -> None:
    def said(path: str) -> tuple[bytes, Iterator[bytes]]:
        if "token" in path:
            return whole(token)
        realm = f'\r\nWWW-Authenticate: Bearer realm="http://127.0.0.1:{server.port}/token"'
        return whole(b"", "401 No", realm)

    with (
        hostile(said) as server,
        RepositoryHttp(f"127.0.0.1:{server.port}", "x", None, insecure=True) as there,
        pytest.raises(RobenvError),
    ):
        there.manifest("x")


def test_the_quick_way_refuses_depth_too(tmp_path: Any) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        server = Hostile.__new__(Hostile)
        server.asked, server.sent, server._listener, server._answer = [], 0, listener, lambda path: whole(DEEP)
        threading.Thread(target=server.serve, daemon=True).start()
        engine = DirectEngine(f"unix://{path}")
        with pytest.raises(EngineLost):
            engine.find_container("x")
        engine.close()


class Stream:
    """A connection that brings these bytes, and then the same piece for ever."""

    def __init__(self, first: bytes, piece: bytes) -> None:
        self.rest, self.piece, self.read = first, piece, 0

    def recv(self, size: int, flags: int = 0) -> bytes:
        data, self.rest = (self.rest, b"") if self.rest else (self.piece, b"")
        self.read += len(data)
        return data

    def sendall(self, data: object) -> None: ...


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"8000\r\n" + b"x" * 0x8000 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n" * 100),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"-8\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"8" * 1000),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
    ],
)
def test_an_answer_in_parts_has_an_end(first: bytes, piece: bytes) -> None:
    stream: Any = Stream(first, piece)
    with suppress(ConnectionError):
        HttpConnection(stream).request("GET", "/x")
    assert stream.read < 200 << 20


def test_lines_have_a_bound() -> None:
    assert list(bounded_lines([b"a\nb", b"c\n\nd"], 10)) == [b"a", b"bc", b"", b"d"]
    with pytest.raises(TooLong):
        list(bounded_lines([b"x" * 6, b"x" * 6], 10))
    assert list(bounded_lines([b"x" * 6 + b"\n" + b"y" * 9 + b"\n"], 10)) == [b"x" * 6, b"y" * 9]


def test_a_record_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robenv.engine.transport.records.RECORD", 1 << 20)

    class Response:
        read = 0

        def iter_content(self, size: int) -> Iterator[bytes]:
            while True:
                Response.read += size
                yield b"x" * size

    with pytest.raises(EngineLost):
        list(stream_records(Response(), "build"))
    assert Response.read < 3 << 20


def test_what_is_read_whole_and_what_is_kept() -> None:
    assert join_bounded([b"ab", b"c"], 3) == b"abc"
    with pytest.raises(TooLong):
        join_bounded([b"ab", b"cd"], 3)
    assert last_bytes([b"ab", b"cd", b"e"], 3) == b"cde"
    assert len(last_bytes((b"x" * 1000 for _ in range(1000)), 10)) == 10


def test_depth_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="deeply"):
        parse_json(DEEP)


def test_a_command_in_a_container_that_writes_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robenv.engine.terminal.process_session.OUTPUT", 1 << 20)

    class Endless:
        tty, stdin, closed = True, False, False

        def recv(self, size: int) -> bytes:
            return b"x" * size

        def close(self) -> None:
            self.closed = True

    session: Any = Endless()
    with pytest.raises(OperationFailed, match="wrote more than"):
        capture(session)
    assert session.closed


def test_a_header_of_an_archive_that_is_huge() -> None:
    """Which tarfile would read whole."""
    huge = tarfile.TarInfo("x")
    huge.type, huge.size = tarfile.XHDTYPE, 2 << 30
    read = [0]

    def stream() -> Iterator[bytes]:
        yield huge.tobuf(tarfile.GNU_FORMAT)
        for _ in range(2048):
            read[0] += 1
            yield bytes(1 << 20)

    with pytest.raises(OperationFailed, match="damaged"):
        list(members(stream(), ()))
    assert read[0] < 10


def test_a_layer_that_unpacks_to_much_comes_in_pieces() -> None:
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packed.compress(bytes(64 << 20)) + packed.flush()
    sizes = [len(piece) for piece in push_capture._unpacked(iter([bomb]))]
    assert sum(sizes) == 64 << 20
    assert max(sizes) <= 1 << 20


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def test_a_program_that_writes_for_ever_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robenv.util.bounded_output.OUTPUT", 1 << 20)
    with pytest.raises(TooLong):
        bounded_output.run(["yes"], b"", 30)


def test_a_program_that_complains_for_ever_is_heard_in_part() -> None:
    done = bounded_output.run(python("import sys; sys.stderr.write('x' * 5000000 + 'end'); print('out')"), b"", 30)
    assert (done.stdout, done.returncode) == (b"out\n", 0)
    assert done.stderr.endswith(b"xend")
    assert len(done.stderr) <= bounded_json.LAST_WORDS


def test_a_program_gets_its_input_and_its_time() -> None:
    assert bounded_output.run(["cat"], b"x" * 3_000_000, 30).stdout == b"x" * 3_000_000
    assert bounded_output.run(["true"], b"x" * 3_000_000, 30).returncode == 0
    began = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        bounded_output.run(["sleep", "30"], b"", 0.3)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("said", "verb", "arguments"),
    [
        ("yes", "read", ("/etc/x",)),
        ("head -c 100000000 /dev/zero", "read", ("/etc/x",)),
    ],
)
def test_a_robot_that_answers_for_ever(
    said: str, verb: str, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("robenv.remote.remote_host.OUTPUT", 1 << 20)
    host = RemoteHost(["sh", "-c", said])
    with pytest.raises(RobenvError, match="too long"):
        host.ask(verb, *arguments)
    host.close()


@pytest.mark.parametrize("verb", ["user", "uname", "tree", "node", "kind", "glob", "texts", "link"])
@pytest.mark.parametrize("said", ["x y z", "", "\\0\\0", "a\\n//\\nb", "-1 -1", "81a4 0 0 0"])
def test_a_robot_that_answers_nonsense(verb: str, said: str) -> None:
    """Its shell gives the same for whatever is asked."""
    script = f"""
import sys
for line in sys.stdin:
    mark = line.rsplit(" ", 2)[1]
    sys.stdout.write("\\n" + mark + "\\n" + "{said}" + "\\n" + mark + " 0\\n")
    sys.stdout.flush()
"""
    host = RemoteHost(python(script))
    try:
        host.ask(verb, *(("/dev",) if verb not in ("user", "uname") else ()))
    except RobotRefused as error:
        assert "cannot be understood" in error.message
    finally:
        host.close()
