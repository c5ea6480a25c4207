from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robenv.profile.merge.dotenv import parse_dotenv
from robenv.profile.resolve.resolve import MAX_PROBLEMS
from tests.support.projects.profiles import BASE, Project


def parse(text: str, environ: dict[str, str] | None = None) -> tuple[dict[str, str | None], list[tuple[str, int]]]:
    variables, bad = parse_dotenv(text, (environ or {}).get, lambda name, line, column: None)
    return {variable.name: variable.value for variable in variables}, [(one.message, one.line) for one in bad]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("# comment\n\n  # another\n", {}),
        ("A=1\nB=two words\n", {"A": "1", "B": "two words"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("export A=1\nexport  B='x'\n", {"A": "1", "B": "x"}),
        ("A = 1\n  B=  2  \n", {"A": "1", "B": "2"}),
        ("A: 1", {"A": "1"}),
        ("A=\nB=''\nC=\"\"\n", {"A": "", "B": "", "C": ""}),
        ("A=1 # comment\nB=1#no comment\nC=#all\n", {"A": "1", "B": "1#no comment", "C": ""}),
        ("A='1 # no comment' # comment\n", {"A": "1 # no comment"}),
        ("A='$B ${C} \\n'\n", {"A": "$B ${C} \\n"}),
        ("A='it\\'s'\n", {"A": "it's"}),
        ('A="a\\nb\\t\\"c\\" \\\\ \\$D"\n', {"A": 'a\nb\t"c" \\ $D'}),
        ('A="one\ntwo"\nB=3\n', {"A": "one\ntwo", "B": "3"}),
        ("A='one\ntwo'\n", {"A": "one\ntwo"}),
        ('A=1\nB=${A}2\nC="${B}3"\n', {"A": "1", "B": "12", "C": "123"}),
        ("A=x=y==\n", {"A": "x=y=="}),
        ("A=a\"b'c\n", {"A": "a\"b'c"}),
        ("A", {"A": None}),
        ("A # comment\n", {"A": None}),
        ("A=1\nA=2\n", {"A": "2"}),
    ],
)
def test_what_compose_reads(text: str, expected: dict[str, str | None]) -> None:
    assert parse(text) == (expected, [])


def test_the_environment_goes_before_earlier_lines() -> None:
    assert parse("A=1\nB=$A\n", {"A": "env"})[0]["B"] == "env"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\nnot a line\n", 2),
        ("=x\n", 1),
        ("1A=x\n", 1),
        ("A=1\n\nB='open\n", 3),
        ('A="open\n', 1),
        ("A='x' y\n", 1),
        ("A=${\n", 1),
        ("A=${B:?needed}\n", 1),
    ],
)
def test_what_is_refused_with_its_line(text: str, line: int) -> None:
    assert [found for _, found in parse(text)[1]] == [line]


def test_one_bad_line_hides_no_other() -> None:
    variables, bad = parse("A=1\n!\nB=2\n?\n")
    assert variables == {"A": "1", "B": "2"}
    assert [line for _, line in bad] == [2, 4]


def test_a_large_file_takes_no_time() -> None:
    begin = time.monotonic()
    parse("".join(f"A{n}=x # y\n" for n in range(50_000)))
    parse("".join("A='\nB=\"\n" for n in range(50_000)))
    parse(f"A=x{' ' * 200_000}y\n")
    assert time.monotonic() - begin < 10


def test_a_large_file_that_is_wrong_everywhere_takes_no_time(project: Project) -> None:
    project.write(".env", "1A=2\n" * 20_000)
    begin = time.monotonic()
    assert len(project.problems(BASE)) == MAX_PROBLEMS
    assert time.monotonic() - begin < 20


@given(st.text(alphabet="AB=:'\"\\\n\r\t #${}-export"))
def test_anything_is_read_or_refused(text: str) -> None:
    parse(text)
