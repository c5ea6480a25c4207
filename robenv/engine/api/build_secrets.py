"""What a build borrows of this machine: secrets by name, and an ssh agent. BuildKit asks for them over a session.

``POST /session`` hands the connection over, and BuildKit speaks gRPC on it, as the client. Source: BuildKit's
session/secrets/secrets.proto, session/sshforward/ssh.proto, and client/build.go of moby.
"""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from robenv.engine.api.exec_api import ExecutionCalls
from robenv.engine.build.buildkit.grpc import NOT_FOUND, UNAVAILABLE, Call, CallRefused, Methods, Reply, Server
from robenv.engine.protocol import BuildSecrets

_CHUNK = 32 * 1024
_SERVING = b"\x08\x01"
_HEALTH = "/grpc.health.v1.Health/Check"
_SECRET = "/moby.buildkit.secrets.v1.Secrets/GetSecret"  # noqa: S105
_CHECK, _FORWARD = "/moby.sshforward.v1.SSH/CheckAgent", "/moby.sshforward.v1.SSH/ForwardAgent"


@contextmanager
def serving_secrets(calls: ExecutionCalls, build_secrets: BuildSecrets) -> Iterator[str]:
    """Answers the engine's builds that name the session, whose ID it gives. Raises what reaching the engine raises."""
    session, methods = uuid.uuid4().hex, methods_of(build_secrets)
    said = {"Uuid": session, "Name": "robenv", "Sharedkey": ""}
    headers = [(f"X-Docker-Expose-Session-{name}", value) for name, value in said.items()]
    headers += [("X-Docker-Expose-Session-Grpc-Method", path) for path in methods]
    stream, rest = calls._take_over("lend the build what it asks for", "/session", protocol="h2c", headers=headers)
    server = Server(stream, methods, rest)
    server.start()
    try:
        yield session
    finally:
        server.close()


def methods_of(build_secrets: BuildSecrets) -> Methods:
    """What answers each call that BuildKit may make."""
    found: dict[str, Callable[[Reply], Call]] = {_HEALTH: lambda reply: _Once(reply, lambda asked: _SERVING)}
    if build_secrets.secrets:
        found[_SECRET] = lambda reply: _Once(reply, lambda asked: _secret(build_secrets.secrets, asked))
    if build_secrets.agent:
        found[_CHECK] = lambda reply: _Once(reply, lambda asked: b"")
        found[_FORWARD] = lambda reply: _Agent(reply, build_secrets.agent)
    return found


def _secret(secrets: Mapping[str, bytes], asked: bytes) -> bytes:
    name = first_field(asked).decode(errors="replace")
    if name not in secrets:
        raise CallRefused(NOT_FOUND, f"there is no secret {name}")
    return as_first_field(secrets[name])


class _Once(Call):
    """One message, one answer."""

    def __init__(self, reply: Reply, answer: Callable[[bytes], bytes]) -> None:
        self._reply = reply
        self._answer = answer
        self._asked = b""

    def message(self, data: bytes) -> None:
        self._asked = data

    def ended(self) -> None:
        # Not here: a long answer waits for the other side to take it, and it is this thread that would hear of that.
        threading.Thread(target=self._respond, daemon=True).start()

    def _respond(self) -> None:
        try:
            self._reply.send(self._answer(self._asked))
        except CallRefused as refused:
            self._reply.end(refused.status, str(refused))
        else:
            self._reply.end()


class _Agent(Call):
    """Bytes to and from the agent, as they come."""

    def __init__(self, reply: Reply, path: str) -> None:
        self._reply = reply
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            reply.end(UNAVAILABLE, f"the ssh agent does not answer: {error.strerror}")
            return
        threading.Thread(target=self._back, daemon=True).start()

    def message(self, data: bytes) -> None:
        try:
            self._socket.sendall(first_field(data))
        except OSError as error:
            raise CallRefused(UNAVAILABLE, "the ssh agent has hung up") from error

    def ended(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def _back(self) -> None:
        with suppress(OSError), self._socket:
            while data := self._socket.recv(_CHUNK):
                self._reply.send(as_first_field(data))
        self._reply.end()


def first_field(message: bytes) -> bytes:
    """A protobuf message's field 1, of texts or bytes; b"" where it has none."""
    at = 0
    while at < len(message):
        tag, at = _number(message, at)
        if tag & 7 != 2:  # none of these messages has another kind of field
            return b""
        size, at = _number(message, at)
        if tag >> 3 == 1:
            return message[at : at + size]
        at += size
    return b""


def as_first_field(data: bytes) -> bytes:
    """A protobuf message with these bytes as field 1."""
    size, encoded = len(data), bytearray(b"\x0a")
    while size > 0x7F:
        encoded.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes(encoded) + bytes([size]) + data


def _number(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    return value, at
