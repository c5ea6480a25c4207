""".dockerignore, as Docker reads it: https://docs.docker.com/build/concepts/context/#dockerignore-files

Patterns are those of Go's filepath.Match, with ``**`` for any number of folders. The last pattern that matches a path,
or a folder above it, decides; one with ``!`` takes back in.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import cached_property

from robenv.errors import Location, Problem, ProfileError

Matched = tuple[bool, ...]
"""For one path: which of the patterns match it or a folder above it, pattern by pattern."""


@dataclass(frozen=True)
class _Pattern:
    text: str
    keeps: bool
    """Written with ``!``."""

    @cached_property
    def expression(self) -> re.Pattern[str]:
        return _compile(self.text)

    @cached_property
    def segments(self) -> tuple[re.Pattern[str] | None, ...]:
        """One for each folder level; None from where on any depth may match."""
        return tuple(None if "**" in part else _compile(part) for part in self.text.split("/"))

    def may_match_below(self, folder: str) -> bool:
        parts = folder.split("/")
        for segment, part in zip(self.segments, parts, strict=False):
            if segment is None:
                return True
            if not segment.fullmatch(part):
                return False
        return len(self.segments) > len(parts)


class IgnoreRules:
    """The patterns of one file, for paths relative to the folder that it lies in."""

    def __init__(self, patterns: tuple[_Pattern, ...]) -> None:
        self._patterns = patterns
        self.none: Matched = (False,) * len(patterns)
        """For the folder where a walk begins: named explicitly, it is in whatever the patterns say."""

    def match(self, path: str, above: Matched) -> Matched:
        """``above`` is what this returned for the folder that ``path`` lies in."""
        return tuple(
            known or pattern.expression.fullmatch(path) is not None
            for known, pattern in zip(above, self._patterns, strict=True)
        )

    def ignored(self, matched: Matched) -> bool:
        for pattern, hit in zip(reversed(self._patterns), reversed(matched), strict=True):
            if hit:
                return not pattern.keeps
        return False

    def may_keep_below(self, folder: str) -> bool:
        """Whether anything below an ignored folder could be taken back in."""
        return any(pattern.keeps and pattern.may_match_below(folder) for pattern in self._patterns)


def parse_ignore(text: str, file: str) -> IgnoreRules:
    """The rules in ``text``. Raises ProfileError, with the line in ``file``, for a pattern that Go would refuse."""
    patterns, problems = [], []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        pattern = None if line.startswith("#") else _parse_line(line)
        if pattern is None:
            continue
        try:
            _ = pattern.expression, pattern.segments
        except ValueError as error:
            problems.append(Problem(f"bad pattern {line.strip()!r}: {error}", Location(file, number, 1)))
        patterns.append(pattern)
    if problems:
        raise ProfileError(f"{file} has patterns that Docker does not take", problems=tuple(problems))
    return IgnoreRules(tuple(patterns))


def _parse_line(line: str) -> _Pattern | None:
    text = line.strip()
    keeps = text.startswith("!")
    if keeps:
        text = text[1:].strip()
    if not text:
        return None
    text = posixpath.normpath(text)
    # normpath keeps two leading slashes apart from one (POSIX); here both mean the top.
    return _Pattern(text.lstrip("/") or ".", keeps)


def _compile(pattern: str) -> re.Pattern[str]:
    """Raises ValueError for a pattern with an open ``[`` or a trailing backslash."""
    out, at = [], 0
    while at < len(pattern):
        piece, at = _piece(pattern, at)
        out.append(piece)
    try:
        return re.compile("".join(out), re.DOTALL)
    except re.error as error:
        raise ValueError(str(error)) from None


def _piece(pattern: str, at: int) -> tuple[str, int]:
    """(expression, where the next piece begins) of what begins at ``at``."""
    character = pattern[at]
    if pattern.startswith("**", at):
        rest = at + 2
        if rest == len(pattern):
            return ".*", rest
        return "(?:.*/)?", rest + pattern.startswith("/", rest)
    if character == "*":
        return "[^/]*", at + 1
    if character == "?":
        return "[^/]", at + 1
    if character == "[":
        return _character_class(pattern, at)
    if character == "\\":
        if at + 1 == len(pattern):
            raise ValueError("a backslash at the end")
        return re.escape(pattern[at + 1]), at + 2
    return re.escape(character), at + 1


def _character_class(pattern: str, at: int) -> tuple[str, int]:
    out, at = ["["], at + 1
    if pattern.startswith("^", at):
        out.append("^")
        at += 1
    first = True
    while at < len(pattern) and (first or pattern[at] != "]"):
        if pattern[at] == "\\":
            at += 1
            if at == len(pattern):
                break
            out.append(re.escape(pattern[at]))
        elif pattern[at] == "-" and not first:
            out.append("-")
        else:
            out.append(re.escape(pattern[at]))
        first = False
        at += 1
    if at == len(pattern):
        raise ValueError("a [ without its ]")
    return "".join(out) + "]", at + 1
