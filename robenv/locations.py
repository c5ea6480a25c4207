"""Places in files, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Location:
    """A place in a file: ``line`` and ``column`` count from 1. ``chain``: the profiles that led here."""

    file: str
    line: int
    column: int
    chain: tuple[str, ...] = ()
    excerpt: str = ""
    """The lines around it with a caret, ready to print; empty where there is nothing to show."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where."""

    message: str
    location: Location | None = None
    hint: str = ""
