"""Text from outside on its way to a terminal: nothing in it commands the terminal, hides, or passes for robenv's."""

from __future__ import annotations

import ast
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from robenv.cli import app, common, errors, output
from robenv.cli.fleet_view import FleetView
from robenv.cli.progress.view import ProgressView
from robenv.engine.protocol import LogEvent, StepEvent
from robenv.errors import Location, OperationFailed, Problem
from robenv.util.sanitize import in_command, safe, safe_lines

HOSTILE = (
    "\x1b]0;OWNED\x07", "\x1b[31m", "\x1b[1A", "\x1b[2J", "\r", "\x08", "\x7f", "\x9b2J", "\x85", "\x0b", "\x0c",
    "\u202e", "\u202a", "\u2066", "\u2069", "\u200b", "\u200d", "\u200e", "\u061c", "\u2028", "\u2029", "\ufeff",
    "\ufe0f", "\U000e0100", "\U000e0041", "\u034f", "\u115f", "\u3164", "\u2800", "\u180e", "\u00ad", "\ue000",
    "\U000f0000", "\ud800", "\u00a0", "\ufff9",
)  # fmt: skip


def commands(text: str) -> list[str]:
    """What of it a terminal would obey or not show."""
    hostile = {
        character for one in HOSTILE for character in one if not (character.isascii() and character.isprintable())
    }
    return [character for character in text if character in hostile]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


Terminals = Callable[[], tuple[Terminal, Terminal]]


