"""Entering a container over TCP, TLS and SSH: the same streams and ends as over the engine's socket."""

from __future__ import annotations

import functools
import hashlib
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import certifi
import docker
import pytest

from robenv.engine.docker_py import DockerPyEngine, connect
from robenv.engine.session import Frames, capture
from robenv.engine.session_types import ExecRequest
from robenv.errors import EngineLost, EngineUnreachable
from tests.support import prepared_image
from tests.support.second_engine import SecondEngine
from tests.unit.engine.test_frames import collect

pytestmark = pytest.mark.engine

Furnish = Callable[[SecondEngine], None]
"""Done to an engine before it starts."""

_SSH = """#!{python}
# Stands in for ssh: notes its arguments and does here what the command at the other end would.
import socket, sys, threading
with open({log!r}, "a") as log:
    print(" ".join(sys.argv[1:]), file=log)
engine = socket.socket(socket.AF_UNIX)
engine.connect({socket!r})

def up():
    while data := sys.stdin.buffer.read1(65536):
        engine.sendall(data)
    engine.shutdown(socket.SHUT_WR)

threading.Thread(target=up, daemon=True).start()
while data := engine.recv(65536):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
"""


PORT = 2376
"""In the network of the engine's own."""


def material(folder: Path) -> list[str]:
    files = {"cacert": "ca", "cert": "cert", "key": "key"}
    return [f"--tls{name}={folder}/{file}.pem" for name, file in files.items()]


def certificates(folder: Path) -> None:
    """ca.pem, and for 127.0.0.1 cert.pem and key.pem, which serve as the engine's and as the user's."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ["req", "-newkey", "rsa:2048", "-nodes"]
    # What Python 3.13 demands of a CA and of what it has signed, and OpenSSL's own defaults need not say.
    authority = ["-x509", "-days", "2", "-subj", "/CN=robenvtest", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    openssl(*new, *authority, "-keyout", "ca-key.pem", "-out", "ca.pem")
    openssl(*new, "-subj", "/CN=127.0.0.1", "-keyout", "key.pem", "-out", "request.pem")
    extensions = ["subjectAltName=IP:127.0.0.1", "extendedKeyUsage=serverAuth,clientAuth"]
    extensions += ["subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid"]
    (folder / "extensions").write_text("\n".join(extensions) + "\n")
    sign = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "2", "-extfile", "extensions"]
    openssl("x509", "-req", "-in", "request.pem", *sign, "-out", "cert.pem")


_RELAY = """
import fcntl, socket, struct, sys, threading
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sH22x", b"lo", 1))  # SIOCSIFFLAGS: a new network's lo is down
listener, port = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])

def copy(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for stream in (source, sink):
            stream.close()

while True:
    outside, _ = listener.accept()
    try:
        inside = socket.create_connection(("127.0.0.1", port))
    except OSError:
        outside.close()
        continue
    for pair in ((outside, inside), (inside, outside)):
        threading.Thread(target=copy, args=pair, daemon=True).start()
"""


class Remote:
    """An engine with a running container, and how to get there."""

    def __init__(self, engine: SecondEngine, container: str, connect: Callable[[], DockerPyEngine]) -> None:
        self.second, self.container, self.connect = engine, container, connect


@contextmanager
def reachable(second: SecondEngine, port: int) -> Iterator[str]:
    """The URL under which a port of the engine's own network is reached from this one."""
    process = second._process
    assert process
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        there = ["nsenter", f"--net=/proc/{process.pid}/ns/net", sys.executable, "-c", _RELAY]
        relay = subprocess.Popen([*there, str(listener.fileno()), str(port)], pass_fds=[listener.fileno()])
        try:
            yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            relay.kill()
            relay.wait()


@contextmanager
def over_tcp(folder: Path, tls: bool, furnish: Furnish) -> Iterator[tuple[SecondEngine, Callable[[], DockerPyEngine]]]:
    options, environment = ["--tls=false"], {}
    if tls:
        certificates(folder)
        options = ["--tlsverify", *material(folder)]
        environment = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)}
    second = SecondEngine(options=("--host", f"tcp://127.0.0.1:{PORT}", *options))
    try:
        furnish(second)
        second.start()
        with reachable(second, PORT) as url:
            yield second, lambda: connect({"DOCKER_HOST": url, **environment})
    finally:
        second.close()


