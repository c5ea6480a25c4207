"""A session over a connected pair of sockets."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from robenv.engine.terminal.process_session import SocketSession, capture, detach_bytes
from tests.support.engines.sessions import Process, frame

Make = Callable[..., tuple[SocketSession, socket.socket, Process]]


@pytest.fixture
def make() -> Iterator[Make]:
    """``make(tty=…, code=…)``: a session, the engine's end of it, and the process."""
    opened: list[socket.socket] = []

    def made(
        tty: bool = False, stdin: bool = True, rest: bytes = b"", keys: bytes = b"", code: int = 0, looks: int = 0
    ) -> tuple[SocketSession, socket.socket, Process]:
        near, far = socket.socketpair()
        opened.extend((near, far))
        process = Process(code, looks)
        return SocketSession(near, process, tty, stdin, rest, keys), far, process

    yield made
    for stream in opened:
        stream.close()


def test_what_came_with_the_answer_is_read_first(make: Make) -> None:
    session, far, _ = make(rest=b"early")
    far.sendall(b"late")
    assert session.pending()
    assert session.recv(3) == b"ear"
    assert session.recv(100) == b"ly"
    assert not session.pending()
    assert session.recv(100) == b"late"


def test_closing_stdin_waits_for_the_start_and_leaves_the_output_open(make: Make) -> None:
    session, far, process = make()
    session.send(b"input")
    assert not process.awaited
    session.close_stdin()
    assert process.awaited == ["start"]
    assert far.recv(100) == b"input"
    assert far.recv(100) == b""
    far.sendall(b"output")
    assert session.recv(100) == b"output"


def test_an_end_that_left_stdin_unread_is_an_end(make: Make) -> None:
    session, far, _ = make()
    session.send(b"never read")
    far.sendall(b"bye")
    far.close()
    assert session.recv(100) == b"bye"
    assert session.recv(100) == b""
    with pytest.raises(BrokenPipeError):
        session.send(b"more")
    session.close_stdin()


def test_without_blocking_it_says_so(make: Make) -> None:
    session, far, _ = make()
    session.set_blocking(False)
    with pytest.raises(BlockingIOError):
        session.recv(10)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    with pytest.raises(BlockingIOError):
        while True:
            session.send(b"x" * 65536)
    session.set_blocking(True)
    far.sendall(b"y")
    assert session.recv(10) == b"y"


def test_the_exit_code_is_waited_for_a_little(make: Make) -> None:
    session, _, _ = make(code=7, looks=4)
    assert session.exit_code() == 7


def test_a_process_that_runs_on_has_no_exit_code(make: Make) -> None:
    session, _, _ = make(looks=10**6)
    assert session.exit_code() is None


def test_the_same_size_is_set_once(make: Make) -> None:
    session, _, process = make(tty=True)
    for size in ((24, 80), (24, 80), (40, 100), (24, 80)):
        session.resize(*size)
    assert process.sizes == [(24, 80), (40, 100), (24, 80)]


@pytest.mark.parametrize(
    "typed", [[b"\x10\x11"], [b"\x10", b"\x11"], [b"ls\n\x10", b"\x11"], [b"x" * 100_000 + b"\x10\x11"]]
)
def test_detach_keys_are_seen_however_they_were_typed(make: Make, typed: list[bytes]) -> None:
    session, far, _ = make(tty=True, keys=b"\x10\x11")
    far.settimeout(5)
    for keys in typed:
        while keys:
            keys = keys[session.send(keys) :]
            far.recv(1 << 20)
    assert session.detached


def test_what_podman_says_of_a_detached_command_is_not_shown(make: Make) -> None:
    session, far, _ = make(tty=True, keys=b"\x10\x11")
    session.send(b"\x10\x11")
    far.sendall(b"lastError: detached from container\n")
    assert session.recv(100) == b"last"


@pytest.mark.parametrize("typed", [[b"\x10", b"x", b"\x11"], [b"\x11\x10"], [b"\x10"]])
def test_other_keys_detach_nothing(make: Make, typed: list[bytes]) -> None:
    session, _, _ = make(tty=True, keys=b"\x10\x11")
    for keys in typed:
        session.send(keys)
    assert not session.detached


def test_without_a_tty_nothing_detaches(make: Make) -> None:
    session, _, _ = make(tty=False, keys=b"\x10\x11")
    session.send(b"\x10\x11")
    assert not session.detached


@pytest.mark.parametrize(
    ("keys", "sent"),
    [
        ("", b"\x10\x11"),
        ("ctrl-a", b"\x01"),
        ("ctrl-@,ctrl-[,a,Z", b"\x00\x1baZ"),
        ("ctrl-\\,ctrl-],ctrl-^,ctrl-_", b"\x1c\x1d\x1e\x1f"),
        ("DEL", b"\x7f"),
        ("ctrl-1", b""),
        ("ab", b""),
    ],
)
def test_the_names_of_detach_keys(keys: str, sent: bytes) -> None:
    assert detach_bytes(keys) == sent


def test_capture_reads_everything_and_closes(make: Make) -> None:
    session, far, _ = make(code=3)
    far.sendall(frame(1, b"out") + frame(2, b"err") + frame(1, b"put"))
    far.shutdown(socket.SHUT_WR)
    assert capture(session) == (3, b"output", b"err")
    assert far.recv(10) == b""
    with pytest.raises(OSError, match="Bad file descriptor"):
        session.set_blocking(True)
