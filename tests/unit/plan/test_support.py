"""The word on systems whose support has ended."""

from __future__ import annotations

from datetime import date

import pytest

from robenv.plan.support import past_support
from robenv.profile.resolve.resolve import resolve_builtin


@pytest.mark.parametrize(
    ("profile", "today", "message"),
    [
        ("jetson/nano", date(2026, 11, 26), "Ubuntu 18.04 (bionic) has had no free updates since May 2023"),
        ("ubuntu/focal", date(2025, 6, 1), "Ubuntu 20.04 (focal) has had no free updates since May 2025"),
        ("ubuntu/focal", date(2025, 5, 31), ""),
        ("debian/bookworm", date(2028, 7, 1), "Debian 12 (bookworm) has had no free updates since June 2028"),
        ("debian/bookworm", date(2026, 11, 26), ""),
        ("mixins/gui", date(2090, 1, 1), ""),
    ],
)
def test_a_system_that_is_no_longer_supported(profile: str, today: date, message: str) -> None:
    problems = past_support(resolve_builtin(profile), today)
    assert [problem.message for problem in problems] == ([message] if message else [])
    assert all(problem.location for problem in problems)
