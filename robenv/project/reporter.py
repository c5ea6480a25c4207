"""What an operation tells while it works. The terminal's side is in robenv.cli."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from robenv.engine.protocol import BuildEvent
from robenv.render import Rendered


class Reporter(Protocol):
    def note(self, text: str) -> None:
        """One line about what is being done or was decided."""

    def event(self, event: BuildEvent) -> None:
        """A piece of progress of the build, or of a base that it needs."""

    def building(self, title: str, rendered: Rendered | None, doing: str = "Building") -> None:
        """A build begins, or what else is ``doing``; ``rendered`` maps a failed step to its lines."""

    def finished(self) -> None:
        """The build that began has ended, well or not."""


@contextmanager
def building(reporter: Reporter, title: str, rendered: Rendered | None, doing: str = "Building") -> Iterator[None]:
    """Brackets a build, or another piece of work that tells events, so that a live display always ends."""
    reporter.building(title, rendered, doing)
    try:
        yield
    finally:
        reporter.finished()
