"""What is known of dockerd from its process and its settings."""

from __future__ import annotations

from typing import Any

import pytest

from robenv.host.host import Host, first_line
from robenv.host.probes.engine_process import read_engine_process

SOCKET = "unix:///var/run/docker.sock"
LIMITS = """Limit                     Soft Limit           Hard Limit           Units
Max locked memory         {memory}              {memory}              bytes
Max realtime priority     {priority}                    {priority}
"""


class Files(Host):
    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def ask(self, verb: str, *arguments: str) -> Any:
        text = self.files.get(arguments[0])
        return first_line(text, arguments[1]) if verb == "line" else text


def machine(*options: str, settings: str = "", powers: int = 0x1FFFFFFFFFF, priority: str = "0") -> Host:
    files = {
        "/var/run/docker.pid": "812",
        "/proc/812/cmdline": "\0".join(("/usr/bin/dockerd", *options, "")),
        "/proc/812/status": f"Name:\tdockerd\nCapEff:\t{powers:016x}\n",
        "/proc/812/limits": LIMITS.format(memory="8388608" if priority == "0" else "unlimited", priority=priority),
    }
    return Files(files | ({"/etc/docker/daemon.json": settings} if settings else {}))


@pytest.mark.parametrize(
    ("host", "budget"),
    [
        (machine("-H", "fd://"), 0),
        (machine("--cpu-rt-runtime=400000"), 400_000),
        (machine("--cpu-rt-runtime", "400000", "--debug"), 400_000),
        (machine("--cpu-rt-runtime=400000", "--cpu-rt-period=500000"), 800_000),
        (machine(settings='{"cpu-rt-runtime": 950000}'), 950_000),
        (machine(settings='{"cpu-rt-runtime": '), 0),
        (machine(settings="[]"), 0),
    ],
)
def test_budget(host: Host, budget: int) -> None:
    assert read_engine_process(host, SOCKET)["rt_budget"] == budget


@pytest.mark.parametrize(
    ("host", "may"),
    [
        (machine(), True),
        (machine(powers=0x1FFFEFFFFFF), False),
        (machine(powers=0x1FFFEFFFFFF, priority="99"), True),
    ],
)
def test_limits(host: Host, may: bool) -> None:
    assert read_engine_process(host, SOCKET)["raises_limits"] is may


def test_what_cannot_be_known_is_left_open() -> None:
    assert read_engine_process(machine(), "unix:///run/user/1000/docker.sock") == {}
    assert read_engine_process(machine(), "tcp://10.0.0.7:2376") == {}
    assert read_engine_process(Files({}), SOCKET) == {}
    other = {"/var/run/docker.pid": "7", "/proc/7/cmdline": "sleep\0infinity\0"}
    assert read_engine_process(Files(other), SOCKET) == {}
