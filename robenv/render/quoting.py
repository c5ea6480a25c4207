"""Values into the places of a Dockerfile: each quoted so that it stays one value, or refused.

The Dockerfile's own reader comes first: it works line by line, joins lines that end in a backslash, and in the words of
ENV, LABEL, ARG, COPY, WORKDIR and USER strips quotes and expands ``$``. What a shell runs is quoted for that shell too.
The templates may only put out ``Quoted`` text (``robenv.render.templating`` holds them to it).
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable

MAX_ARGUMENT = 128 * 1024 - 1
"""Bytes: Linux takes no longer single argument or variable (MAX_ARG_STRLEN, execve(2))."""

MAX_LINE = 60_000
"""Bytes: Docker's reader refuses lines of 65,535 bytes and more; longer ones are continued on the next line."""

_INTO_A_FILE = "put it into a file, and the file into the image with `files`"
_BREAKS_FIT = "line breaks fit into `run.environment`, a step's script and a file"

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_DOCKERFILE_SPECIAL = re.compile(r'[\\"$]')
_CUT = re.compile(r"(?<=[A-Za-z0-9])(?=[A-Za-z0-9])")

IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@\[\]-]*")
STAGE = re.compile(r"[a-z][a-z0-9_.-]*")
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}")
OWNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?")
MODE = re.compile(r"[0-7]{3,4}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
TOKEN = re.compile(r"[!-~]+")
_FIELD = re.compile(r"[A-Za-z0-9_./~+@:-]+")
PACKAGE = re.compile(
    r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.](:[a-z0-9-]+)?(=[A-Za-z0-9.+:~*?-]+|/[A-Za-z0-9][A-Za-z0-9._~-]*)?"
)


class Quoted(str):
    """Text that is safe in the place that it was made for."""

    __slots__ = ()


class UnsafeValue(ValueError):
    """No form of the value can be carried in that place; the message says why, ready for a user."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def _checked(value: str) -> str:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise UnsafeValue(f"{shown(value)} is not valid Unicode") from None
    if "\0" in value:
        raise UnsafeValue(f"{shown(value)} contains a NUL character")
    if size > MAX_ARGUMENT:
        raise UnsafeValue(f"{size} bytes are more than Linux takes as one value ({MAX_ARGUMENT})", _INTO_A_FILE)
    return value


def shown(value: str) -> str:
    """A value for a message: in quotes, escaped, and not endless."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:56]}…{text[-1]}"


def word(value: str) -> Quoted:
    """One word of a shell line that is part of the Dockerfile itself. Raises Refused for control characters."""
    if _CONTROL.search(_checked(value)):
        raise UnsafeValue(f"{shown(value)} contains a line break or another control character")
    return Quoted(shlex.quote(value))


def operand(value: str) -> Quoted:
    """A word of ENV, LABEL, ARG, WORKDIR or USER: always in double quotes. Raises Refused for line breaks."""
    if "\n" in _checked(value):
        raise UnsafeValue(f"{shown(value)} contains a line break, which a Dockerfile cannot carry here", _BREAKS_FIT)
    return Quoted('"' + _DOCKERFILE_SPECIAL.sub(r"\\\g<0>", value) + '"')


def key(value: str) -> Quoted:
    """The name before ``=`` in ENV, ARG and LABEL. Raises Refused where Docker would split it."""
    if not value or "=" in value or _CONTROL.search(value) or not value.isprintable():
        raise UnsafeValue(f"{shown(value)} cannot be a name here")
    return Quoted(value) if VARIABLE.fullmatch(value) else operand(value)


def array(values: Iterable[str]) -> Quoted:
    """The JSON form of RUN, CMD, ENTRYPOINT and SHELL: carries every value, line breaks too, and nothing rereads it."""
    return Quoted(json.dumps([_checked(value) for value in values], ensure_ascii=False).replace("\x7f", "\\u007f"))


def paths(values: Iterable[str]) -> Quoted:
    """The JSON form of COPY, whose operands Docker's reader still expands. Raises Refused for line breaks."""
    escaped = []
    for value in values:
        if "\n" in value:
            raise UnsafeValue(f"{shown(value)} contains a line break, which a Dockerfile cannot carry here")
        escaped.append(re.sub(r"""[\\"'$]""", r"\\\g<0>", value))
    return array(escaped)


def comment(value: str) -> Quoted:
    """Text after ``#`` on a line of its own; it is for people only, so that a long one may be cut."""
    text = value if len(value) <= 200 else value[:199] + "…"
    return Quoted("".join(character if character.isprintable() else "?" for character in text))


def matching(pattern: re.Pattern[str], value: str, what: str) -> Quoted:
    """A value that needs no quotes since only such are let through. Raises Refused."""
    if not pattern.fullmatch(value):
        raise UnsafeValue(f"{shown(value)} is not {what}")
    return Quoted(value)


def fields(pairs: Iterable[tuple[str, str]]) -> Quoted:
    """The value of a ``--mount=``: ``KEY=VALUE,…``, which is neither quoted nor expanded. Raises Refused."""
    what = "a name or path without spaces, commas and quotes, which a mount cannot carry"
    return Quoted(",".join(f"{key}={matching(_FIELD, value, what)}" for key, value in pairs))


def package(value: str) -> Quoted:
    """What ``apt-get install`` takes, as a shell word. Patterns are for versions only, and ``name-`` would remove."""
    return word(matching(PACKAGE, value, "the name of a Debian package, with or without =VERSION"))


def continued(line: str) -> str:
    """The line, cut where it is too long for Docker's reader: between letters or digits, where a cut is not special.

    Raises Refused where there is no such place.
    """
    data = line.encode()
    if len(data) <= MAX_LINE:
        return line
    pieces, start = [], 0
    while len(line) - start > MAX_LINE // 4:
        # A character takes at most four bytes: a quarter of the limit is short enough whatever the line holds.
        cut = max((match.start() for match in _CUT.finditer(line, start + 1, start + MAX_LINE // 4)), default=0)
        if not cut:
            raise UnsafeValue(f"{shown(line)} is too long for a line of a Dockerfile", _INTO_A_FILE)
        pieces.append(line[start:cut])
        start = cut
    return "\\\n".join([*pieces, line[start:]])
