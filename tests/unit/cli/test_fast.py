"""Which command lines the quick way takes: only those that typer would read the same way."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.cli.fast import parse


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["up"], ()),
        (["up", "--", "true"], ("true",)),
        (["up", "-q", "--", "true"], ("true",)),
        (["up", "--quiet"], ()),
        (["up", "--", "ls", "-l", "--", "x"], ("ls", "-l", "--", "x")),
        (["exec", "--", "true"], ("true",)),
        (["exec", "ls", "-l"], ("ls", "-l")),
        (["shell"], ()),
    ],
)
def test_takes_plain_command_lines(arguments: list[str], command: tuple[str, ...]) -> None:
    assert parse(arguments) == (str(Path.cwd()), command)


def test_takes_another_folder() -> None:
    assert parse(["-C", "/srv/x", "up"]) == ("/srv/x", ())


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "-d"],
        ["up", "-q", "-d"],
        ["up", "-q", "-q"],
        ["exec", "-q", "true"],
        ["shell", "-q"],
        ["up", "--recreate", "--", "true"],
        ["up", "--"],
        ["up", "true"],
        ["exec"],
        ["exec", "--"],
        ["exec", "--help"],
        ["exec", "-r", "rover", "--", "true"],
        ["shell", "-r", "rover"],
        ["shell", "--", "true"],
        ["shell", "true"],
        ["-C", "x"],
        ["-C", "x", "build"],
        ["-C"],
    ],
)
def test_leaves_the_rest_to_typer(arguments: list[str]) -> None:
    assert parse(arguments) is None
