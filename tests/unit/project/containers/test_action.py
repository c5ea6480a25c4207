"""What `up` does with a container, and what `plan` says that it will do: the same decision."""

from __future__ import annotations

import pytest

from robenv.plan.container.diff import PlanChange
from robenv.project.containers.action import Action, ContainerState, decide, depends_on_processes

CHANGES = (PlanChange("hostname", "a", "b"),)
BUSY = ("vim",)
PATHS = ("/home/me/ws",)

RUNS = ContainerState(running=True)
STOPPED = ContainerState(running=False)


@pytest.mark.parametrize(
    ("state", "recreate", "action", "words"),
    [
        (None, False, Action.CREATE, "create the container and start it"),
        (STOPPED, False, Action.START, "start it"),
        (RUNS, False, Action.JOIN, "join it"),
        (STOPPED, True, Action.REPLACE, "replace it"),
        (RUNS, True, Action.REPLACE, "replace it"),
        (ContainerState(False, CHANGES), False, Action.REPLACE, "replace it"),
        (ContainerState(True, CHANGES), False, Action.REPLACE, "replace it"),
        (ContainerState(True, CHANGES, busy_with=BUSY), False, Action.KEEP, "keep it, since this runs in it: vim"),
        (ContainerState(True, CHANGES, busy_with=BUSY), True, Action.REPLACE, "replace it"),
        (ContainerState(False, networks_gone=("lan",)), False, Action.REPLACE, "replace it"),
        (
            ContainerState(True, replaced=PATHS, lost_folders=PATHS),
            False,
            Action.RESTART,
            "restart it: it still shows what was at /home/me/ws before",
        ),
        (
            ContainerState(True, replaced=PATHS, lost_folders=PATHS, busy_with=BUSY),
            False,
            Action.REFUSE,
            "refuse to use it: it still shows what was at /home/me/ws before, and this runs in it: vim",
        ),
        (
            ContainerState(True, replaced=PATHS, lost_folders=PATHS, idle_by_itself=False),
            False,
            Action.REFUSE,
            "refuse to use it: it still shows what was at /home/me/ws before, and this runs in it: its own command",
        ),
        (ContainerState(True, replaced=("/data/x",), busy_with=BUSY), False, Action.JOIN, "join it"),
        (ContainerState(True, CHANGES, (), PATHS, PATHS, busy_with=BUSY), False, Action.REFUSE, None),
        (ContainerState(True, session_is_stale=True), False, Action.RESTART, "restart it"),
        (ContainerState(True, session_is_stale=True, busy_with=BUSY), False, Action.JOIN, "join it"),
    ],
)
def test_the_action_and_its_words(
    state: ContainerState | None, recreate: bool, action: Action, words: str | None
) -> None:
    decision = decide(state, recreate)
    assert decision.action is action
    assert words in (None, decision.in_words)


def test_the_reasons_name_a_network_that_no_longer_exists() -> None:
    assert decide(ContainerState(False, networks_gone=("lan",))).reasons == ("network lan: it no longer exists",)
    assert decide(ContainerState(True, CHANGES)).reasons == ("hostname: a → b",)


@pytest.mark.parametrize(
    ("state", "recreate", "asked"),
    [
        (RUNS, False, False),
        (STOPPED, False, False),
        (ContainerState(True, CHANGES), False, True),
        (ContainerState(True, CHANGES), True, False),
        (ContainerState(False, CHANGES), False, False),
        (ContainerState(True, replaced=PATHS), False, True),
        (ContainerState(True, session_is_stale=True, idle_by_itself=False), False, False),
    ],
)
def test_processes_are_only_listed_where_it_matters(state: ContainerState, recreate: bool, asked: bool) -> None:
    assert depends_on_processes(state, recreate) is asked
