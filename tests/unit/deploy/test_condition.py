"""What `robots` says of a release, and whether it counts as well."""

from __future__ import annotations

import pytest

from robenv.deploy.condition import condition
from robenv.engine.protocol import ContainerInfo
from robenv.plan.names import LABEL_RELEASE

NOW = "2026-08-01T12:00:00.5+02:00"
"""As an engine says it, with its zone; containers have theirs in UTC."""
NEW = ContainerInfo(
    "n", "n", "i", "i", {LABEL_RELEASE: "new"}, "running", 0, False, "", "", "2026-08-01T09:00:00.1Z", (),
    restart_policy="always",
)  # fmt: skip
OLD = NEW._replace(id="o", labels={LABEL_RELEASE: "old"}, status="exited", restart_policy="no")


@pytest.mark.parametrize(
    ("change", "words", "well"),
    [
        ({}, "running", True),
        ({"health": "healthy"}, "healthy", True),
        ({"health": "none"}, "running", True),
        ({"health": "starting"}, "starting", True),
        ({"health": "unhealthy"}, "unhealthy", False),
        ({"health": "healthy", "restarts": 5}, "healthy, 5 restarts", True),
        (
            {"health": "healthy", "restarts": 5, "started_at": "2026-08-01T09:59:48Z"},
            "healthy, started again 12 s ago, 5 restarts",
            False,
        ),
        ({"started_at": "2026-08-01T09:59:48Z"}, "running", True),
        ({"status": "restarting", "restarts": 1}, "restarting, 1 restart", False),
        ({"status": "paused", "health": "healthy"}, "healthy, paused", False),
    ],
)
def test_a_release_that_runs(change: dict[str, object], words: str, well: bool) -> None:
    info = NEW._replace(**change)  # type: ignore[arg-type]
    found = condition([info, OLD], info, NOW)
    assert (found.words, found.well, found.rollback) == (words, well, "old")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"exit_code": 3}, "exited (3)"),
        ({"exit_code": 137, "oom_killed": True}, "exited (137, out of memory)"),
        ({"status": "dead", "exit_code": 1}, "dead (1)"),
        ({"status": "created"}, "created"),
    ],
)
def test_one_that_does_not(change: dict[str, object], words: str) -> None:
    """The one that the robot boots into is shown, and not a later one that was never confirmed."""
    info = NEW._replace(**{"status": "exited", **change})  # type: ignore[arg-type]
    found = condition([OLD, info], None, NOW)
    assert (found.release, found.words, found.well) == (info, words, False)


def test_no_release() -> None:
    assert condition([], None, NOW).release is None
    assert condition([], None, NOW).well


def test_a_clock_that_cannot_be_read_judges_nobody() -> None:
    info = NEW._replace(restarts=2)
    assert condition([info], info, "").well