@contextmanager
def over_ssh(folder: Path, furnish: Furnish) -> Iterator[tuple[SecondEngine, Callable[[], DockerPyEngine]]]:
    second = SecondEngine()
    program = folder / "ssh"
    program.write_text(_SSH.format(python=sys.executable, log=str(folder / "log"), socket=str(second.socket)))
    program.chmod(0o755)
    url = "ssh://somebody@robot:2222"
    try:
        furnish(second)
        second.start()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
            yield second, lambda: connect({"DOCKER_HOST": url})
        lines = set((folder / "log").read_text().splitlines())
        assert lines == {"-o ConnectTimeout=30 -T -l somebody -p 2222 -- robot docker system dial-stdio"}
    finally:
        second.close()


@pytest.fixture(scope="module")
def odd_environment() -> Iterator[None]:
    """What requests would mind, and the docker CLI does not for an engine with its own CA on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            patch.setenv(variable, certifi.where())
        for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            patch.setenv(variable, "http://127.0.0.1:1")
        for variable in ("NO_PROXY", "no_proxy"):
            patch.delenv(variable, raising=False)
        yield


@pytest.fixture(scope="module", params=["tcp", "tls", "ssh"])
def remote(
    request: pytest.FixtureRequest,
    docker_api: docker.APIClient,
    base_image: str,
    tmp_path_factory: pytest.TempPathFactory,
    odd_environment: None,
) -> Iterator[Remote]:
    folder = tmp_path_factory.mktemp("remote")
    furnish = functools.partial(prepared_image.lay_down, docker_api, base_image)
    way = over_ssh(folder, furnish) if request.param == "ssh" else over_tcp(folder, request.param == "tls", furnish)
    with way as (second, connecting):
        name = f"robenvtest-remote-{secrets.token_hex(4)}"
        second.api().create_container(base_image, ["sleep", "infinity"], name=name)
        second.api().start(name)
        yield Remote(second, name, connecting)


@pytest.fixture
def engine(remote: Remote) -> Iterator[DockerPyEngine]:
    connected = remote.connect()
    yield connected
    connected.close()


def test_streams_and_exit_code(engine: DockerPyEngine, remote: Remote) -> None:
    request = ExecRequest(remote.container, ("sh", "-c", "echo out; echo err >&2; exit 5"), "0")
    assert capture(engine.open_exec(request)) == (5, b"out\n", b"err\n")


def test_stdin_ends_while_output_still_comes(engine: DockerPyEngine, remote: Remote) -> None:
    session = engine.open_exec(ExecRequest(remote.container, ("sh", "-c", "cat; sleep 0.5; echo end"), "0"))
    session.send(b"in\n")
    session.close_stdin()
    data = b""
    while piece := session.recv(65536):
        data += piece
    assert collect(Frames().feed(data))[1] == b"in\nend\n"
    assert session.exit_code() == 0
    session.close()


def test_much_goes_both_ways_at_once(engine: DockerPyEngine, remote: Remote) -> None:
    session = engine.open_exec(ExecRequest(remote.container, ("cat",), "0"))
    sent, received, frames = hashlib.sha256(), hashlib.sha256(), Frames()

    def send() -> None:
        for _ in range(200):
            block = os.urandom(100_000)
            sent.update(block)
            while block:
                block = block[session.send(block) :]
        session.close_stdin()

    thread = threading.Thread(target=send)
    thread.start()
    while data := session.recv(65536):
        for _, piece in frames.feed(data):
            received.update(piece)
    thread.join()
    assert received.digest() == sent.digest()
    assert session.exit_code() == 0
    session.close()


def test_a_tty_that_is_resized(engine: DockerPyEngine, remote: Remote) -> None:
    request = ExecRequest(remote.container, ("sh", "-c", "read x; stty size"), "0", tty=True)
    session = engine.open_exec(request, (33, 99))
    session.send(b"\n")
    data = b""
    while piece := session.recv(65536):
        data += piece
    assert b"33 99" in data
    session.close()


@pytest.mark.parametrize("remote", ["tls"], indirect=True)
def test_a_certificate_that_is_not_trusted(remote: Remote, tmp_path: Path) -> None:
    certificates(tmp_path)
    with (
        reachable(remote.second, PORT) as url,
        pytest.raises(EngineUnreachable, match="does not trust the engine's certificate"),
    ):
        connect({"DOCKER_HOST": url, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)})


def test_an_engine_that_dies_is_lost(engine: DockerPyEngine, remote: Remote) -> None:
    """Stands last, since it ends the engine that the others share."""
    session = engine.open_exec(ExecRequest(remote.container, ("sh", "-c", "echo on; sleep 60"), "0"))
    assert session.recv(100)
    remote.second.kill()
    assert session.recv(100) == b""
    with pytest.raises(EngineLost):
        session.exit_code()
    session.close()
