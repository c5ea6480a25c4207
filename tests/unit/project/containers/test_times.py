from __future__ import annotations

import pytest

from robenv.errors import UsageError
from robenv.project.containers.times import parse_moment, since_moment

NOW = "1970-01-03T00:00:00.123456789Z"
"""A robot that boots without a clock of its own."""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 172710), ("10m", 172200), ("3h", 162000), ("2d", 0), ("1970-01-02T00:00Z", 86400)],
)
def test_a_moment_is_by_the_engines_clock(text: str, seconds: float) -> None:
    assert since_moment(text, NOW) == seconds


@pytest.mark.parametrize("text", ["", "yesterday", "10", "5w", "-3m"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(UsageError, match="is no moment"):
        since_moment(text, NOW)


@pytest.mark.parametrize("text", ["", "now", "2026-08-01", "2026-08-01T10:00:00+25"])
def test_an_engine_that_says_no_moment(text: str) -> None:
    assert parse_moment(text) is None
