"""The output of a build step: its last lines, and those further back that may name the cause of a failure.

A step's stdout and stderr arrive in any order and in pieces, so each stream has a line of its own that is begun. A
noisy stdout must not push out the one line on stderr that matters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from robenv.util.sanitize import printable

KEPT_LINES = 40
"""How many lines of a step's output are kept: the last ones."""
_KEPT_APART = 10
"""How many lines of stderr, and how many that look like an error, are kept wherever they are."""
_LONGEST_LINE = 4096
GAP = "…"
"""Stands for lines that are not kept."""
_ERROR = re.compile(
    r"\b(?:error|fatal|exception|not found|no such file|can(?:no|')t|could not|unable to|denied|refused|failed|killed"
    r"|no rule to make|undefined reference|no module named|not a valid|invalid|unknown)\b|^E: ",
    re.I,
)
_NONE = re.compile(r"\b(?:0|no) (?:errors?|failed|failures)\b|^\s*\[?warning\b|^W: ", re.I)
_CONSEQUENCE = re.compile(
    r"^\s*g?make(?:\[\d+\])?: \*\*\*|^ninja: build stopped|^collect2: error|CalledProcessError|^Failed +<<<"
    r"|^E: Some index files failed|^E: Unable to fetch some archives|^E: Sub-process .* returned an error code"
    r"|^Errors were encountered while processing|^subprocess exited with status|^\s*(?:note|hint): "
)
"""What programs say when another one failed, which has said why."""


@dataclass(frozen=True)
class Line:
    number: int
    """From 0, in the order in which lines ended."""
    text: str
    stderr: bool


@dataclass(frozen=True)
class Output:
    last: tuple[Line, ...] = ()
    """The last whole lines, clean of everything that could drive a terminal."""
    apart: tuple[Line, ...] = ()
    """The last lines of stderr, and the last that look like an error, of all lines."""
    begun: tuple[str, str] = ("", "")
    """The line of stdout, and of stderr, that has no end yet, as it came."""

    def add(self, text: str, stderr: bool = False) -> Output:
        ended, rest = split_lines(self.begun[stderr], text)
        number = self.last[-1].number + 1 if self.last else 0
        lines = tuple(Line(at, line, stderr) for at, line in enumerate(ended, number))
        apart = _keep(self.apart, lines) if stderr or any(map(_tells, lines)) else self.apart
        begun = (self.begun[0], rest) if stderr else (rest, self.begun[1])
        return replace(self, last=(*self.last, *lines)[-KEPT_LINES:], apart=apart, begun=begun)

    @property
    def lines(self) -> tuple[str, ...]:
        """The last lines, also those that have no end yet; at most ``KEPT_LINES``."""
        return tuple(line.text for line in self._ended().last)

    @property
    def telling(self) -> tuple[str, ...]:
        """The last lines, after those further back that may name the cause of a failure; ``GAP`` for what is left out
        between them."""
        whole = self._ended()
        first = whole.last[0].number if whole.last else 0
        kept = [line for line in whole.apart if line.number < first]
        texts: list[str] = []
        for line, following in zip(kept, [*kept[1:], *whole.last[:1]], strict=False):
            texts.append(line.text)
            if following.number > line.number + 1:
                texts.append(GAP)
        return (*texts, *(line.text for line in whole.last))

    @property
    def cause(self) -> str:
        """The line that says best why the step failed: the last that looks like an error, stderr's first; "" for none.

        Where the engine does not tell stderr apart, the last line says more than nothing.
        """
        whole = self._ended()
        errors = [line for line in (*whole.apart, *whole.last) if line.stderr and line.text.strip()]
        for lines in (errors, whole.apart):
            if telling := [line for line in lines if _tells(line)]:
                return max(telling, key=lambda line: line.number).text.strip()
        rest = errors or [line for line in whole.last if line.text.strip() and not _CONSEQUENCE.search(line.text)]
        return max(rest, key=lambda line: line.number).text.strip() if rest else ""

    def _ended(self) -> Output:
        """As it would be if the lines that are begun ended now."""
        whole = self
        for stderr in (False, True):
            if printable(_last_overwrite(self.begun[stderr])):
                whole = whole.add("\n", stderr)
        return whole


def split_lines(part: str, text: str) -> tuple[list[str], str]:
    """The lines that ``text`` ends, ready to print, and what is begun after them; ``part`` was begun before it."""
    *ended, begun = (part + text).split("\n")
    return [printable(_last_overwrite(line.removesuffix("\r"))) for line in ended], _shorten(begun)


def _keep(before: tuple[Line, ...], lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """The last of both kinds, in their order."""
    every = (*before, *lines)
    errors = [line for line in every if line.stderr][-_KEPT_APART:]
    telling = [line for line in every if _tells(line)][-_KEPT_APART:]
    return tuple(sorted({*errors, *telling}, key=lambda line: line.number))


def _tells(line: Line) -> bool:
    text = line.text
    return bool(_ERROR.search(text)) and not _NONE.search(text) and not _CONSEQUENCE.search(text)


def _shorten(part: str) -> str:
    """What of an unfinished line must be kept: a progress bar that goes on for hours must not grow."""
    if len(part) <= _LONGEST_LINE:
        return part
    return _last_overwrite(part)[:_LONGEST_LINE]


def _last_overwrite(line: str) -> str:
    """What a terminal would show of a line whose carriage returns go back to its beginning."""
    ending = "\r" if line.endswith("\r") else ""
    return line.removesuffix("\r").rpartition("\r")[2] + ending