@pytest.fixture
def terminals(monkeypatch: pytest.MonkeyPatch) -> Terminals:
    """Called in a test, since pytest sets streams of its own before each."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def install() -> tuple[Terminal, Terminal]:
        pair = (Terminal(), Terminal())
        monkeypatch.setattr(sys, "stdout", pair[0])
        monkeypatch.setattr(sys, "stderr", pair[1])
        return pair

    return install


@pytest.mark.parametrize("text", HOSTILE)
def test_a_character_that_commands_or_hides_is_shown(text: str) -> None:
    assert commands(safe(f"a{text}b")) == []
    assert len(safe(f"a{text}b")) > len(text) + 2
    assert commands(safe_lines(f"a\n\t{text}b")) == []


def test_what_people_write_stays() -> None:
    for text in ("für Äpfel — 日本語 한국어 عربي עברית", "café", "ก็่", "emoji 🤖", "├── x"):
        assert safe(text) == text
    assert safe_lines("one\n\ttwo\n") == "one\n\ttwo\n"


def test_a_flood_of_marks_is_shown() -> None:
    assert safe("a" + "\u0301" * 6) == "a" + "\u0301" * 4 + "\\u0301" * 2
    assert safe("a" + "\u0301" * 6) == safe_lines("a" + "\u0301" * 6)


def test_beyond_the_basic_plane_an_escape_is_unambiguous() -> None:
    assert safe("\U000e0041") == "\\U000e0041"


@pytest.mark.parametrize("name", ["x;curl", "a b", "", "$(id)", "`id`", "-rf", "ü", "a\n", "\x1b[2J", "a'b", "\u202e"])
def test_no_name_that_a_shell_reads_otherwise_stands_in_a_command(name: str) -> None:
    assert in_command(name, "USER") == "USER"


def test_a_plain_name_stands_in_a_command() -> None:
    assert in_command("robot-1", "USER") == "robot-1"


WAYS: dict[str, Callable[[str], Any]] = {
    "print": print,
    "print to stderr": lambda text: print(text, file=sys.stderr),
    "echo": typer.echo,
    "echo to stderr": lambda text: typer.echo(text, err=True),
    "write": lambda text: sys.stdout.write(text),
    "writelines": lambda text: sys.stderr.writelines([text]),
    "note": common.note,
    "table": lambda text: print(common.table(("A",), [(text,)])),
    "json": lambda text: common.print_json({"a": text, text: [text]}),
    "exactly": output.print_exactly,
    "error": lambda text: errors.print_error(OperationFailed(text, text, text)),
    "painted": lambda text: print(output.paint(text, "1")),
    "problem": lambda text: errors.print_error(
        OperationFailed("a", problems=(Problem(text, Location(text, 1, 1, (text,), text), text),))
    ),
    "warning": lambda text: errors.print_warnings([Problem(text, Location(text, 1, 1, (), text), text)]),
    "bug": lambda text: errors.print_unexpected(ValueError(text)),
    "file name": lambda text: typer.echo(str(Path(text))),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_out_of_a_command_passes_it_on(
    way: str, terminals: Terminals, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def application(names: tuple[str, ...]) -> Callable[..., None]:
        return lambda **options: [WAYS[way](f"a{text}b") for text in HOSTILE]  # type: ignore[return-value]

    monkeypatch.setattr(app, "application", application)
    pair = terminals()
    assert app.run(["ps"]) == 0
    both = "".join(terminal.getvalue() for terminal in pair)
    own = both.replace("\x1b[0m", "")
    for code in ("1", "2", "1;31", "1;33", "1;36"):
        own = own.replace(f"\x1b[{code}m", "")
    assert len(own) > len(HOSTILE)
    assert commands(own) == []
    assert "\x1b[31m" not in both


def test_an_exception_that_ends_a_command_is_shown_too(terminals: Terminals, monkeypatch: pytest.MonkeyPatch) -> None:
    def application(names: tuple[str, ...]) -> Callable[..., None]:
        raise OperationFailed("a\x1b]0;OWNED\x07", details="b\x1b[2J\nrobenv: everything is fine", hint="c\u202e")

    monkeypatch.setattr(app, "application", application)
    _, stderr = terminals()
    assert app.run(["ps"]) == OperationFailed.exit_code
    assert stderr.getvalue() == (
        "\x1b[1;31merror:\x1b[0m a\\x1b]0;OWNED\\x07\n"
        "  b\\x1b[2J\n  robenv: everything is fine\n"
        "\x1b[1;36mhint:\x1b[0m c\\u202e\n"
    )


def test_a_second_line_does_not_pass_for_robenvs_own(capsys: pytest.CaptureFixture[str]) -> None:
    errors.print_error(OperationFailed("a\nrobenv: fine", hint="b\nhint: fine"))
    errors.print_warnings([Problem("a\nwarning: fine")])
    common.note("a\nrobenv: fine")
    print(common.table(("A",), [("a\nrobenv: fine",)]))
    with FleetView(["arm"], quiet=False) as view:
        view.say("arm", "a\nleg: fine")
    said = capsys.readouterr()
    assert not [
        line
        for line in (said.out + said.err).splitlines()
        if line.startswith(("robenv: f", "hint: f", "warning: f", "leg"))
    ]


def test_no_text_can_take_robenvs_colours(terminals: Terminals) -> None:
    stdout, _ = terminals()
    with output.safe_output():
        print(output.paint("a\x1b[0m\x1b[8mb", "1"))
    assert stdout.getvalue() == "\x1b[1ma\\x1b[0m\\x1b[8mb\x1b[0m\n"


def test_json_keeps_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    document = {f"k{text}": f"a{text}b\n" for text in HOSTILE if text != "\ud800"} | {"ü": "日本語"}
    with output.safe_output():
        common.print_json(document)
    text = capsys.readouterr().out
    assert json.loads(text) == document
    assert commands(text) == []
    assert "日本語" in text


def test_what_a_file_or_a_program_takes_is_exact(capsys: pytest.CaptureFixture[str]) -> None:
    with output.safe_output():
        output.print_exactly("RUN echo 👩‍💻\n")
    assert capsys.readouterr().out == "RUN echo 👩‍💻\n"


def test_a_builds_words_are_shown(terminals: Terminals) -> None:
    stream = io.StringIO()
    view = ProgressView("a\x1b[2J", stream=stream)
    view.start()
    for text in HOSTILE:
        view.handle(StepEvent("1", f"[1/1] RUN {text}", started=1.0))
        view.handle(LogEvent("1", f"a{text}b\n"))
    view.handle(StepEvent("1", "[1/1] RUN \u202e", 1.0, 2.0, error="x\u200b\x1b[2J"))
    view.stop()
    assert commands(stream.getvalue()) == []


CLI = Path(output.__file__).parent
RAW = {
    "logs.py": "a container's own output",
    "progress/view.py": "the live picture's cursor; its words are rich's, of printable lines",
    "fleet_view.py": "the live table's cursor; its words are safe",
    "progress/log.py": "a new file of its own, which no terminal shows",
    "output.py": "the way itself",
}


def test_nothing_passes_around_it() -> None:
    """Bytes, descriptors and streams of one's own would: each stands in the list above, with its reason."""
    found = set()
    for path in sorted(CLI.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            if name in ("buffer", "__stdout__", "__stderr__", "fdopen", "raw_stream") or (
                isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.write", "sys.stdout.fileno", "os.writev")
            ):
                found.add(str(path.relative_to(CLI)))
    assert found == set(RAW)


def test_both_ways_into_a_command_are_guarded() -> None:
    """The whole application and the quick one, which print by themselves and in what they call."""
    for name in ("app.py", "fast.py"):
        called = {
            ast.unparse(item.context_expr)
            for node in ast.walk(ast.parse((CLI / name).read_text()))
            if isinstance(node, ast.With)
            for item in node.items
        }
        assert "safe_output()" in called, name
