"""Text from outside made safe to print: nothing in it can drive a terminal, reorder what stands there or hide.

Also the excerpt of a file: the lines around a place, with a caret under it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

AROUND = 2
"""Lines shown before and after."""
WIDTH = 100
"""Cells of a line that are shown; a longer line is cut around the caret."""
_TAB = 4
_FAR = 4 * WIDTH
_STACKED = 4
"""Combining marks that one character may bear: no script needs more, and a hundred of them cover the lines around."""
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""What Unicode counts as printable and no terminal shows: fillers, joiners, variation selectors. The rest of what hides
or reorders text (bidirectional controls, zero-width characters, tags, private use, separators) is not printable."""
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/:@+-]*")


_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # OSC, DCS, SOS, PM, APC: titles, clipboards, links; to their end
    r"|\x1b[ -/]*[0-~]"  # two-character escapes and character sets
    r"|\x9b[0-?]*[ -/]*[@-~]",  # CSI in one byte
    re.S,
)
# C0 (but tab), DEL, C1, and what changes the direction or the line of other text.
_CONTROLS = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def safe(text: str) -> str:
    """``text`` on one line, with everything escaped that a terminal could take for a command or that reorders or hides
    text."""
    if text.isascii() and text.isprintable():
        return text
    shown, stacked = [], 0
    for character in text:
        stacked = stacked + 1 if unicodedata.combining(character) else 0
        shown.append(escaped(character) if stacked > _STACKED else _visible(character))
    return "".join(shown)


def safe_lines(text: str) -> str:
    """As ``safe``, but for line breaks and tabs, which stay."""
    if text.isascii() and text.isprintable():
        return text
    return "\n".join("\t".join(map(safe, line.split("\t"))) for line in text.split("\n"))


def hides(character: str) -> bool:
    """Whether a terminal obeys this character, or shows nothing of it."""
    return not character.isprintable() or bool(_INVISIBLE.match(character))


def escaped(character: str) -> str:
    """``\\x1b``, ``\\u202e`` or ``\\U000e0041``."""
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def in_command(name: str, instead: str) -> str:
    """A name from outside for a command that a person may copy: ``instead``, a placeholder, unless it is a plain word
    that no shell takes for anything else."""
    return name if _PLAIN.fullmatch(name) else instead


def brief(text: str, limit: int = 200) -> str:
    """``text`` shortened for a line that something is approved by: two texts that differ are never the same line."""
    if len(text) <= limit:
        return text
    import hashlib

    return f"{text[:limit]}… (sha256 {hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()})"


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
    if not hides(character):
        return character
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character) or escaped(character)


def printable(text: str) -> str:
    """``text`` as one line, without escape sequences and control characters; tabs become spaces."""
    line = _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\n", " "))).expandtabs(8).rstrip()
    return safe(line)  # what else hides text, such as zero-width characters, is shown
