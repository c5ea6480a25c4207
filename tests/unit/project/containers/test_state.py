"""What counts as being at work in a container."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from robenv.errors import ContainerNotFound, EngineLost, OperationFailed, RobenvError
from robenv.plan.names import LABEL_MAIN
from robenv.project.containers.state import busy_with, keeps_it_alive


@pytest.mark.parametrize(
    "command",
    [
        "sleep infinity",
        "/sbin/docker-init -- sleep infinity",
        "/run/podman-init -- sleep infinity",
        "/usr/bin/qemu-aarch64-static /usr/bin/sleep infinity",
        "/usr/libexec/qemu-binfmt/aarch64-binfmt-P /usr/bin/sleep sleep infinity",
    ],
)
def test_what_only_keeps_the_container_alive(command: str) -> None:
    assert keeps_it_alive(command)


@pytest.mark.parametrize(
    "command",
    [
        "sleep 60",
        "bash",
        "/usr/bin/qemu-aarch64-static /usr/bin/bash",
        "/usr/bin/qemu-aarch64-static /usr/bin/sleep 60",
        "qemu-system-aarch64 -M virt sleep infinity",
    ],
)
def test_what_somebody_runs(command: str) -> None:
    assert not keeps_it_alive(command)


def busy(answer: RobenvError | list[dict[str, str]], main: str = "sleep") -> tuple[str, ...]:
    def processes(container: str) -> list[dict[str, str]]:
        if isinstance(answer, RobenvError):
            raise answer
        return answer

    engine: Any = SimpleNamespace(processes=processes)
    container: Any = SimpleNamespace(id="x", labels={LABEL_MAIN: main})
    return busy_with(engine, container)


@pytest.mark.parametrize(
    "error", [OperationFailed("Could not list what runs in x: no ps"), EngineLost("The connection to the engine broke")]
)
def test_what_cannot_be_listed_is_never_taken_for_nothing(error: RobenvError) -> None:
    assert [error.message in command for command in busy(error)] == [True]


def test_a_container_that_has_ended_is_not_busy() -> None:
    assert busy(ContainerNotFound("x does not run")) == ()


def test_the_main_process_of_the_profile_is_not_the_users() -> None:
    rows = [
        {"PID": "1", "PPID": "0", "CMD": "/run/podman-init -- roscore"},
        {"PID": "2", "PPID": "1", "CMD": "roscore"},
        {"PID": "9", "PPID": "0", "CMD": "bash"},
    ]
    assert busy(rows, "command") == ("bash",)
