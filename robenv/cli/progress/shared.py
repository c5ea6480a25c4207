"""Several builds in one picture: each step says whose it is, as `docker buildx` shows it."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

from robenv.cli.common import note
from robenv.cli.output import safe_stream
from robenv.cli.progress.view import ProgressView
from robenv.engine.protocol import LogEvent, StepEvent, TransferEvent

if TYPE_CHECKING:
    from robenv.engine.build.progress import BuildState
    from robenv.engine.protocol import BuildEvent
    from robenv.render import Rendered


class SharedProgress:
    """One display on stderr for builds that run side by side. Use as a context manager.

    The line that a build leaves is shown as it ends where lines are shown, else in the end; so is, always in the end,
    the report on a step that failed.
    """

    def __init__(self, title: str, quiet: bool) -> None:
        self.quiet = quiet
        self.states: list[BuildState] = []
        """What each build that has finished looked like, for a timeline."""
        self._view = ProgressView(title, quiet=quiet)
        self._lock = threading.Lock()
        self._left: list[str] = []

    def lane(self, name: str) -> BuildLane:
        """A reporter for the build that ``name`` stands for, such as a platform; for one thread."""
        return BuildLane(name, self)

    def __enter__(self) -> SharedProgress:
        self._view.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._view.end()
        for text in self._left if kind is None else ():  # given up: what failed then did so by that alone
            print(text, file=safe_stream(sys.stderr), flush=True)

    def handle(self, event: BuildEvent) -> None:
        with self._lock:
            self._view.handle(event)

    def say(self, text: str) -> None:
        with self._lock:
            self._view.say(text)

    def ended(self, own: ProgressView) -> None:
        """``own`` knows one lane's events alone."""
        report = own.failure_report()
        with self._lock:
            self.states.append(own.state)
            for line in [] if self.quiet else own.summary():
                if not self._view.say(line):
                    self._left.append(line)
            self._left += [report] if report else []


class BuildLane:
    """The ``robenv.project.reporter.Reporter`` of one build among several."""

    def __init__(self, name: str, shared: SharedProgress) -> None:
        self._name = name
        self._shared = shared
        self._own: ProgressView | None = None

    def note(self, text: str) -> None:
        if not self._shared.quiet:
            note(text if self._name in text else f"{self._name}: {text}")

    def event(self, event: BuildEvent) -> None:
        if self._own is not None:
            self._shared.handle(tag_event(self._own.handle(event), self._name))

    def building(self, title: str, rendered: Rendered | None, doing: str = "Building") -> None:
        self._own = ProgressView(title, rendered=rendered, quiet=True, doing=doing)
        self._shared.say(f"{doing} {title}")

    def finished(self) -> None:
        own, self._own = self._own, None
        if own is not None:
            self._shared.ended(own)


def tag_event(event: BuildEvent, name: str) -> BuildEvent:
    """The event as one among those of several builds. Pure."""
    if isinstance(event, StepEvent):
        inputs = tuple(f"{name} {one}" for one in event.inputs)
        return replace(event, id=f"{name} {event.id}", name=_name(event.name, name), inputs=inputs)
    if isinstance(event, TransferEvent):
        return replace(event, id=f"{name} {event.id}", step=f"{name} {event.step}")
    if isinstance(event, LogEvent):
        return replace(event, id=f"{name} {event.id}")
    return event


def _name(step: str, name: str) -> str:
    """``[linux/arm64 2/5] RUN …``; the builder's own housekeeping stays known as such."""
    if not step or step.startswith(("[internal]", "copy /context")) or name in step:
        return step
    return f"[{name} {step[1:]}" if step.startswith("[") else f"{step} ({name})"
