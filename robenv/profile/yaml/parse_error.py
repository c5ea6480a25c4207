"""How a value that cannot be used is told from inside a parser: a plain sentence and a way out, without a place."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BadValue(ValueError):
    """``message`` says what was expected; who knows the place makes a Problem of it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def closest(word: str, known: Iterable[str]) -> str:
    """The nearest of ``known``; "" where none is near."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest of ``known``; "" where none is near."""
    near = closest(word, known)
    return f"did you mean `{near}`?" if near else ""
