"""Pulling from real registries, with and without a login, and all that can be wrong with it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.build.progress import BuildState, apply_event
from robenv.engine.docker_engine import DockerPyEngine, connect
from robenv.engine.protocol import BuildRequest, Engine, StepEvent, TransferEvent
from robenv.errors import DiskFull, ImageNotFound, RegistryDenied, RegistryUnreachable, RobenvError
from tests.support.engines.second_engine import SecondEngine
from tests.support.images.building import context
from tests.support.servers.registry import PASSWORD, USER, Registry

pytestmark = pytest.mark.engine


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A docker config's folder of the test's own."""
    folder = tmp_path / "docker"
    folder.mkdir()
    return folder


@pytest.fixture
def puller(config: Path) -> Iterator[DockerPyEngine]:
    """The engine, with the credentials of ``config``."""
    engine = connect({**os.environ, "DOCKER_CONFIG": str(config)})
    yield engine
    engine.close()


def _push(engine: Engine, api: Any, reference: str, platform: str = "linux/amd64", size: int = 100_000) -> None:
    """Makes an image of ``size`` random bytes, pushes it and removes it here."""
    # The classic builder, for BuildKit would keep the layers; it makes images for this platform only.
    wanted = BuildRequest(reference, platform, {}, buildkit=platform != "linux/amd64")
    list(engine.build(wanted, context("FROM scratch\nCOPY data /\n", data=os.urandom(size))))
    answer = api.push(reference, auth_config={"username": USER, "password": PASSWORD})
    assert "errorDetail" not in answer
    engine.remove_image(reference)


def _login(config: Path, registry: Registry, password: str = PASSWORD) -> None:
    auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
    (config / "config.json").write_text(json.dumps({"auths": {registry.address: {"auth": auth}}}))


def _pull(engine: Engine, reference: str, platform: str = "linux/amd64") -> BuildState:
    state = BuildState()
    for event in engine.pull(reference, platform):
        assert isinstance(event, StepEvent | TransferEvent)
        state = apply_event(state, event)
    return state


def _refused(engine: Engine, reference: str, platform: str = "linux/amd64") -> RobenvError:
    with pytest.raises(RobenvError) as caught:
        _pull(engine, reference, platform)
    return caught.value


def test_a_pull_is_one_step_with_its_layers(registry: Callable[..., Registry], puller: Engine, docker_api: Any) -> None:
    reference = f"{registry().address}/robenvtest-pull:1"
    _push(puller, docker_api, reference, size=3_000_000)
    (step,) = _pull(puller, reference).steps
    assert step.name == f"pull {reference} (linux/amd64)"
    assert step.completed is not None
    assert {transfer.name.split()[0] for transfer in step.transfers.values()} == {"downloading", "extracting"}
    assert all(transfer.completed for transfer in step.transfers.values())
    image = puller.find_image(reference)
    assert image is not None
    digest = docker_api.inspect_image(reference)["RepoDigests"][0]
    puller.remove_image(reference)
    _pull(puller, digest)
    assert puller.find_image(digest) == puller.find_image(image.id)
    puller.remove_image(image.id, force=True)


def test_without_a_tag_it_is_latest_and_nothing_else(
    registry: Callable[..., Registry], puller: Engine, docker_api: Any
) -> None:
    name = f"{registry().address}/robenvtest-tags"
    for tag in ("latest", "other"):
        _push(puller, docker_api, f"{name}:{tag}")
    _pull(puller, name)
    assert puller.find_image(f"{name}:latest") is not None
    assert puller.find_image(f"{name}:other") is None
    puller.remove_image(name)


def test_the_users_credentials_are_used(
    registry: Callable[..., Registry], puller: Engine, docker_api: Any, config: Path
) -> None:
    guarded = registry(login=True)
    reference = f"{guarded.address}/robenvtest-login:1"
    _push(puller, docker_api, reference)

    error = _refused(puller, reference)
    assert type(error) is RegistryDenied
    assert "wants a login" in error.message
    assert error.hint == f"`docker login {guarded.address}`"

    _login(config, guarded, password="wrong")
    error = _refused(puller, reference)
    assert type(error) is RegistryDenied
    assert "refused the credentials" in error.message
    assert PASSWORD not in f"{error.message}{error.details}"

    _login(config, guarded)
    _pull(puller, reference)
    assert puller.find_image(reference) is not None
    puller.remove_image(reference)


