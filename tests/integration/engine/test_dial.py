"""Entering a container over TCP, TLS and SSH: the same streams and ends as over the engine's socket."""

from __future__ import annotations

import functools
import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import certifi
import docker
import pytest

from robenv.engine.docker_engine import DockerPyEngine, connect
from robenv.engine.terminal.process_session import FrameDecoder, capture
from robenv.engine.terminal.types import ExecRequest
from robenv.errors import EngineLost, EngineUnreachable
from tests.support.engines.far_engines import PORT, WAYS, certificates, reachable
from tests.support.engines.second_engine import SecondEngine
from tests.support.engines.sessions import collect
from tests.support.images import prepared_image

pytestmark = pytest.mark.engine


class Remote:
    """An engine with a running container, and how to get there."""

    def __init__(self, engine: SecondEngine, container: str, connect: Callable[[], DockerPyEngine]) -> None:
        self.second, self.container, self.connect = engine, container, connect


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
    with WAYS[request.param](folder, furnish) as (second, client), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", client.get("PATH", os.environ["PATH"]))
        name = f"robenvtest-remote-{secrets.token_hex(4)}"
        second.api().create_container(base_image, ["sleep", "infinity"], name=name)
        second.api().start(name)
        yield Remote(second, name, lambda: connect(client))


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
    assert collect(FrameDecoder().feed(data))[1] == b"in\nend\n"
    assert session.exit_code() == 0
    session.close()


def test_much_goes_both_ways_at_once(engine: DockerPyEngine, remote: Remote) -> None:
    session = engine.open_exec(ExecRequest(remote.container, ("cat",), "0"))
    sent, received, frames = hashlib.sha256(), hashlib.sha256(), FrameDecoder()

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
