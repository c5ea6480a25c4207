"""An engine over SSH: a real sshd, the user's own ssh, the whole command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.docker_engine import connect
from robenv.engine.terminal.types import ExecRequest
from robenv.engine.transport.endpoint import DEFAULT_URL
from robenv.errors import EngineUnreachable
from tests.support.projects.project import Project
from tests.support.servers.ssh_server import USER, SshServer

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def server() -> Iterator[SshServer]:
    made = SshServer(os.environ.get("DOCKER_HOST") or DEFAULT_URL)
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture
def mine(project: Callable[..., Project], server: SshServer, shallow: Path) -> Project:
    """A project whose engine is reached over SSH; what robenv leaves in its TMPDIR can be looked at."""
    made = project()
    made.environ |= {**server.environment, "TMPDIR": str(shallow)}
    return made


def left(mine: Project) -> list[str]:
    return [path.name for path in Path(mine.environ["TMPDIR"]).iterdir()]


def ssh_of(server: SshServer) -> list[int]:
    """The processes of the user's ssh that lead there and live."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"{server.folder}/ssh_config".encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def nothing_stays(mine: Project, server: SshServer) -> None:
    assert left(mine) == []
    deadline = time.monotonic() + 10
    while ssh_of(server):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_whole_way(mine: Project, server: SshServer) -> None:
    first = mine.run("up", "--", "sh", "-c", "echo out; echo err >&2; exit 5", check=5)
    assert (first.stdout, first.stderr.splitlines()[-1]) == ("out\n", "err")
    assert mine.run("up", "--", "id", "-u").stdout == f"{os.getuid()}\n"
    assert mine.run("exec", "--", "cat", input="through a pipe\n").stdout == "through a pipe\n"
    assert json.loads(mine.run("ps", "--json").stdout)[0]["project"] == mine.name
    mine.run("down", "--volumes")
    nothing_stays(mine, server)


def test_much_goes_both_ways_and_stdin_ends_alone(mine: Project, server: SshServer) -> None:
    mine.run("up", "-d")
    text = "0123456789abcdef" * 64 * 1024
    done = mine.run("exec", "--", "sh", "-c", "cat; sleep 0.3; echo end", input=text)
    assert done.stdout == f"{text}end\n"
    nothing_stays(mine, server)


def test_a_docker_context_and_a_host_of_ssh_config(mine: Project, server: SshServer) -> None:
    config = mine.folder / "docker"
    digest = sha256(b"robot").hexdigest()
    (config / "contexts" / "meta" / digest).mkdir(parents=True)
    endpoints = {"docker": {"Host": "ssh://robenvtest-Robot"}}
    (config / "contexts" / "meta" / digest / "meta.json").write_text(json.dumps({"Endpoints": endpoints}))
    del mine.environ["DOCKER_HOST"]
    mine.environ |= {"DOCKER_CONFIG": str(config), "DOCKER_CONTEXT": "robot"}
    assert mine.run("doctor", check=None).stdout.splitlines()[0] == "ok       engine: answers at ssh://robenvtest-Robot"
    nothing_stays(mine, server)
    mine.environ["PATH"] = os.environ["PATH"]  # an ssh that knows nothing of that host
    done = mine.run("ps", check=4)
    assert "error: No engine answers at ssh://robenvtest-Robot (the docker context 'robot')." in done.stderr
    nothing_stays(mine, server)


@pytest.mark.parametrize("command", [["up", "--", "true"], ["exec", "true"], ["ps"]])
def test_a_key_that_is_refused(mine: Project, server: SshServer, command: list[str]) -> None:
    server.authorize(False)
    try:
        done = mine.run(*command, check=4)
    finally:
        server.authorize(True)
    port = server.url.rpartition(":")[2]
    assert done.stderr.splitlines() == [
        f"error: No engine answers at {server.url} (DOCKER_HOST).",
        f"  {USER}@127.0.0.1: Permission denied (publickey).",
        f"hint: This must work without a question: `ssh -p {port} {USER}@127.0.0.1 docker version`."
        " Keys, known hosts and all else are as ssh has them; `ssh-add` keeps a key's passphrase.",
    ]
    nothing_stays(mine, server)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ssh://robenvtest.invalid", "Could not resolve hostname robenvtest.invalid"),
        ("ssh://127.0.0.1:1", "port 1: Connection refused"),
    ],
)
def test_a_host_that_cannot_be_reached(mine: Project, server: SshServer, url: str, words: str) -> None:
    mine.environ["DOCKER_HOST"] = url
    done = mine.run("exec", "true", check=4)
    error, details, hint = done.stderr.splitlines()
    assert error == f"error: No engine answers at {url} (DOCKER_HOST)."
    assert words in details
    assert hint.startswith("hint: This must work without a question: `ssh ")
    nothing_stays(mine, server)


def test_a_host_that_is_not_known_is_no_question(mine: Project, server: SshServer) -> None:
    known = server.folder / "known"
    lines = known.read_text()
    known.write_text("")
    try:
        done = mine.run("ps", check=4)
    finally:
        known.write_text(lines)
    assert "Host key verification failed." in done.stderr
    nothing_stays(mine, server)


def test_an_engine_that_is_not_there_behind_the_host(mine: Project, server: SshServer) -> None:
    mine.environ["DOCKER_HOST"] = f"{server.url}/robenvtest/none.sock"
    done = mine.run("ps", check=4)
    assert "/robenvtest/none.sock" in done.stderr.splitlines()[1]
    nothing_stays(mine, server)


def test_no_ssh_at_all(mine: Project, server: SshServer) -> None:
    mine.environ["PATH"] = str(mine.folder)
    assert "ssh cannot be run" in mine.run("ps", check=4).stderr
    nothing_stays(mine, server)


def test_interrupted_while_it_connects(mine: Project, server: SshServer) -> None:
    slow = mine.folder / "bin" / "ssh"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\nexec tail -n 0 -f {server.folder}/ssh_config\n")
    slow.chmod(0o755)
    mine.environ["PATH"] = f"{slow.parent}:{os.environ['PATH']}"
    started = mine.start("ps", stderr=subprocess.PIPE)
    while not ssh_of(server):
        assert started.poll() is None
        time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    assert started.communicate(timeout=30)[1] == ""
    assert started.returncode == 130
    nothing_stays(mine, server)


def test_used_as_a_library(
    server: SshServer, docker_api: Any, base_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", server.environment["PATH"])
    engine = connect(server.environment)
    name = f"robenvtest-ssh-{os.getpid()}"
    docker_api.create_container(base_image, ["sleep", "infinity"], name=name)
    try:
        assert engine.info().endpoint == server.url
        docker_api.start(name)
        session = engine.open_exec(ExecRequest(name, ("sleep", "60"), "0"))
        engine.close()
        assert session.recv(10) == b""
        session.close()
    finally:
        docker_api.remove_container(name, force=True)
        engine.close()
    with pytest.raises(EngineUnreachable):
        engine.containers({})