def test_a_credential_helper_is_asked(
    registry: Callable[..., Registry],
    puller: Engine,
    docker_api: Any,
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guarded = registry(login=True)
    reference = f"{guarded.address}/robenvtest-helper:1"
    _push(puller, docker_api, reference)
    helper = tmp_path / "docker-credential-robenvtest"
    (config / "config.json").write_text(json.dumps({"credHelpers": {guarded.address: "robenvtest"}}))

    error = _refused(puller, reference)
    assert type(error) is RegistryDenied
    assert "wants a login" in error.message
    assert error.hint.startswith(f"docker-credential-robenvtest (credHelpers in {config}/config.json) is not installed")

    answer = json.dumps({"ServerURL": guarded.address, "Username": USER, "Secret": PASSWORD})
    helper.write_text(f"#!/bin/sh\necho '{answer}'\n")
    helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    again = connect({**os.environ, "DOCKER_CONFIG": str(config)})
    _pull(again, reference)
    again.close()
    puller.remove_image(reference)


@pytest.mark.parametrize("script", ["", "exit 1", "echo junk"], ids=["missing", "failing", "junk"])
def test_an_open_registry_needs_no_helper(
    registry: Callable[..., Registry],
    puller: Engine,
    docker_api: Any,
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
) -> None:
    reference = f"{registry().address}/robenvtest-open:1"
    _push(puller, docker_api, reference)
    (config / "config.json").write_text(json.dumps({"credsStore": "robenvtest"}))
    if script:
        helper = tmp_path / "docker-credential-robenvtest"
        helper.write_text(f"#!/bin/sh\n{script}\n")
        helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert puller.registry_image(reference).digest
    _pull(puller, reference)
    for event in puller.push(reference):
        assert isinstance(event, StepEvent | TransferEvent)
    puller.remove_image(reference)


def test_an_image_that_the_registry_does_not_have(
    registry: Callable[..., Registry], puller: Engine, docker_api: Any
) -> None:
    address = registry().address
    _push(puller, docker_api, f"{address}/robenvtest-there:1")
    for name in ("robenvtest-there:2", "robenvtest-none:1"):
        error = _refused(puller, f"{address}/{name}")
        assert type(error) is ImageNotFound
        assert f"has no image {address}/{name}" in error.message


def test_a_platform_that_is_not_offered(registry: Callable[..., Registry], puller: Engine, docker_api: Any) -> None:
    reference = f"{registry().address}/robenvtest-arm:1"
    _push(puller, docker_api, reference, platform="linux/arm64")
    error = _refused(puller, reference, "linux/amd64")
    assert type(error) is ImageNotFound
    assert "not offered for linux/amd64" in error.message
    assert "linux/arm64" in error.hint
    _pull(puller, reference, "linux/arm64")
    image = puller.find_image(reference)
    assert image is not None
    assert image.platform == "linux/arm64"
    puller.remove_image(reference)


def test_a_registry_that_does_not_answer(puller: Engine) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    for host in (address, "no-such-registry.invalid"):
        error = _refused(puller, f"{host}/robenvtest:1")
        assert type(error) is RegistryUnreachable
        assert host in error.message


@contextlib.contextmanager
def _moved(source: Registry, second: SecondEngine) -> Iterator[None]:
    """Runs a stopped registry again, in the network that the second engine has of its own."""
    enter = ["nsenter", f"--net=/proc/{(second.folder / 'dockerd.pid').read_text().strip()}/ns/net"]
    subprocess.run([*enter, sys.executable, "-c", _LOOPBACK_UP], check=True)
    host, port = source.address.split(":")
    answers = [*enter, sys.executable, "-c", f"import socket; socket.create_connection(({host!r}, {port}))"]
    with source.log.open("ab") as log:
        process = subprocess.Popen([*enter, "docker-registry", "serve", f"{source.folder}/config.yml"], stderr=log)
    try:
        deadline = time.monotonic() + 20
        while subprocess.run(answers, check=False, stderr=subprocess.DEVNULL).returncode:
            assert time.monotonic() < deadline
        yield
    finally:
        process.terminate()
        process.wait(20)


# SIOCSIFFLAGS with IFF_UP, for a new network's loopback is down.
_LOOPBACK_UP = """
import fcntl, socket, struct
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14s", b"lo", 1, b""))
"""


def test_a_disk_that_is_full(
    registry: Callable[..., Registry], second_engine: Callable[..., SecondEngine], engine: Engine, docker_api: Any
) -> None:
    source = registry()
    reference = f"{source.address}/robenvtest-big:1"
    _push(engine, docker_api, reference, size=30 << 20)
    source.stop()
    second = second_engine(data_size=40 << 20)
    small = connect(second.environment)
    with _moved(source, second):
        error = _refused(small, reference)
    assert type(error) is DiskFull
    assert small.find_image(reference) is None
    small.close()
