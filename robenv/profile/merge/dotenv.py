"""``.env`` and ``env_file`` as Compose reads them: ``NAME=value``, quotes, ``export``, comments, variables."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from robenv.profile.merge.variables import Lookup, interpolate
from robenv.profile.yaml.files import line_starts
from robenv.profile.yaml.parse_error import BadValue
from robenv.util.sanitize import show

_BLANK = re.compile(r"[ \t\r\n]*")
_ENTRY = re.compile(r"(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)[ \t]*(?P<sign>[=:])?[ \t]*")
_SINGLE = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_COMMENT = re.compile(r"(?<![ \t])[ \t]+#.*|^#.*")
_ESCAPE = re.compile(r"\\([abfnrtv$\"\\])")
# A dollar sign becomes two, which substitution then makes one.
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "b": "\b", "v": "\v", "a": "\a", "$": "$$"}


@dataclass(frozen=True)
class Variable:
    """``value`` None: only the name stands there, its value is the environment's."""

    name: str
    value: str | None
    line: int
    column: int


@dataclass(frozen=True)
class BadLine:
    message: str
    hint: str
    line: int
    column: int


def parse_dotenv(
    text: str, lookup: Lookup, unset: Callable[[str, int, int], None]
) -> tuple[list[Variable], list[BadLine]]:
    """The variables in order, later ones seeing earlier ones where ``lookup`` has none, and what is wrong. ``unset`` is
    told each name that is put in and has no value, with the line and the column of the variable that it is put into."""
    known: dict[str, str] = {}

    def find(name: str) -> str | None:
        value = lookup(name)
        return known.get(name) if value is None else value

    variables: list[Variable] = []
    bad: list[BadLine] = []
    starts = line_starts(text)
    at = _skip_blank(text, 0)
    while at < len(text):
        line = bisect_right(starts, at)
        place = line, at - starts[line - 1] + 1
        end_of_line = _end_of_line(text, at)
        try:
            if text[at] != "#":
                name, value, end_of_line = _entry(text, at, find, partial(_at, unset, place))
                variables.append(Variable(name, value, *place))
                if value is not None:
                    known[name] = value
        except BadValue as error:
            bad.append(BadLine(error.message, error.hint, *place))
        at = _skip_blank(text, end_of_line)
    return variables, bad


def _at(unset: Callable[[str, int, int], None], place: tuple[int, int], name: str) -> None:
    unset(name, *place)


def _entry(text: str, at: int, lookup: Lookup, unset: Callable[[str], None]) -> tuple[str, str | None, int]:
    end_of_line = _end_of_line(text, at)
    entry = _ENTRY.match(text, at, end_of_line)
    if entry is None:
        raise BadValue(f"{show(text[at:end_of_line])} is not NAME=value")
    start = entry.end()
    if entry["sign"] is None:
        if text[start:end_of_line].strip() and not text.startswith("#", start):
            raise BadValue(f"{show(text[at:end_of_line])} is not NAME=value", "there is no `=`")
        return entry["name"], None, end_of_line
    if text.startswith("'", start):
        value, end = _quoted(_SINGLE, text, start)
        return entry["name"], value.replace("\\'", "'"), end
    if text.startswith('"', start):
        value, end = _quoted(_DOUBLE, text, start)
        value = _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), value)
        return entry["name"], interpolate(value, lookup, unset), end
    value = _COMMENT.sub("", text[start:end_of_line]).strip()
    return entry["name"], interpolate(value, lookup, unset), end_of_line


def _quoted(pattern: re.Pattern[str], text: str, start: int) -> tuple[str, int]:
    quoted = pattern.match(text, start)
    if quoted is None:
        raise BadValue("the quotes that open here are not closed")
    end_of_line = _end_of_line(text, quoted.end())
    rest = text[quoted.end() : end_of_line].strip()
    if rest and not rest.startswith("#"):
        raise BadValue(f"{show(rest)} after the closing quotes", "quote the whole value")
    return quoted[1], end_of_line


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _skip_blank(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at
