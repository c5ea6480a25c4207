"""What an ssh:// address means, and how ssh is called for it: as the docker CLI calls it."""

from __future__ import annotations

import socket
import subprocess
from itertools import pairwise

import pytest

from robenv.engine.transport import ssh
from robenv.engine.transport.endpoint import Endpoint, engine_unreachable, find_endpoint
from robenv.engine.transport.ssh import SshRelay, SshTarget, mark_command, parse_ssh_url, ssh_argv
from robenv.errors import EngineUnreachable

DIAL = "docker system dial-stdio"


@pytest.mark.parametrize(
    ("url", "meant", "words"),
    [
        ("ssh://robot", SshTarget("robot"), ["robot", DIAL]),
        (
            "ssh://dev@Robot-1:2222",
            SshTarget("Robot-1", "dev", 2222),
            ["-l", "dev", "-p", "2222", "-T", "--", "Robot-1", DIAL],
        ),
        (
            "ssh://dev@[fe80::1]:22/",
            SshTarget("fe80::1", "dev", 22),
            ["-l", "dev", "-p", "22", "-T", "--", "fe80::1", DIAL],
        ),
        ("ssh://a%20b@robot", SshTarget("robot", "a b"), ["-l", "a b", "-T", "--", "robot", DIAL]),
        (
            "ssh://robot/run/user/1000/my%20docker.sock",
            SshTarget("robot", socket="/run/user/1000/my docker.sock"),
            ["--", "robot", "docker --host 'unix:///run/user/1000/my docker.sock' system dial-stdio"],
        ),
    ],
)
def test_an_address(url: str, meant: SshTarget, words: list[str]) -> None:
    assert parse_ssh_url(url) == meant
    argv = parse_ssh_url(url).dial()
    assert argv[-len(words) :] == words
    assert "ConnectTimeout=30" in argv
    assert find_endpoint({"DOCKER_HOST": url}).url == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ssh://", "no address"),
        ("ssh://dev@", "no host"),
        ("ssh:///run/docker.sock", "no host"),
        ("ssh://-oProxyCommand=sh", "no host"),
        ("ssh://dev:secret@robot", "a password may not stand there"),
        ("ssh://robot:port", "[Pp]ort"),
        ("ssh://robot:99999", "[Pp]ort"),
        ("ssh://[fe80::1", "IPv6"),
        ("ssh://robot?socket=x", "only the path of a socket"),
        ("ssh://robot#x", "only the path of a socket"),
    ],
)
def test_an_address_that_is_none(url: str, why: str) -> None:
    with pytest.raises(EngineUnreachable, match="DOCKER_HOST names no engine") as caught:
        find_endpoint({"DOCKER_HOST": url})
    assert "secret" not in str(caught.value)
    with pytest.raises(EngineUnreachable, match=why):
        raise EngineUnreachable(caught.value.details)


def test_the_way_out_is_what_a_person_would_type() -> None:
    error = engine_unreachable(OSError("refused"), Endpoint("ssh://dev@robot:2222", "DOCKER_HOST"))
    assert error.message == "No engine answers at ssh://dev@robot:2222 (DOCKER_HOST)."
    assert "`ssh -p 2222 dev@robot docker version`" in error.hint


LATER = ["StdinNull=no", "ForkAfterAuthentication=no", "SessionType=default"]


@pytest.mark.parametrize(
    ("version", "later"),
    [
        ("OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026", LATER),
        ("OpenSSH_8.7p1, OpenSSL 1.1.1", LATER),
        ("OpenSSH_8.2p1 Ubuntu-4ubuntu0.13, OpenSSL 1.1.1f", []),
        ("Dropbear v2022.83", []),
    ],
)
def test_settings_for_people_are_left_out(version: str, later: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An ssh refuses the settings that it does not know."""
    done = subprocess.CompletedProcess(["ssh", "-V"], 0, "", f"{version}\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    ssh._later_settings.cache_clear()
    try:
        argv = ssh_argv("rover", "true", options=("-A",))
    finally:
        ssh._later_settings.cache_clear()
    settings = [value for option, value in pairwise(argv) if option == "-o"]
    assert settings == ["RemoteCommand=none", "ClearAllForwardings=yes", "PermitLocalCommand=no", *later]
    assert argv.index("-a") < argv.index("-A"), "the inventory may ask for the agent"
    assert argv[-4:] == ["-T", "--", "rover", "true"]


@pytest.mark.parametrize("greeting", [b"", b"Welcome\n", b"no end of line> ", b"HTTP/1.1\n"])
def test_a_greeting_is_parted_from_the_answer(greeting: bytes) -> None:
    asked = mark_command("cat")
    assert asked.split(greeting + asked.line + b"an answer\n") == (greeting, b"an answer\n")
    assert asked.split(greeting) == (greeting, None)


def test_a_connection_that_fails_ends_when_its_cause_is_known() -> None:
    """However late ssh says it: whoever used the connection asks for the cause as soon as it ends."""
    relay = SshRelay(["sh", "-c", "exec <&- >&-; sleep 3; echo no such host >&2; exit 255"])
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
            stream.settimeout(60)
            stream.connect(relay.url.removeprefix("unix://"))
            assert stream.recv(1) == b""
        assert relay.complaint() == "no such host"
    finally:
        relay.close()
