"""What a user should know and no result says: one line on stderr, each once. Light: the quick way in imports this."""

from __future__ import annotations

import sys

_given: set[str] = set()


def collected_notices(text: str) -> None:
    """To be called for what is printed in another way: it is not to be a warning as well."""
    _given.add(" ".join(text.split()))


def warn_once(text: str, about: str = "") -> None:
    """Prints a warning in one line, whatever line breaks ``text`` has, unless this process has printed it already, or
    another one ``about`` the same."""
    line = " ".join(text.split())
    if (about or line) in _given:
        return
    _given.add(about or line)
    print(f"warning: {line}", file=sys.stderr, flush=True)
