"""From the stream of the classic builder (also Podman's) to the same events as BuildKit's."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from robenv.engine.protocol import BuildEvent, LogEvent, StepEvent
from robenv.engine.transport.records import error_of

# Docker counts over all stages; Podman counts in each, and says before it which of how many stages it is.
_STEP = re.compile(
    r"(?:\[(?P<stage>\d+)/(?P<stages>\d+)\] )?step (?P<number>\d+)/(?P<total>\d+) ?: (?P<line>.*)", re.I | re.S
)
_CACHED = re.compile(r" ---> Using cache|--> Using cache [0-9a-f]+")
_COMMIT = re.compile(r"(?:\[\d+/\d+\] )?COMMIT(?: \S+)?\n")
"""After it, Podman only repeats names and IDs."""
_RUNNING = re.compile(r" ---> Running in ([0-9a-f]+)\n")
_CHATTER = re.compile(
    r" ---> [0-9a-f]{10,}\n|--> [0-9a-f]{10,}\n|( ---> )?(Removed|Removing) intermediate container [0-9a-f]+\n"
)
_STDERR = "\x1b[91m"
"""Docker paints a step's stderr in this colour; Podman does not tell it apart."""


class ClassicTrace:
    """Reads the records of one build, in their order. Times are this machine's: the builder tells none."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """``clock`` gives seconds since the epoch."""
        self._clock = clock
        self.image_id = ""
        """The image, once the last step has made it: each stage before reports one of its own."""
        self.container = ""
        """The intermediate container that runs now, by its short ID."""
        self._step: StepEvent | None = None
        self._stage = self._number = 0
        self._count = self._before = 0
        """Steps so far, and steps before this stage."""
        self._last = self._over = False
        self._spoke = False

    def events(self, record: Mapping[str, Any]) -> Iterator[BuildEvent]:
        """The events of one record of the engine's answer; none for one that tells nothing new."""
        now = self._clock()
        if "aux" in record:
            if self._last and isinstance(record["aux"], Mapping):
                self.image_id = str(record["aux"].get("ID") or self.image_id)
                yield from self._end(now)
        elif "error" in record or "errorDetail" in record:
            yield from self._end(now, error_of(record))
        elif isinstance(record.get("stream"), str):
            yield from self._said(record["stream"], now)

    def _end(self, now: float, error: str = "") -> Iterator[BuildEvent]:
        """Ends the step that runs, if one does."""
        if self._step is not None:
            yield replace(self._step, completed=now, error=error)
        self._step, self.container = None, ""

    def _said(self, text: str, now: float) -> Iterator[BuildEvent]:
        match = _STEP.fullmatch(text.rstrip("\n"))
        if match and self._follows(match):
            yield from self._end(now)
            yield self._begin(match, now)
        elif self._last and _COMMIT.fullmatch(text):
            self._over = True
        elif self._step is None or self._over or self._is_chatter(text):
            return
        elif running := _RUNNING.fullmatch(text):
            self.container = running[1]
        elif _CACHED.match(text) and not self._spoke:
            self._step = replace(self._step, cached=True)
        else:
            self._spoke = True
            yield LogEvent(self._step.id, text, now, text.startswith(_STDERR))

    def _is_chatter(self, text: str) -> bool:
        # Docker ends the step's own line by a record of its own; later, such a record ends a line of output.
        return bool(_CHATTER.fullmatch(text)) or (text == "\n" and not self._spoke)

    def _follows(self, match: re.Match[str]) -> bool:
        """Whether it is the next step indeed, and not output that looks like one."""
        stage, number = int(match["stage"] or 1), int(match["number"])
        next_stage = stage > self._stage and number == 1  # one that nothing needs is left out
        return next_stage or (stage == self._stage and number == self._number + 1)

    def _begin(self, match: re.Match[str], now: float) -> StepEvent:
        stage, self._number, total = int(match["stage"] or 1), int(match["number"]), int(match["total"])
        if stage != self._stage:
            self._stage, self._before = stage, self._count
        self._count += 1
        self._last = self._number == total and stage == int(match["stages"] or 1)
        self._spoke = False
        name = f"Step {self._count}/{self._before + total} : {match['line'].strip()}"
        self._step = StepEvent(f"step {self._count}", name, started=now)
        return self._step
