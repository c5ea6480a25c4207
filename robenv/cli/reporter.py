"""How a terminal, a pipe or nobody sees what an operation does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robenv.cli.common import note

if TYPE_CHECKING:
    from robenv.cli.progress.view import ProgressView
    from robenv.engine.build.progress import BuildState
    from robenv.engine.protocol import BuildEvent
    from robenv.render import Rendered


class TerminalReporter:
    """Notes and progress on stderr; nothing at all when quiet."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._view: ProgressView | None = None
        self.states: list[BuildState] = []
        """What each build that has finished looked like, for a timeline."""

    def note(self, text: str) -> None:
        if not self._quiet:
            note(text)

    def event(self, event: BuildEvent) -> None:
        if self._view is not None:
            self._view.handle(event)

    def building(self, title: str, rendered: Rendered | None, doing: str = "Building") -> None:
        from robenv.cli.progress.view import ProgressView

        self._view = ProgressView(title, rendered=rendered, quiet=self._quiet, doing=doing)
        self._view.start()

    def finished(self) -> None:
        if self._view is not None:
            self._view.stop()
            self.states.append(self._view.state)
            self._view = None
