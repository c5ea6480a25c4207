from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from robenv.util.sanitize import render_excerpt, safe, show


def test_the_caret_stands_under_the_column() -> None:
    lines = ["one", "two:", "  three: 3", "four", "five", "six"]
    assert render_excerpt(lines, 3, 10).split("\n") == [
        "1 | one",
        "2 | two:",
        "3 |   three: 3",
        "  |          ^",
        "4 | four",
        "5 | five",
    ]


def test_tabs_and_wide_characters_move_the_caret() -> None:
    assert render_excerpt(["\tx"], 1, 2).split("\n")[1] == "  |     ^"
    assert render_excerpt(["日本x"], 1, 3).split("\n")[1] == "  |     ^"
    assert render_excerpt(["e\u0301x"], 1, 3).split("\n")[1] == "  |  ^"


def test_a_long_line_is_cut_around_the_caret() -> None:
    shown = render_excerpt(["a" * 5000 + "X" + "b" * 5000], 1, 5001).split("\n")
    assert max(map(len, shown)) < 120
    assert shown[0][shown[1].index("^")] == "X"


def test_no_control_character_reaches_the_terminal() -> None:
    assert render_excerpt(["a\x1b[31m\u202eb"], 1, 1).split("\n")[0] == "1 | a\\x1b[31m\\u202eb"
    assert show("a\nb\x07") == "`a\\nb\\x07`"


def test_a_place_outside_the_file_shows_nothing() -> None:
    assert render_excerpt(["a"], 2, 1) == ""
    assert render_excerpt([], 1, 1) == ""


@given(st.lists(st.text(), max_size=5), st.integers(1, 6), st.integers(1, 200))
def test_nothing_but_printable_text_and_line_feeds_comes_out(lines: list[str], line: int, column: int) -> None:
    for character in render_excerpt(lines, line, column).replace("\n", ""):
        assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


@given(st.text())
def test_safe_text_has_no_line_break(text: str) -> None:
    assert len(safe(text).splitlines()) <= 1


def test_a_report_of_a_huge_line_stays_cheap() -> None:
    line = "a, " * 350_000
    for column in range(1, 1_000_000, 1000):
        assert render_excerpt([line], 1, column).endswith("^")
