"""The relay carries whole conversations, several at once, and outlives what it carries."""

from __future__ import annotations

import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from robenv.host.session.agent_relay import AgentRelay, answers


class Echo:
    """An agent that answers what it is sent."""

    def __init__(self, path: str) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(4096):
                connection.sendall(data)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    echo = Echo(str(tmp_path / "agent"))
    yield str(tmp_path / "agent")
    echo.close()


def connected(path: str) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    client.connect(path)
    return client


def said(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    answer = b""
    while len(answer) < len(data) and (more := client.recv(65536)):
        answer += more
    return answer


def open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def test_carries_what_several_say_at_once(tmp_path: Path, agent: str) -> None:
    relay = AgentRelay(str(tmp_path / "inside"), agent)
    relay.start()
    clients = [connected(relay.path) for _ in range(5)]
    for turn in range(3):
        for number, client in enumerate(clients):
            text = f"{turn} of {number}".encode() * 5000
            assert said(client, text) == text
    clients[0].close()
    assert said(clients[1], b"still") == b"still"
    for client in clients[1:]:
        client.close()
    relay.close()


def test_the_socket_is_the_users_alone_and_goes_at_the_end(tmp_path: Path, agent: str) -> None:
    before = open_files()
    relay = AgentRelay(str(tmp_path / "inside"), agent)
    relay.start()
    assert stat.S_IMODE(Path(relay.path).stat().st_mode) == 0o600
    client = connected(relay.path)
    assert said(client, b"x") == b"x"
    relay.close()
    relay.close()
    assert not Path(relay.path).exists()
    assert client.recv(1) == b""
    client.close()
    for _ in range(200):
        if open_files() <= before:
            break
        threading.Event().wait(0.05)
    assert open_files() <= before


def test_an_agent_that_is_gone_is_an_end_of_file(tmp_path: Path) -> None:
    relay = AgentRelay(str(tmp_path / "inside"), str(tmp_path / "nobody"))
    relay.start()
    for _ in range(3):
        with connected(relay.path) as client:
            assert client.recv(1) == b""
    relay.close()


def test_a_path_longer_than_a_sockets_may_be(tmp_path: Path, agent: str) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    relay = AgentRelay(str(folder / "inside"), agent)
    relay.start()
    assert stat.S_ISSOCK(Path(relay.path).stat().st_mode)
    relay.close()


def test_where_no_socket_can_be_made(tmp_path: Path, agent: str) -> None:
    before = open_files()
    relay = AgentRelay(str(tmp_path / "missing" / "inside"), agent)
    with pytest.raises(FileNotFoundError):
        relay.start()
    assert open_files() == before


def test_whether_somebody_listens(tmp_path: Path, agent: str) -> None:
    assert answers(agent)
    assert not answers(str(tmp_path / "nothing"))
    (tmp_path / "file").touch()
    assert not answers(str(tmp_path / "file"))
    assert not answers("a\0b")
    assert not answers("x" * 200)
