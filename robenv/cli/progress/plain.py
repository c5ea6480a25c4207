"""A build as plain lines: for files, pipes and CI."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

from robenv.cli.progress.report import duration, is_hidden, shorten, size
from robenv.engine.build.output import split_lines
from robenv.engine.build.progress import BuildState, BuildStep
from robenv.engine.protocol import LogEvent

if TYPE_CHECKING:
    from robenv.engine.protocol import BuildEvent

_LONGEST_NAME = 200
"""Characters of a step's name in a line."""


class PlainView:
    """A line a step, and its output: for files, pipes and CI."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._numbers: dict[str, int] = {}
        self._parts: dict[tuple[str, bool], str] = {}
        """What is begun of a line, by the step and whether it is of stderr."""
        self._ended_once: set[str] = set()
        self._last = ""
        """The step whose output was printed last."""

    def say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def stop(self) -> None:
        for (step, _), part in self._parts.items():
            if part:
                self._print(step, split_lines(part, "\n")[0])

    def show(self, before: BuildState, after: BuildState, event: BuildEvent) -> None:
        if isinstance(event, LogEvent):
            key = event.id, event.stderr
            lines, self._parts[key] = split_lines(self._parts.get(key, ""), event.text)
            self._output(after.by_id[event.id], lines)
            return
        step = after.by_id.get(getattr(event, "id", ""))
        if step is not None and step.completed is not None and before.by_id.get(step.id) != step:
            self._ended(step)

    def _output(self, step: BuildStep, lines: list[str]) -> None:
        if lines and self._last != step.id:
            self.say(f"#{self._number(step.id)} {shorten(step.name, _LONGEST_NAME)}")
            self._last = step.id
        self._print(step.id, lines)

    def _print(self, step: str, lines: list[str]) -> None:
        for line in lines:
            self.say(f"#{self._number(step)} | {line}")

    def _ended(self, step: BuildStep) -> None:
        # BuildKit may end one step several times over: a lookup, then the work.
        if is_hidden(step, time.time()) or (step.id in self._ended_once and not step.error):
            return
        self._ended_once.add(step.id)
        for stderr in (False, True):
            if rest := self._parts.pop((step.id, stderr), ""):
                self._output(step, split_lines(rest, "\n")[0])
        moved = sum(transfer.current for transfer in step.transfers.values() if transfer.name == "context")
        how = "CACHED" if step.cached else f"done {duration(step.seconds(0))}"
        if step.error:
            how = "stopped" if step.cancelled else "FAILED"
        sent = f" ({size(moved)})" if moved else ""
        self.say(f"#{self._number(step.id)} {shorten(step.name, _LONGEST_NAME)} {how}{sent}")
        self._last = ""

    def _number(self, step: str) -> int:
        return self._numbers.setdefault(step, len(self._numbers) + 1)
