"""Shell text, taken apart as far as reading it needs: commands, words and continued lines. Nothing is run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator

_PARTS = re.compile(
    r"""(?P<quoted>'[^']*'|"(?:\\.|[^"\\])*"|`[^`]*`|\$\((?:[^()]|\([^()]{0,400}\)){0,400}\)|\$\{[^}]{0,400}\}|\\.)"""
    r"""|(?P<cut>&&|\|\||;;?|(?<![<>])\||(?<![<>0-9])&(?!>)|\n)""",
    re.DOTALL,
)
_REFERENCE = re.compile(r"(?<!\\)\$(?:\{(\w+)(?::?([-+])((?:[^{}]|\{[^{}]{0,200}\}){0,400}))?\}|(\w+))")
_ASSIGNMENT = re.compile(r"\w+=.*", re.DOTALL)
_LEADING = ("sudo", "env", "time", "exec", "then", "do", "else", "!", "(", "{", "bash", "sh", "-E", "-H", "-n")


def commands(text: str) -> Iterator[tuple[int, str]]:
    """(lines before it, text) of each simple command, cut at the shell's operators outside of quotes."""
    start, lines = 0, 0
    for found in _PARTS.finditer(text):
        if found["cut"] is None:
            continue
        piece = text[start : found.start()]
        if piece.strip():
            yield lines + _lines(piece[: len(piece) - len(piece.lstrip())]), " ".join(piece.split())
        lines += _lines(text[start : found.end()])
        start = found.end()
    if piece := text[start:].strip():
        yield lines + _lines(text[start : len(text) - len(text[start:].lstrip())]), " ".join(piece.split())


def _lines(text: str) -> int:
    return text.count("\n") + text.count("\v")


def words(command: str) -> list[str]:
    """The command's words without quotes; what cannot be read that way is cut at blanks."""
    try:
        return shlex.split(command, comments=True)
    except ValueError:
        return command.split()


def stripped(said: list[str]) -> list[str]:
    """Without what stands before the program: sudo, assignments, keywords of the shell."""
    at = 0
    while at < len(said) - 1 and (said[at] in _LEADING or _ASSIGNMENT.fullmatch(said[at])):
        if said[at] in ("bash", "sh") and said[at + 1][:1] != "-":
            break
        at += 1
    return said[at:]


def joined_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number, text) of each line, with the lines that a backslash continues it by."""
    number, start, pending = 0, 0, ""
    for line in text.split("\n"):
        number += 1
        start = start or number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        yield start, pending + line
        start, pending = 0, ""
    if pending:
        yield start, pending


def expand(text: str, value_of: Callable[[str], str | None]) -> str:
    """``$NAME``, ``${NAME}``, ``${NAME:-default}`` and ``${NAME:+other}``; a name without a value stays as it is."""

    def replaced(found: re.Match[str]) -> str:
        value = value_of(found[1] or found[4])
        if found[2] == "-":
            return value or expand(found[3], value_of)
        if found[2] == "+":
            return expand(found[3], value_of) if value else ""
        return found[0] if value is None else value

    return _REFERENCE.sub(replaced, text)
