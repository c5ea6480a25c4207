"""The lines around a place with a caret under it, safe to print on any terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

AROUND = 2
"""Lines shown before and after."""
WIDTH = 100
"""Cells of a line that are shown; a longer line is cut around the caret."""
_TAB = 4
_FAR = 4 * WIDTH


def safe(text: str) -> str:
    """``text`` with everything escaped that a terminal could take for a command or that reorders or hides text."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def show(text: str, limit: int = 60) -> str:
    """A value as messages quote it: safe, on one line, shortened."""
    return "`" + safe(text if len(text) <= limit else text[: limit - 1] + "…") + "`"


def render_excerpt(lines: Sequence[str], line: int, column: int) -> str:
    """``line`` and ``column`` count from 1; "" where the file has no such line."""
    if not 0 < line <= len(lines):
        return ""
    first, last = max(1, line - AROUND), min(len(lines), line + AROUND)
    while last > line and not lines[last - 1].strip():
        last -= 1
    gutter = len(str(last))
    # Of a very long line only the part around the caret is looked at.
    start = max(0, column - 1 - _FAR)
    before = len(_cells(lines[line - 1][start : column - 1]))
    shift = max(0, before - WIDTH * 3 // 4)
    shown = []
    for number in range(first, last + 1):
        cells = _cells(lines[number - 1][start : start + 2 * _FAR])
        cut = "".join(cells[shift : shift + WIDTH]) + ("…" if len(cells) > shift + WIDTH else "")
        shown.append(f"{number:>{gutter}} | {cut}".rstrip())
        if number == line:
            shown.append(f"{'':>{gutter}} | {' ' * (before - shift)}^")
    return "\n".join(shown)


def _cells(text: str) -> list[str]:
    """One string a terminal cell; the second cell of a wide character is empty."""
    if text.isascii() and text.isprintable():
        return list(text)
    cells: list[str] = []
    for character in text:
        if character == "\t":
            cells.extend(" " * (_TAB - len(cells) % _TAB))
        elif unicodedata.combining(character):
            if cells:
                cells[-1] += character
        else:
            visible = _visible(character)
            if len(visible) > 1:
                cells.extend(visible)
            else:
                cells.append(visible)
                if unicodedata.east_asian_width(visible) in "WF":
                    cells.append("")
    return cells


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    escape = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character, escape)
