"""What an ssh:// address means, and how ssh is called for it: as the docker CLI calls it."""

from __future__ import annotations

import pytest

from robenv.engine.endpoint import Endpoint, find_endpoint, unreachable
from robenv.engine.ssh import Target, target
from robenv.errors import EngineUnreachable

OPTIONS = ["ssh", "-o", "ConnectTimeout=30", "-T"]
DIAL = ["docker", "system", "dial-stdio"]


@pytest.mark.parametrize(
    ("url", "meant", "words"),
    [
        ("ssh://robot", Target("robot"), ["--", "robot", *DIAL]),
        ("ssh://dev@Robot-1:2222", Target("Robot-1", "dev", 2222), ["-l", "dev", "-p", "2222", "--", "Robot-1", *DIAL]),
        ("ssh://dev@[fe80::1]:22/", Target("fe80::1", "dev", 22), ["-l", "dev", "-p", "22", "--", "fe80::1", *DIAL]),
        ("ssh://a%20b@robot", Target("robot", "a b"), ["-l", "a b", "--", "robot", *DIAL]),
        (
            "ssh://robot/run/user/1000/my%20docker.sock",
            Target("robot", socket="/run/user/1000/my docker.sock"),
            ["--", "robot", "docker", "--host", "'unix:///run/user/1000/my docker.sock'", "system", "dial-stdio"],
        ),
    ],
)
def test_an_address(url: str, meant: Target, words: list[str]) -> None:
    assert target(url) == meant
    assert target(url).command() == OPTIONS + words
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
    error = unreachable(OSError("refused"), Endpoint("ssh://dev@robot:2222", "DOCKER_HOST"))
    assert error.message == "No engine answers at ssh://dev@robot:2222 (DOCKER_HOST)."
    assert "`ssh -p 2222 dev@robot docker version`" in error.hint
