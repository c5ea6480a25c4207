"""Each quoting filter carries what it takes, and refuses the rest with a reason."""

from __future__ import annotations

import json
import subprocess
from itertools import pairwise

import pytest

from robenv.render import quoting
from robenv.render.quoting import UnsafeValue

NASTY = [
    "",
    " ",
    "plain",
    "two words",
    "it's",
    'say "hi"',
    "$HOME ${HOME} $(id) `id`",
    "a;b && c | d > e",
    "{{ user }} {% raw %} {# x #}",
    "-rf",
    "--mount=type=bind",
    "[1, 2]",
    "# no comment",
    "<<EOF",
    "back\\slash",
    "trailing\\",
    "trailing\\\\",
    "*?[a-z]",
    "tab\tinside",
    "naïve 日本語 🤖 \u2028 \u0085 \ufeff",
]


@pytest.mark.parametrize("value", NASTY)
def test_a_shell_word_reaches_a_real_shell_as_it_is(value: str) -> None:
    script = f"printf '%s' {quoting.word(value)}"
    assert subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout.decode() == value


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b", "a\x1bb", "\x0b", "\x7f", "\ud800"])
def test_a_shell_word_refuses_what_could_leave_its_line(value: str) -> None:
    with pytest.raises(UnsafeValue):
        quoting.word(value)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("", '""'),
        ("a b", '"a b"'),
        ('"', r'"\""'),
        ("$HOME", r'"\$HOME"'),
        ("C:\\", r'"C:\\"'),
        ("'", '"\'"'),
        ("`id`", '"`id`"'),
    ],
)
def test_an_operand_as_it_is_written(value: str, written: str) -> None:
    assert quoting.operand(value) == written


@pytest.mark.parametrize("value", ["a\nb", "\n", "a\0", "\udc80"])
def test_an_operand_refuses_what_no_line_can_hold(value: str) -> None:
    with pytest.raises(UnsafeValue):
        quoting.operand(value)


@pytest.mark.parametrize("value", [*NASTY, "a\nb\n", "\x7f\x01\r", "<<EOF\nx\nEOF"])
def test_an_array_is_json_on_one_line(value: str) -> None:
    text = quoting.array(["/bin/sh", value])
    assert json.loads(text) == ["/bin/sh", value]
    assert "\n" not in text and "\r" not in text


@pytest.mark.parametrize("name", ["A", "ROS_DOMAIN_ID", "org.example/team"])
def test_a_name_is_left_readable(name: str) -> None:
    assert quoting.key(name).strip('"') == name


@pytest.mark.parametrize("name", ["", "a=b", "a\nb", "=", "a\tb"])
def test_a_name_that_docker_would_split_is_refused(name: str) -> None:
    with pytest.raises(UnsafeValue):
        quoting.key(name)


@pytest.mark.parametrize(
    "package", ["git", "g++", "python3-opencv=4.6*", "libc6:armhf", "git/bookworm-backports", "0ad"]
)
def test_packages_are_taken(package: str) -> None:
    assert quoting.package(package).strip("'") == package


@pytest.mark.parametrize(
    "package", ["", "-y", "git-", "git nano", "git;id", "./x.deb", "/etc/passwd", "$(id)", "git\n", "GIT", ".*", "^ros"]
)
def test_what_is_no_package_is_refused(package: str) -> None:
    with pytest.raises(UnsafeValue):
        quoting.package(package)


def test_more_than_linux_takes_is_refused_and_the_limit_itself_is_not() -> None:
    assert len(quoting.operand("x" * quoting.MAX_ARGUMENT)) == quoting.MAX_ARGUMENT + 2
    for quote in (quoting.word, quoting.operand, lambda value: quoting.array([value])):
        with pytest.raises(UnsafeValue, match="more than Linux takes"):
            quote("x" * (quoting.MAX_ARGUMENT + 1))


def test_a_long_line_is_cut_where_no_cut_is_special() -> None:
    line = 'ENV A="' + "word \\\\ # \\$ " * 12_000 + '"'
    pieces = quoting.continued(line).split("\\\n")
    assert "".join(pieces) == line
    assert all(len(piece.encode()) < 65_535 for piece in pieces) and len(pieces) > 1
    for before, after in pairwise(pieces):
        assert before[-1].isalnum() and after[0].isalnum()


def test_a_long_line_without_a_place_to_cut_is_refused() -> None:
    with pytest.raises(UnsafeValue, match="too long"):
        quoting.continued('ENV A="' + "€" * 40_000 + '"')


def test_a_message_shows_a_long_value_shortened() -> None:
    assert len(quoting.shown("x" * 10_000)) < 70


def test_paths_are_carried_though_docker_expands_them_and_refused_with_a_line_break() -> None:
    assert json.loads(quoting.paths(["a b", "$x'\"\\"])) == ["a b", "\\$x\\'\\\"\\\\"]
    with pytest.raises(UnsafeValue, match="line break"):
        quoting.paths(["a\nb"])
