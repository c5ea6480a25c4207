"""How a build looks while it runs: live on a terminal, plain lines elsewhere, nothing when quiet. Always on stderr."""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from robenv.cli.output import paint, raw_stream, safe_stream
from robenv.cli.progress.log import BuildLog
from robenv.cli.progress.plain import PlainView
from robenv.cli.progress.report import Lookup, Origin, duration, failure_text, is_hidden, lookup_in
from robenv.engine.build.progress import BuildState, apply_event
from robenv.engine.protocol import StepEvent
from robenv.util import log

if TYPE_CHECKING:
    from robenv.cli.progress.live import LiveView
    from robenv.engine.protocol import BuildEvent
    from robenv.render import Rendered


class ProgressView:
    """Takes a build's events as they come.

        with ProgressView("picker for linux/amd64", rendered) as view:
            for event in events:
                view.handle(event)

    When it stops it leaves one line, or the report on the step that failed; the report also when quiet.
    ``lookup`` finds where a failed step comes from; by default in ``rendered``.
    """

    def __init__(
        self,
        title: str,
        rendered: Rendered | None = None,
        quiet: bool = False,
        stream: TextIO | None = None,
        lookup: Lookup | None = None,
        doing: str = "Building",
    ) -> None:
        self.state = BuildState()
        self._title = title
        self._doing = doing
        self._lookup = lookup or (lookup_in(rendered) if rendered is not None else None)
        self._origins: dict[str, Origin] = {}
        """By a step's ID."""
        self._quiet = quiet
        self._stream = safe_stream(stream or sys.stderr)
        self._began = time.time()
        self._live: LiveView | None = None
        self._plain: PlainView | None = None
        self._log = BuildLog(title, rendered)

    def start(self) -> None:
        self._began = time.time()
        self._log.start()
        if self._quiet:
            return
        if _is_terminal(self._stream) and not log.is_verbose():
            from robenv.cli.progress.live import LiveView

            self._live = LiveView(f"{self._doing} {self._title}", lambda: self.state, raw_stream(self._stream))
            self._live.start()
        else:
            self._plain = PlainView(self._stream)
            self._plain.say(f"{self._doing} {self._title}")

    def handle(self, event: BuildEvent) -> BuildEvent:
        """The event as it is shown."""
        if isinstance(event, StepEvent):
            event = self._named(event)
        before, self.state = self.state, apply_event(self.state, event)
        for view in (self._plain, self._log):
            if view is not None:
                view.show(before, self.state, event)
        return event

    def _named(self, event: StepEvent) -> StepEvent:
        """With what it is for in place of its command line, which nobody has written."""
        origin = self._lookup(event.name) if self._lookup else None
        if origin is None:
            return event
        self._origins[event.id] = origin
        return replace(event, name=origin.named(event.name))

    def say(self, text: str) -> bool:
        """A line of its own, where lines are shown; False where they are not."""
        if self._plain is not None:
            self._plain.say(text)
        return self._plain is not None

    def end(self) -> bool:
        """Ends the picture; whether there was one."""
        shown, self._live, self._plain = self._live or self._plain, None, None
        if shown is not None:
            shown.stop()
        return shown is not None

    def stop(self) -> None:
        """Ends the picture, and says how it went. May be called again."""
        lines = self.summary() if self.end() else []
        if report := self.failure_report():
            lines.append(report)
        for line in lines:
            print(line, file=self._stream, flush=True)

    def failure_report(self) -> str:
        """The step that failed, its last lines, the lines of the profile it came from; "" where none did."""
        step = self.state.failed
        log = self._log.end(kept=step is not None)
        if step is None:
            return ""
        origin = self._origins.get(step.id)
        return failure_text(step, origin, log, shutil.get_terminal_size((120, 24)).columns, self._paint)

    def __enter__(self) -> ProgressView:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def summary(self) -> list[str]:
        """The builder's warnings, and how long it took if it went well."""
        lines = [f"{self._paint('warning:', '1;33')} {warning}" for warning in self.state.warnings]
        if not self.state.image_id:
            return lines
        steps = [step for step in self.state.steps if not is_hidden(step, time.time())]
        cached = sum(step.cached for step in steps)
        took = duration(time.time() - self._began)
        return [*lines, f"Built {self._title} in {took}: {len(steps)} steps, {cached} cached"]

    def _paint(self, text: str, code: str) -> str:
        return paint(text, code, self._stream)


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"
