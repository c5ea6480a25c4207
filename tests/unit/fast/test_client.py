"""The quick engine against a scripted one: what a real engine cannot be made to answer at will."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.terminal.types import ExecRequest
from robenv.engine.transport.endpoint import Endpoint
from robenv.errors import ContainerNotFound, EngineDenied, EngineLost, EngineUnreachable, OperationFailed
from robenv.fast.client import DirectEngine, supports

Answers = list[bytes]


def answer(status: int, body: Any = None, head: str = "") -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    return f"HTTP/1.1 {status} X\r\n{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


class Script:
    """Listens on a unix socket; each connection gets the next list of answers, and is closed after them."""

    def __init__(self, path: Path, connections: list[Answers]) -> None:
        self.url = f"unix://{path}"
        self.requests: list[str] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._work, args=(connections,))
        self._thread.start()

    def _work(self, connections: list[Answers]) -> None:
        threads = []
        for answers in connections:
            stream, _ = self._listener.accept()
            threads.append(threading.Thread(target=self._serve, args=(stream, answers)))
            threads[-1].start()
        for thread in threads:
            thread.join(10)

    def _serve(self, stream: socket.socket, answers: Answers) -> None:
        with stream:
            stream.settimeout(5)
            for one in answers:
                self.requests.append(_request(stream))
                stream.sendall(one)

    def close(self) -> None:
        self._thread.join(10)
        self._listener.close()


def _request(stream: socket.socket) -> str:
    data = b""
    while b"\r\n\r\n" not in data:
        data += stream.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")), 0)
    while len(body) < length:
        body += stream.recv(65536)
    return head.split(b"\r\n")[0].decode() + (f" {body.decode()}" if body else "")


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Callable[..., Script]]:
    scripts: list[Script] = []

    def made(*connections: Answers) -> Script:
        scripts.append(Script(tmp_path / "engine.sock", list(connections)))
        return scripts[-1]

    yield made
    for one in scripts:
        one.close()


CONTAINER = {"Id": "c0ffee", "Name": "/robot", "State": {"Status": "running"}, "Config": {"Labels": None}}


def test_plain_calls_share_one_connection(script: Callable[..., Script]) -> None:
    served = script([answer(200, CONTAINER), answer(404, {"message": "No such container: y"})])
    engine = DirectEngine(served.url)
    found = engine.find_container("robot")
    assert found is not None
    assert (found.id, found.name, found.running, found.labels) == ("c0ffee", "robot", True, {})
    assert engine.find_container("y") is None
    engine.close()
    assert served.requests == ["GET /containers/robot/json HTTP/1.1", "GET /containers/y/json HTTP/1.1"]


def test_a_kept_connection_that_the_engine_closed_is_replaced(script: Callable[..., Script]) -> None:
    served = script([answer(200, CONTAINER)], [answer(200, CONTAINER)])
    engine = DirectEngine(served.url)
    assert engine.find_container("a")
    assert engine.find_container("b")
    engine.close()


def test_a_connection_that_breaks_at_once_is_not_tried_again(script: Callable[..., Script]) -> None:
    served = script([b""])
    with pytest.raises(EngineLost):
        DirectEngine(served.url).find_container("a")
    assert len(served.requests) == 1


@pytest.mark.parametrize("wire", [b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot json!"])
def test_what_no_engine_says_is_a_lost_engine(script: Callable[..., Script], wire: bytes) -> None:
    served = script([wire])
    engine = DirectEngine(served.url)
    with pytest.raises(EngineLost):
        engine.find_container("a")
    engine.close()


def test_nothing_is_asked_for_no_name(script: Callable[..., Script]) -> None:
    assert DirectEngine("unix:///nowhere").find_container("") is None


def test_an_exec_asks_for_what_was_requested(script: Callable[..., Script]) -> None:
    served = script(
        [answer(201, {"Id": "e1"}, "Api-Version: 1.42\r\n"), answer(200, {"Running": False, "ExitCode": 9})],
        [b"HTTP/1.1 101 UPGRADED\r\n\r\nearly output"],
    )
    engine = DirectEngine(served.url)
    request = ExecRequest(
        "robot", ("ls", "-l"), "1000:1000", "/w", ("A=b",), tty=True, detach_keys="ctrl-a", privileged=True
    )
    session = engine.open_exec(request, (30, 100))
    assert session.recv(100) == b"early output"
    assert session.exit_code() == 9
    session.close()
    engine.close()
    made, started, asked = served.requests
    body = json.loads(made.partition("HTTP/1.1 ")[2])
    marker = body["Env"].pop()
    assert marker.startswith("ROBENV_EXEC=")
    assert len(marker) > 40
    assert body == {
        "Cmd": ["ls", "-l"],
        "User": "1000:1000",
        "Env": ["A=b"],
        "Tty": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "Privileged": True,
        "WorkingDir": "/w",
        "DetachKeys": "ctrl-a",
        "ConsoleSize": [30, 100],
    }
    assert started.startswith("POST /exec/e1/start HTTP/1.1 ")
    assert json.loads(started.partition("HTTP/1.1 ")[2]) == {"Detach": False, "Tty": True, "ConsoleSize": [30, 100]}
    assert asked == "GET /exec/e1/json HTTP/1.1"


def test_an_older_engine_is_told_the_size_afterwards(script: Callable[..., Script]) -> None:
    served = script(
        [answer(201, {"Id": "e1"}, "Api-Version: 1.41\r\n"), answer(201)],
        [b"HTTP/1.1 101 UPGRADED\r\n\r\n"],
    )
    engine = DirectEngine(served.url)
    engine.open_exec(ExecRequest("robot", ("sh",), "0", tty=True), (30, 100)).close()
    engine.close()
    assert served.requests[-1] == "POST /exec/e1/resize?h=30&w=100 HTTP/1.1"


def test_refusals_become_robenvs_errors(script: Callable[..., Script]) -> None:
    served = script(
        [
            answer(409, {"message": "Container c0ffee is not running"}),
            answer(404, {"message": "No such container: x"}),
            answer(500, {"message": "boom"}),
        ]
    )
    engine = DirectEngine(served.url)
    request = ExecRequest("x", ("true",), "0")
    for kind in (ContainerNotFound, ContainerNotFound, OperationFailed):
        with pytest.raises(kind) as caught:
            engine.open_exec(request)
        assert "run true in x" in caught.value.message
    engine.close()


def test_an_engine_that_is_gone_when_the_exit_code_is_due_is_lost(
    script: Callable[..., Script], tmp_path: Path
) -> None:
    served = script([answer(201, {"Id": "e1"})], [b"HTTP/1.1 101 UPGRADED\r\n\r\n"])
    engine = DirectEngine(served.url)
    session = engine.open_exec(ExecRequest("x", ("true",), "0"))
    served.close()
    (tmp_path / "engine.sock").unlink()
    assert session.recv(10) == b""
    with pytest.raises(EngineLost):
        session.exit_code()


def test_an_engine_that_goes_while_the_exit_code_is_asked_for_is_lost_in_the_same_words(
    script: Callable[..., Script],
) -> None:
    """As it dies, a session's connection may end before the engine's socket does, which then takes one more call."""
    served = script([answer(201, {"Id": "e1"}), b""], [b"HTTP/1.1 101 UPGRADED\r\n\r\n"], [b""])
    engine = DirectEngine(served.url)
    session = engine.open_exec(ExecRequest("x", ("true",), "0"))
    assert session.recv(10) == b""
    with pytest.raises(EngineLost, match=r"^The connection to the engine broke\.$"):
        session.exit_code()
    assert len(served.requests) == 4
    session.close()


def test_an_exec_that_the_engine_no_longer_knows(script: Callable[..., Script]) -> None:
    served = script(
        [answer(201, {"Id": "e1"}), answer(404, {"message": "No such exec instance: e1"})],
        [b"HTTP/1.1 101 UPGRADED\r\n\r\n"],
    )
    engine = DirectEngine(served.url)
    session = engine.open_exec(ExecRequest("robot", ("roscore",), "0"))
    with pytest.raises(ContainerNotFound, match=r"robot was removed.*while roscore ran"):
        session.exit_code()
    engine.close()


def test_no_engine_there(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/absent.sock"
    with pytest.raises(EngineUnreachable, match="DOCKER_HOST") as caught:
        DirectEngine(Endpoint(url, "DOCKER_HOST")).find_container("x")
    assert not isinstance(caught.value, EngineLost | EngineDenied)


def test_only_unix_sockets_are_quick() -> None:
    assert supports("unix:///var/run/docker.sock")
    assert supports(Endpoint("unix:///run/user/1000/docker.sock", "the default"))
    for url in ("tcp://10.0.0.1:2376", "ssh://robot", "unix://", "npipe:////./pipe/docker_engine", ""):
        assert not supports(url)
