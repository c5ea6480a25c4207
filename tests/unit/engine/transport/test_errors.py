"""docker-py's, requests', urllib3's and sockets' errors, as those libraries really raise them."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from robenv.engine.transport.errors import from_sentence, translate_error, translated_errors
from robenv.errors import (
    ContainerNotFound,
    DiskFull,
    EngineDenied,
    EngineLost,
    EngineUnreachable,
    ImageNotFound,
    NameTaken,
    OperationFailed,
    PortInUse,
    RobenvError,
)


@contextlib.contextmanager
def _server(path: Path, answer: bytes) -> Iterator[str]:
    """A socket that answers one request with these bytes, and hangs up."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"unix://{path}"
    thread.join()
    listener.close()


def _caught(url: str, timeout: float = 5) -> RobenvError:
    with pytest.raises(RobenvError) as caught, translated_errors("look", "there"):
        docker.APIClient(url, version="1.41", timeout=timeout).info()  # type: ignore[no-untyped-call, arg-type, unused-ignore]
    return caught.value


def test_no_socket(tmp_path: Path) -> None:
    error = _caught(f"unix://{tmp_path}/none.sock")
    assert type(error) is EngineUnreachable
    assert "No such file" in error.details


def test_a_socket_where_nobody_listens(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead.sock"))
    assert type(_caught(f"unix://{tmp_path}/dead.sock")) is EngineUnreachable


def test_a_host_that_refuses_and_one_that_does_not_exist() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert type(_caught(f"tcp://127.0.0.1:{port}")) is EngineUnreachable
    assert type(_caught("tcp://no-such-host.invalid:2375")) is EngineUnreachable


def test_a_socket_that_may_not_be_opened() -> None:
    assert type(translate_error(PermissionError(13, "Permission denied"), "look")) is EngineDenied


def test_an_engine_that_hangs_up(tmp_path: Path) -> None:
    with _server(tmp_path / "s", b"") as url:
        assert type(_caught(url)) is EngineLost


def test_an_engine_that_stops_in_the_middle(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    with _server(tmp_path / "s", head) as url:
        error = _caught(url)
    assert type(error) is EngineLost
    assert "could not look there" in error.message


def test_an_engine_that_does_not_answer(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        error = _caught(f"unix://{tmp_path}/s", timeout=0.2)
    assert type(error) is EngineLost
    assert "in time" in error.message


def test_what_the_engine_says_is_kept(tmp_path: Path) -> None:
    body = b'{"message": "No such image: nope:latest"}'
    head = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    with _server(tmp_path / "s", head + body) as url:
        error = _caught(url)
    assert type(error) is ImageNotFound
    assert error.message == "Could not look there: No such image: nope:latest"


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("No such container: x", ContainerNotFound),
        ("Container 0123 is not running", ContainerNotFound),
        ('Conflict. The container name "/x" is already in use by container "0123"', NameTaken),
        (
            "driver failed programming external connectivity: Bind for 0.0.0.0:80 failed: port is already allocated",
            PortInUse,
        ),
        ("listen tcp4 0.0.0.0:80: bind: address already in use", PortInUse),
        ("mkdir /var/lib/docker/x: no space left on device", DiskFull),
        ("No such image: x:latest", ImageNotFound),
        ("whatever else", OperationFailed),
    ],
)
def test_what_the_engines_sentences_mean(sentence: str, kind: type[RobenvError]) -> None:
    assert type(from_sentence(sentence, "do it")) is kind


def test_robenvs_own_errors_and_interrupts_pass() -> None:
    with pytest.raises(DiskFull, match="as it was"), translated_errors("do it"):
        raise DiskFull("as it was")
    with pytest.raises(KeyboardInterrupt), translated_errors("do it"):
        raise KeyboardInterrupt


def test_a_bug_is_not_taken_for_an_engines_error() -> None:
    with pytest.raises(ZeroDivisionError), translated_errors("do it"):
        os.getpid() / 0
