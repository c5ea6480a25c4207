"""What of the environment reaches a call to the engine beside its address: by the docker CLI's rules, no more."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from robenv.engine.docker_engine import connect
from robenv.engine.transport.docker_py_session import engine_proxies
from robenv.errors import EngineUnreachable

PROXY = "http://proxy.example:3128"
VERSION = b'{"ApiVersion": "1.41", "Version": "20.10.24"}'


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name.upper()}_PROXY", raising=False)


@pytest.mark.parametrize(
    ("url", "variables", "proxies"),
    [
        ("http://10.0.0.1:2375", {"HTTP_PROXY": PROXY}, {"http": PROXY}),
        ("http://10.0.0.1:2375", {"http_proxy": PROXY}, {"http": PROXY}),
        ("https://robot:2376", {"HTTPS_PROXY": PROXY}, {"https": PROXY}),
        ("http://10.0.0.1:2375", {"HTTPS_PROXY": PROXY}, {}),
        ("https://robot:2376", {"HTTP_PROXY": PROXY}, {}),
        ("http://10.0.0.1:2375", {"ALL_PROXY": PROXY}, {}),
        ("http://10.0.0.1:2375", {"HTTP_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8"}, {}),
        ("http://robot.lab:2375", {"HTTP_PROXY": PROXY, "NO_PROXY": "other, .lab"}, {}),
        ("http://robot.lab:2375", {"HTTP_PROXY": PROXY, "NO_PROXY": "other"}, {"http": PROXY}),
        ("http://127.0.0.1:2375", {"HTTP_PROXY": PROXY}, {}),
        ("http://[::1]:2375", {"HTTP_PROXY": PROXY}, {}),
        ("http://localhost:2375", {"HTTP_PROXY": PROXY}, {}),
        ("http+docker://localhost", {"HTTP_PROXY": PROXY, "ALL_PROXY": PROXY}, {}),
    ],
)
def test_the_proxies_that_the_docker_cli_would_use(
    monkeypatch: pytest.MonkeyPatch, url: str, variables: dict[str, str], proxies: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert engine_proxies(url) == proxies


class Listener:
    """Answers every connection's first request as an engine's ``/version``, whatever is asked."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                stream, _ = self._socket.accept()
            except OSError:
                return
            with stream:
                self.requests.append(stream.recv(65536).decode())
                stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(VERSION), VERSION))

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def test_an_engine_behind_a_proxy(monkeypatch: pytest.MonkeyPatch, listener: Listener) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{listener.port}")
    connect({"DOCKER_HOST": "tcp://robot.invalid:2375"}).close()
    assert listener.requests[0].startswith("GET http://robot.invalid:2375/version HTTP/1.1")


def test_an_engine_on_this_machine_is_asked_itself(monkeypatch: pytest.MonkeyPatch, listener: Listener) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    connect({"DOCKER_HOST": f"tcp://127.0.0.1:{listener.port}"}).close()
    assert listener.requests[0].startswith("GET /version HTTP/1.1")


def test_a_login_of_netrc_is_not_the_engines(
    monkeypatch: pytest.MonkeyPatch, listener: Listener, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    connect({"DOCKER_HOST": f"tcp://127.0.0.1:{listener.port}"}).close()
    assert "authorization" not in listener.requests[0].lower()


def test_a_proxy_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with pytest.raises(EngineUnreachable, match=r"No engine answers at tcp://robot\.invalid:2375 \(DOCKER_HOST\)"):
        connect({"DOCKER_HOST": "tcp://robot.invalid:2375"})
