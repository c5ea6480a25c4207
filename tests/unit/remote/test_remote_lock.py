"""What a robot tells of a shell there: whether a deploy that made a lock is still at work. By this machine's own sh."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from robenv.remote.remote_lock import _HOLD, _LOOK, _TOLD

SHELLS = [shell for shell in ("sh", "bash", "busybox") if shutil.which(shell)]


def shell(name: str) -> list[str]:
    return ["busybox", "sh"] if name == "busybox" else [name]


@pytest.fixture(params=SHELLS)
def holder(request: pytest.FixtureRequest) -> Iterator[tuple[list[str], subprocess.Popen[str], list[str]]]:
    argv = shell(request.param)
    with subprocess.Popen([*argv, "-c", _HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = process.stdout.readline().strip()
        assert _TOLD.fullmatch(told)
        yield argv, process, told.split()
        process.kill()


def look(argv: list[str], told: list[str], *front: str) -> str:
    command = [*front, *argv, "-c", _LOOK, "sh", *told]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_it_lives_with_its_input(holder: tuple[list[str], subprocess.Popen[str], list[str]]) -> None:
    argv, process, told = holder
    assert look(argv, told) == ""
    assert look(argv, told, "setpriv", "--reuid=65534", "--clear-groups") == "", "another user sees it too"
    assert process.stdin is not None
    process.stdin.close()
    process.wait(timeout=10)
    assert look(argv, told) == "dead"


def test_another_boot_another_process_and_another_namespace(
    holder: tuple[list[str], subprocess.Popen[str], list[str]],
) -> None:
    argv, _, (boot, space, number, began) = holder
    assert look(argv, [boot.replace(boot[0], "0" if boot[0] != "0" else "1"), space, number, began]) == "dead"
    assert look(argv, [boot, space, number, str(int(began) + 1)]) == "dead", "the PID was given anew"
    assert look(argv, [boot, "pid:[1]", "4194305", began]) == "", "what cannot be seen may live"
