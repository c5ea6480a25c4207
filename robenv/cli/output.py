"""The one way of text to the terminal: whatever a command prints passes here, and nothing in it commands the terminal.

Text comes from containers, robots, registries, git servers, profiles and the names of files, and any of it may end in a
sentence of robenv's own. So it is not for each command to think of: while one runs, stdout and stderr are streams that
show such characters instead of passing them on. Colours are robenv's alone, by a mark that no text from outside can
know. What is to pass as it is says so by ``raw_stream``: a container's own streams, and a live picture's cursor.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from robenv.util.sanitize import hides, safe_lines

_KEY = os.urandom(8).hex()
_MARK = re.compile(rf"\x1b{_KEY}\[([0-9;]*)m")


class SafeStream:
    """A text stream that shows what would command a terminal. It has no ``buffer``: bytes take ``raw_stream``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        if name in ("buffer", "raw", "detach"):
            raise AttributeError(name)
        return getattr(self._stream, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._stream)

    def write(self, text: str) -> int:
        self._stream.write(terminal_text(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    @property
    def inner(self) -> TextIO:
        return self._stream


def terminal_text(text: str) -> str:
    """``text`` as it goes to a terminal: safe, line by line, with robenv's own colours."""
    parts = _MARK.split(text)
    parts[::2] = map(safe_lines, parts[::2])
    parts[1::2] = (f"\x1b[{code}m" for code in parts[1::2])
    return "".join(parts)


def safe_stream(stream: TextIO) -> TextIO:
    """The stream behind a SafeStream, once."""
    return stream if isinstance(stream, SafeStream) else cast("TextIO", SafeStream(stream))


def raw_stream(stream: TextIO) -> TextIO:
    """The stream itself, for what is passed on as it is. Whoever takes it answers for what is written."""
    return stream.inner if isinstance(stream, SafeStream) else stream


@contextmanager
def safe_output() -> Iterator[None]:
    """While this lasts, stdout and stderr show what would command the terminal."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = safe_stream(sys.stdout), safe_stream(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def coloured(stream: TextIO | None = None) -> bool:
    """Whether to colour what goes to ``stream`` (stderr): a terminal, and nobody said NO_COLOR."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and (stream or sys.stderr).isatty()


def paint(text: str, code: str, stream: TextIO | None = None) -> str:
    """``text`` in a colour, by its SGR code, where ``stream`` (stderr) is coloured. Only for streams that guard."""
    return f"\x1b{_KEY}[{code}m{text}\x1b{_KEY}[0m" if coloured(stream) else text


def json_text(document: Any) -> str:
    """A JSON document, legible, with the exact values; what a terminal would not show stands in it as an escape."""
    text = json.dumps(document, indent=2, default=str, ensure_ascii=False)
    if text.isascii():
        return text
    return "".join(json.dumps(one)[1:-1] if one != "\n" and hides(one) else one for one in text)


def print_exactly(text: str) -> None:
    """To stdout as it is where a program or a file takes it; shown safely where a person looks."""
    stream = sys.stdout if sys.stdout.isatty() else raw_stream(sys.stdout)
    stream.write(text)
