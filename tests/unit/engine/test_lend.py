"""gRPC as BuildKit speaks it, asked by a client of the tests' own: what there is, what there is not, and how much."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, TrailersReceived
from hypothesis import given
from hypothesis import strategies as st

from robenv.engine.api.build_secrets import as_first_field, first_field, methods_of
from robenv.engine.build.buildkit.grpc import Server
from robenv.engine.protocol import MAX_SECRET, BuildSecrets

SECRET = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
FORWARD = "/moby.sshforward.v1.SSH/ForwardAgent"


class Client:
    """One call after the other, as gRPC's client makes them."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._h2.initiate_connection()
        self._flush()
        self._next = 1

    def call(self, path: str, *messages: bytes, cut: int = 1 << 20) -> tuple[bytes, dict[str, str]]:
        """What came back, and the trailers. ``cut``: bytes of a frame at most."""
        stream, self._next = self._next, self._next + 2
        head = [(":method", "POST"), (":scheme", "http"), (":authority", "x"), (":path", path)]
        self._h2.send_headers(stream, [*head, ("content-type", "application/grpc"), ("te", "trailers")])
        data = b"".join(b"\0" + len(message).to_bytes(4, "big") + message for message in messages)
        while data:
            size = min(cut, self._h2.max_outbound_frame_size)
            self._h2.send_data(stream, data[:size])
            data = data[size:]
            self._flush()
        self._h2.end_stream(stream)
        self._flush()
        return self._answer(stream)

    def _answer(self, stream: int) -> tuple[bytes, dict[str, str]]:
        body = bytearray()
        said: dict[str, str] = {}
        while True:
            received = self._stream.recv(65536)
            assert received, "the server hung up"
            for event in self._h2.receive_data(received):
                if isinstance(event, DataReceived):
                    body += event.data or b""
                    self._h2.acknowledge_received_data(event.flow_controlled_length or 0, stream)
                elif isinstance(event, (ResponseReceived, TrailersReceived)):
                    said |= {str(name): str(value) for name, value in event.headers or ()}
                elif isinstance(event, StreamEnded):
                    self._flush()
                    return bytes(body), said
            self._flush()

    def _flush(self) -> None:
        self._stream.sendall(self._h2.data_to_send())


@pytest.fixture
def client() -> Iterator[Callable[[BuildSecrets], Client]]:
    servers = []

    def connect(build_secrets: BuildSecrets) -> Client:
        near, far = socket.socketpair()
        near.settimeout(20)
        servers.append((Server(far, methods_of(build_secrets)), near))
        servers[-1][0].start()
        return Client(near)

    yield connect
    for server, near in servers:
        server.close()
        near.close()


@pytest.mark.parametrize("cut", [1, 7, 1 << 20])
def test_a_secret_by_its_name(client: Callable[[BuildSecrets], Client], cut: int) -> None:
    asking = client(BuildSecrets({"token": b"hunter2"}))
    body, said = asking.call(SECRET, as_first_field(b"token"), cut=cut)
    assert first_field(body[5:]) == b"hunter2"
    assert (said[":status"], said["content-type"], said["grpc-status"]) == ("200", "application/grpc", "0")


def test_the_largest_one_and_an_empty_one(client: Callable[[BuildSecrets], Client]) -> None:
    asking = client(BuildSecrets({"large": b"x" * MAX_SECRET, "empty": b""}))
    for _ in range(3):
        assert first_field(asking.call(SECRET, as_first_field(b"large"))[0][5:]) == b"x" * MAX_SECRET
    assert first_field(asking.call(SECRET, as_first_field(b"empty"))[0][5:]) == b""


def test_what_is_not_there(client: Callable[[BuildSecrets], Client]) -> None:
    asking = client(BuildSecrets({"token": b"hunter2"}))
    body, said = asking.call(SECRET, as_first_field(b"other"))
    assert (body, said["grpc-status"], said["grpc-message"]) == (b"", "5", "there is no secret other")
    assert asking.call(FORWARD, as_first_field(b""))[1]["grpc-status"] == "12"
    assert asking.call("/grpc.health.v1.Health/Check", b"")[0][5:] == b"\x08\x01"


def test_an_agent_that_answers_and_one_that_is_gone(
    client: Callable[[BuildSecrets], Client], shallow_socket: str
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(shallow_socket)
        listening.listen()

        def echo() -> None:
            stream, _ = listening.accept()
            with stream:
                while data := stream.recv(1024):
                    stream.sendall(data.upper())

        threading.Thread(target=echo, daemon=True).start()
        asking = client(BuildSecrets(agent=shallow_socket))
        body, said = asking.call(FORWARD, as_first_field(b"first "), as_first_field(b"second"))
        parts, at = b"", 0
        while at < len(body):
            size = int.from_bytes(body[at + 1 : at + 5], "big")
            parts += first_field(body[at + 5 : at + 5 + size])
            at += 5 + size
        assert (parts, said["grpc-status"]) == (b"FIRST SECOND", "0")
    assert asking.call(FORWARD, as_first_field(b"x"))[1]["grpc-status"] == "14"


@pytest.fixture
def shallow_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="rt-", dir="/var/tmp") as name:
        yield f"{name}/agent"


@given(st.binary(max_size=1000))
def test_bytes_in_a_message_and_out_again(data: bytes) -> None:
    message = as_first_field(data)
    assert first_field(message) == data
    assert first_field(b"\x12\x01x" + message) == data, "behind another field"


@given(st.binary(max_size=64))
def test_no_message_breaks_the_reader(data: bytes) -> None:
    assert isinstance(first_field(data), bytes)
