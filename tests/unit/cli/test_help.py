"""Help that fits a terminal, names every command, and whose examples are command lines that robenv takes."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from robenv.cli.app import application
from robenv.cli.commands import COMMANDS, OTHER_NAMES, root_help
from robenv.cli.help import ARGUMENTS, EXAMPLES
from tests.support.projects.command_line import Robenv

NAMES = [name for name, _, _ in COMMANDS]
ROBENV = (sys.executable, "-m", "robenv")


def test_the_first_page_fits_and_has_every_command_once() -> None:
    lines = root_help().split("\n")
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines if line.startswith("  ") and line.split()[0] in NAMES] == NAMES


def test_words_of_other_tools_lead_to_commands(robenv: Robenv) -> None:
    assert set(OTHER_NAMES.values()) <= set(NAMES)
    assert not set(OTHER_NAMES) & set(NAMES)
    for word, command in (("status", "ps"), ("enter", "shell"), ("bild", "build")):
        done = robenv(word)
        assert (done.code, f"did you mean `robenv {command}`?" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_each_command_shows_arguments_as_they_are_typed_and_examples(name: str, robenv: Robenv) -> None:
    done = robenv(name, "--help")
    assert done.code == 0
    assert f"Usage: robenv {' '.join(filter(None, (name, '[OPTIONS]', ARGUMENTS.get(name))))}\n" in done.stdout
    assert "Examples:" in done.stdout
    assert "<str>" not in done.stdout
    assert max(map(len, done.stdout.split("\n"))) <= 80


EVERY = [command for name in NAMES for command, _ in EXAMPLES[name]]


@pytest.mark.parametrize("example", EVERY)
def test_examples_are_taken(example: str) -> None:
    words = shlex.split(example.partition(" | ")[0].partition(" > ")[0])
    assert words[0] == "robenv"
    command = application((words[1],))
    from typer.main import get_command

    got = get_command(command)
    context = got.make_context("robenv", words[1:], resilient_parsing=True)
    name, found, rest = got.resolve_command(context, words[1:])  # type: ignore[attr-defined]
    assert name == words[1]
    found.make_context(name, rest).close()


def test_a_closed_pipe_is_no_error() -> None:
    shell = f"{shlex.join(ROBENV)} --help | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True)
    assert done.stderr == ""
