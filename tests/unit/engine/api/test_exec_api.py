"""A command's start, as the engine tells of it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from robenv.engine.api import exec_api
from robenv.engine.api.exec_api import ExecutionCalls, _Exec
from robenv.engine.terminal.types import ExecRequest
from robenv.errors import EngineLost

CREATED = {"Running": False, "ExitCode": None, "Pid": 0}
ACCEPTED = {"Running": True, "ExitCode": None, "Pid": 0}
RUNS = {"Running": True, "ExitCode": None, "Pid": 4711}
ENDED = {"Running": False, "ExitCode": 127, "Pid": 0}
"""As Docker Engine 20.10 to 29 answer ``GET /exec/ID/json``."""


class Calls(ExecutionCalls):
    """Gives these answers, the last one again and again."""

    def __init__(self, *answers: Any) -> None:
        self.answers = answers
        self.asked = 0

    def _call(self, action: str, method: str, path: str, body: Any = None, absent_ok: bool = False) -> Any:
        self.asked += 1
        answer = self.answers[min(self.asked, len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def _await_start(*answers: Any) -> int:
    """How often the engine was asked."""
    calls = Calls(*answers)
    _Exec(calls, "1", ExecRequest("c", ("cat",), "0"), "").await_start()
    return calls.asked


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ((RUNS,), 1),
        ((CREATED, ACCEPTED, ACCEPTED, RUNS), 4),
        ((ACCEPTED, ENDED), 2),
        ((ACCEPTED, None), 2),
        ((EngineLost("gone"),), 1),
    ],
    ids=["runs", "after a while", "could not start", "container gone", "engine gone"],
)
def test_it_is_asked_until_it_runs_or_never_will(answers: tuple[Any, ...], asked: int) -> None:
    assert _await_start(*answers) == asked


def test_an_engine_that_never_starts_it_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec_api, "_START", 0.2)
    began = time.monotonic()
    assert _await_start(ACCEPTED) > 2
    assert time.monotonic() - began >= 0.2
