"""What a user should know and no result says: one line on stderr, each once. Light: the quick way in imports this."""

from __future__ import annotations

import sys

_given: set[str] = set()


def warn_once(text: str) -> None:
    """Prints a warning in one line, whatever line breaks ``text`` has, unless this process has printed it already."""
    line = " ".join(text.split())
    if line in _given:
        return
    _given.add(line)
    print(f"warning: {line}", file=sys.stderr, flush=True)
