"""A strict reader of Dockerfiles, after Docker's documented rules; what could be read otherwise is an error here.

https://docs.docker.com/reference/dockerfile/ : comments and continuation lines, JSON forms, quotes and ``$`` in the
words of ENV, ARG, LABEL, COPY, WORKDIR and USER, parser directives, here-documents.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass

MAX_LINE = 65_535
_DIRECTIVE = re.compile(r"#\s*[A-Za-z][A-Za-z0-9]*\s*=.*")
_KINDS = {
    "FROM",
    "ARG",
    "ENV",
    "RUN",
    "COPY",
    "ADD",
    "USER",
    "LABEL",
    "SHELL",
    "WORKDIR",
    "ENTRYPOINT",
    "CMD",
    "HEALTHCHECK",
}


class Misread(AssertionError):
    """The Dockerfile has something that does not read as exactly one thing."""


@dataclass(frozen=True)
class Read:
    """``value`` is what the builder would have: for ENV, ARG and LABEL pairs, for a shell form its words."""

    kind: str
    flags: tuple[str, ...]
    value: tuple[object, ...]
    line: int


def read_dockerfile(text: str) -> list[Read]:
    first = text.split("\n", 1)[0]
    if _DIRECTIVE.fullmatch(first) or first.startswith(("//", "#!", "\ufeff")):
        raise Misread(f"{first!r} could be a parser directive")
    return [_instruction(line, number) for number, line in _logical_lines(text)]


def _logical_lines(text: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    pending: str | None = None
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        if _skipped(line, number, pending is not None):
            continue
        line = line.removesuffix("\r")
        if pending is None:
            pending, start = "", number
            line = line.lstrip()
        if match := re.search(r"\\[ \t]*$", line):
            if line[: match.start()].endswith("\\"):
                raise Misread(f"line {number}: builders disagree on two backslashes at the end")
            pending += line[: match.start()]
            continue
        found.append((start, pending + line))
        pending = None
    if pending is not None:
        raise Misread("the file ends inside an instruction")
    return found


def _skipped(line: str, number: int, inside: bool) -> bool:
    """Whether a physical line is a comment or empty."""
    if len(line.encode()) >= MAX_LINE or "\0" in line:
        raise Misread(f"line {number} is too long, or holds NUL")
    if inside and not line.strip():
        raise Misread(f"line {number} is empty inside an instruction")
    return not line.strip() or line.strip(" \t").startswith("#")


def _instruction(line: str, number: int) -> Read:
    kind, _, rest = line.partition(" ")
    if kind not in _KINDS:
        raise Misread(f"line {number}: no instruction {kind!r}")
    flags: list[str] = []
    rest = rest.strip()
    while kind in ("RUN", "COPY", "ADD", "HEALTHCHECK", "FROM") and rest.startswith("--"):
        flag, _, rest = rest.partition(" ")
        if re.search(r"[\"'\\$]", flag):
            raise Misread(f"line {number}: a flag with something special: {flag!r}")
        flags.append(flag)
        rest = rest.strip()
    return Read(kind, tuple(flags), _value(kind, rest, number), number)


def _value(kind: str, rest: str, number: int) -> tuple[object, ...]:
    if kind == "HEALTHCHECK":
        if rest == "NONE":
            return ("NONE",)
        word, _, rest = rest.partition(" ")
        return (word, *_array(rest, number))
    if kind in ("CMD", "ENTRYPOINT", "SHELL"):
        return _array(rest, number)
    if kind in ("COPY", "ADD"):
        return tuple(_expanded(word, number) for word in _array(rest, number))
    if kind in ("ENV", "ARG", "LABEL"):
        return tuple(_pair(word, number) for word in _words(rest, number))
    if kind in ("WORKDIR", "USER"):
        return (_expanded(rest, number),)
    if kind == "RUN":
        return ("exec", *_array(rest, number)) if rest.startswith("[") else ("shell", *_shell(rest, number))
    return tuple(rest.split())


def _array(text: str, number: int) -> tuple[str, ...]:
    try:
        values = json.loads(text)
    except ValueError:
        raise Misread(f"line {number}: not the JSON form: {text!r}") from None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Misread(f"line {number}: not a list of strings: {text!r}")
    return tuple(values)


def _shell(text: str, number: int) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.commenters = ""
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError as error:
        raise Misread(f"line {number}: {error}") from None
    if any(word.startswith("<<") for word in shlex.shlex(text, posix=False, punctuation_chars="<")):
        raise Misread(f"line {number}: a here-document")
    return words


def _words(text: str, number: int) -> list[str]:
    """As Docker's parseWords: split at white space outside quotes, quotes and backslashes kept."""
    words, word, quote, at = [], "", "", 0
    while at < len(text):
        character = text[at]
        if not quote and character.isspace():
            if word:
                words.append(word)
            word = ""
        elif character == "\\" and quote != "'":
            word += text[at : at + 2]
            at += 1
        else:
            if character == quote:
                quote = ""
            elif not quote and character in "\"'":
                quote = character
            word += character
        at += 1
    if quote:
        raise Misread(f"line {number}: an open quote in {text!r}")
    return [*words, word] if word else words


def _pair(word: str, number: int) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        raise Misread(f"line {number}: {word!r} has no =")
    return _expanded(name, number), _expanded(value, number)


def _expanded(word: str, number: int) -> str:
    """As Docker's shell lexer: quotes removed; anything that would be expanded is an error."""
    out, quote, at = "", "", 0
    while at < len(word):
        character = word[at]
        if character == "\\" and quote != "'":
            following = word[at + 1 : at + 2]
            if not following:
                raise Misread(f"line {number}: a backslash at the end of {word!r}")
            out += following if not quote or following in '"$\\' else "\\" + following
            at += 1
        elif character == "$" and quote != "'":
            raise Misread(f"line {number}: {word!r} would be expanded")
        elif character == quote:
            quote = ""
        elif not quote and character in "\"'":
            quote = character
        else:
            out += character
        at += 1
    if quote:
        raise Misread(f"line {number}: an open quote in {word!r}")
    return out


def run_scripts(text: str) -> list[tuple[int, str]]:
    """(line, script) of each RUN: what its shell reads, without the flags."""
    found: list[tuple[int, str]] = []
    for number, line in _logical_lines(text):
        read = _instruction(line, number)
        if read.kind != "RUN":
            continue
        words = [str(word) for word in read.value]
        if words[0] == "exec":
            found.append((number, words[-1] if words[-2:-1] and words[-2].endswith("c") else shlex.join(words[1:])))
            continue
        rest = line.partition(" ")[2].strip()
        while rest.startswith("--"):
            rest = rest.partition(" ")[2].strip()
        found.append((number, rest))
    return found
