"""The catalogue as a table for a terminal: grouped, and as wide as there is room for."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby, islice

from robenv.cli.output import paint
from robenv.profile.resolve.summary import Summary, fits_in_words

ORDER = ("ros", "ubuntu", "debian", "cuda", "jetson", "rpi", "", "mixins")
TITLES = {
    "ros": "ROS",
    "ubuntu": "Ubuntu",
    "debian": "Debian",
    "cuda": "NVIDIA cards",
    "jetson": "Jetson",
    "rpi": "Raspberry Pi",
    "": "By the names of DUA",
    "mixins": "To add to a target",
}
_TARGET = ("NAME", "ARCH", "SYSTEM", "PY", "SUPPORT", "WHAT")
_MIXIN = ("NAME", "FITS", "WHAT")
_MARK = "*"
"""Beside what the user's own file corrects."""
_WIDE = 100
"""Characters from which there is room for what mixins fit."""
_LEAST = 24
"""Characters below which a last column is left out."""


def lines(found: Iterable[Summary], month: str, width: int, corrections: str = "") -> Iterator[str]:
    """``month``: now, as ``2026-11``. ``width`` 0: as wide as it gets. ``corrections``: the file of the user's own."""

    def place(one: Summary) -> int:
        return ORDER.index(one.group) if one.group in ORDER else len(ORDER)

    ordered = sorted(found, key=place)
    targets = _Table(_TARGET, [_target(one, month) for one in ordered if one.is_target], width)
    mixins = _Table(_MIXIN, [_mixin(one) for one in ordered if not one.is_target], width)
    for group, members in groupby(ordered, key=lambda one: (one.group, one.is_target)):
        yield from (targets if group[1] else mixins).part(TITLES.get(group[0], group[0]), len(list(members)))
    lines_of_it = sorted({".".join(line) for one in ordered for line in one.corrected})
    if lines_of_it:
        yield f"\n{_MARK} as {corrections} corrects it: {', '.join(lines_of_it)}"


def terminal_width() -> int:
    """0 where the output goes to no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def paint_out(text: str, code: str) -> str:
    return paint(text, code, sys.stdout)


def _target(one: Summary, month: str) -> tuple[str, ...]:
    architectures = " ".join(platform.partition("/")[2].replace("/", "") for platform in one.platforms) or "any"
    word = "ended " if one.ended(month) else "" if one.until == "never" else "until "
    support = f"{word}{one.until}" if one.until else "-"
    what = one.problem or (f"{one.now}; as shipped: {one.description}" if one.now else one.description)
    name = f"{one.name} {_MARK}" if one.corrected else one.name
    return name, architectures, one.system or "-", one.python or "-", support, what


def _mixin(one: Summary) -> tuple[str, ...]:
    return one.name, fits_in_words(one.fits) or "anything", one.problem or one.description


class _Table:
    """Rows of several groups below each other, with one width for each column; the header stands above the first."""

    def __init__(self, header: tuple[str, ...], rows: list[tuple[str, ...]], width: int) -> None:
        if width and header == _MIXIN and width < _WIDE:
            header, rows = (header[0], header[2]), [(row[0], row[2]) for row in rows]
        self._header: tuple[str, ...] | None = header
        self._rows = iter(rows)
        self._widths = [max((len(row[column]) for row in (header, *rows)), default=0) for column in range(len(header))]
        if width and header == _MIXIN:
            self._widths[1] = min(self._widths[1], width // 3)
        self._last = width - sum(self._widths[:-1]) - 2 * len(header) if width else max(self._widths[-1], _LEAST)

    def part(self, title: str, count: int) -> Iterator[str]:
        yield ""
        if self._header is not None:
            yield paint_out("  " + self._line(self._header), "2")
            self._header = None
        yield paint_out(title, "1")
        for row in islice(self._rows, count):
            line = "  " + self._line(row)
            yield paint_out(line, "2") if " ended " in line else line

    def _line(self, row: tuple[str, ...]) -> str:
        shown = [f"{_cut(cell, size):<{size}}" for cell, size in zip(row[:-1], self._widths[:-1], strict=True)]
        last = [_cut(row[-1], self._last)] if self._last >= _LEAST else []
        return "  ".join([*shown, *last]).rstrip()


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 1, 0)].rstrip() + "…"
