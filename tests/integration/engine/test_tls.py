"""Engines with certificates made as Docker's documentation says, which Python 3.13 refuses unless told otherwise."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import urllib3.util.ssl_

from robenv.engine.docker_engine import connect
from robenv.engine.transport.sockets import open_socket
from robenv.errors import EngineInsecure

VERSION = b'{"ApiVersion": "1.41", "Version": "20.10.24"}'


class _Engine(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(VERSION)))
        self.end_headers()
        self.wfile.write(VERSION)

    def log_message(self, *_: object) -> None:
        """Nothing: the tests' output is theirs."""


def _certificates(folder: Path) -> None:
    """A CA without a key usage, and what it has signed without key identifiers."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ["req", "-newkey", "rsa:2048", "-nodes"]
    (folder / "authority").write_text(
        "[req]\ndistinguished_name=name\n[name]\n[authority]\nbasicConstraints=critical,CA:true\n"
    )
    authority = ["-x509", "-days", "2", "-subj", "/CN=robenvtest", "-config", "authority", "-extensions", "authority"]
    openssl(*new, *authority, "-keyout", "ca-key.pem", "-out", "ca.pem")
    openssl(*new, "-subj", "/CN=127.0.0.1", "-keyout", "key.pem", "-out", "request.pem")
    (folder / "extensions").write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
    sign = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "2", "-extfile", "extensions"]
    openssl("x509", "-req", "-in", "request.pem", *sign, "-out", "cert.pem")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("certificates")
    _certificates(made)
    return made


@pytest.fixture
def port(folder: Path) -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), _Engine)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under Python 3.13, whichever this is."""
    make = ssl.create_default_context

    def create(cafile: str | None = None) -> ssl.SSLContext:
        context = make(cafile=cafile)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", create)
    monkeypatch.setattr(urllib3.util.ssl_, "sys", SimpleNamespace(version_info=(3, 13)))


def _ask_by_docker_py(port: int, folder: Path) -> str:
    address = {"DOCKER_HOST": f"tcp://127.0.0.1:{port}", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)}
    engine = connect(address)
    engine.close()
    return engine.endpoint


def _ask_on_own_connection(port: int, folder: Path) -> bytes:
    pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
    with open_socket(f"https://127.0.0.1:{port}", str(folder / "ca.pem"), pair, 10) as stream:
        stream.sendall(b"GET /version HTTP/1.0\r\n\r\n")
        said = b""
        while data := stream.recv(4096):
            said += data
    return said


@pytest.mark.usefixtures("strict")
def test_docker_py_takes_them(port: int, folder: Path) -> None:
    assert _ask_by_docker_py(port, folder) == f"tcp://127.0.0.1:{port}"


@pytest.mark.usefixtures("strict")
def test_connections_that_are_taken_over_take_them(port: int, folder: Path) -> None:
    assert VERSION in _ask_on_own_connection(port, folder)


def test_another_ca_is_still_refused(port: int, folder: Path, tmp_path: Path) -> None:
    _certificates(tmp_path)
    (tmp_path / "cert.pem").write_bytes((folder / "cert.pem").read_bytes())
    (tmp_path / "key.pem").write_bytes((folder / "key.pem").read_bytes())
    with pytest.raises(EngineInsecure, match="this machine does not trust the engine's certificate"):
        _ask_by_docker_py(port, tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        _ask_on_own_connection(port, tmp_path)


class _WantsTls(_Engine):
    """As Go's net/http answers on a port of TLS."""

    def do_GET(self) -> None:
        said = b"Client sent an HTTP request to an HTTPS server.\n"
        self.send_response(400)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


@contextmanager
def _plain(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("handler", "tls", "message", "hint"),
    [
        (_WantsTls, False, "it speaks TLS, and robenv was not told to", "DOCKER_TLS_VERIFY=1"),
        (_Engine, True, "it does not speak TLS", "unset DOCKER_TLS_VERIFY"),
    ],
)
def test_who_of_the_two_speaks_tls(
    folder: Path, handler: type[BaseHTTPRequestHandler], tls: bool, message: str, hint: str
) -> None:
    with _plain(handler) as number:
        address = f"tcp://127.0.0.1:{number}"
        more = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)} if tls else {}
        with pytest.raises(EngineInsecure) as caught:
            connect({"DOCKER_HOST": address, **more})
    assert str(caught.value) == f"No connection with {address} (DOCKER_HOST): {message}."
    assert hint in caught.value.hint and caught.value.exit_code == 4


def test_a_certificate_that_is_not_to_be_checked_is_no_warning(
    port: int, folder: Path, recwarn: pytest.WarningsRecorder
) -> None:
    connect({"DOCKER_HOST": f"tcp://127.0.0.1:{port}", "DOCKER_TLS": "1", "DOCKER_CERT_PATH": str(folder)}).close()
    assert [str(one.message) for one in recwarn] == []
