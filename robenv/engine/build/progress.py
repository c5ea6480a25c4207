"""What a build looks like so far: a pure fold over its events.

state = BuildState()
for event in events:
    state = fold(state, event)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from robenv.engine.build.output import Output
from robenv.engine.protocol import BuildEvent, ImageEvent, LogEvent, StepEvent, TransferEvent, WarningEvent
from robenv.util.sanitize import printable

_STAGE = re.compile(r"\[(?:(?P<stage>\S+) +)?(?P<number>\d+)/(?P<total>\d+)\] ")
_CANCELLED = re.compile(r"context canceled|canceled: ", re.I)


@dataclass(frozen=True)
class Transfer:
    """Something of a step that moves; bytes, ``total`` 0 where it is not known."""

    id: str
    name: str
    current: int
    total: int
    completed: bool


@dataclass(frozen=True)
class BuildStep:
    id: str
    name: str = ""
    started: float | None = None
    completed: float | None = None
    """Seconds since the epoch, by the clock of who reported it."""
    cached: bool = False
    error: str = ""
    inputs: tuple[str, ...] = ()
    output: Output = field(default_factory=Output)
    transfers: Mapping[str, Transfer] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def lines(self) -> tuple[str, ...]:
        """The last lines of its output."""
        return self.output.lines

    @property
    def stage(self) -> str:
        """The stage's name; "" where there is only one, or where it belongs to none."""
        match = _STAGE.match(self.name)
        return (match["stage"] or "") if match else ""

    @property
    def running(self) -> bool:
        return self.started is not None and self.completed is None

    @property
    def cancelled(self) -> bool:
        """It ended only because another step failed, or because the build was cancelled."""
        return bool(self.error) and bool(_CANCELLED.search(self.error))

    def seconds(self, now: float) -> float:
        """How long it has taken, until ``now`` where it still runs."""
        if self.started is None:
            return 0.0
        return max(0.0, (now if self.completed is None else self.completed) - self.started)


@dataclass(frozen=True)
class BuildState:
    by_id: Mapping[str, BuildStep] = field(default_factory=lambda: MappingProxyType({}))
    warnings: tuple[str, ...] = ()
    image_id: str = ""

    @property
    def steps(self) -> tuple[BuildStep, ...]:
        """In the order in which they were first heard of."""
        return tuple(self.by_id.values())

    @property
    def failed(self) -> BuildStep | None:
        """The step that failed by itself; where the build was cancelled as a whole, the first that ended so."""
        broken = [step for step in self.steps if step.error]
        own = [step for step in broken if not step.cancelled]
        return min(own or broken, key=lambda step: step.completed or float("inf"), default=None)


def apply_event(state: BuildState, event: BuildEvent) -> BuildState:
    """The state after ``event``. Has no effect; costs little, however many events there were before."""
    if isinstance(event, StepEvent):
        return _with_step(state, _update(state.by_id.get(event.id, BuildStep(event.id)), event))
    if isinstance(event, LogEvent):
        return _with_step(state, _log(state.by_id.get(event.id, BuildStep(event.id)), event))
    if isinstance(event, TransferEvent):
        return _with_step(state, _transfer(state.by_id.get(event.step, BuildStep(event.step)), event))
    if isinstance(event, WarningEvent):
        return replace(state, warnings=(*state.warnings, printable(event.text)))
    return replace(state, image_id=event.image_id) if isinstance(event, ImageEvent) else state


def _with_step(state: BuildState, step: BuildStep) -> BuildState:
    return replace(state, by_id=MappingProxyType({**state.by_id, step.id: step}))


def _update(step: BuildStep, event: StepEvent) -> BuildStep:
    # An engine may start one step several times over (a lookup, then the work): the first start is when it began.
    started = event.started if step.started is None or event.started is None else min(step.started, event.started)
    return replace(
        step,
        name=printable(event.name),
        started=started if started is not None else step.started,
        completed=event.completed,
        cached=event.cached,
        error=printable(event.error),
        inputs=event.inputs or step.inputs,
    )


def _transfer(step: BuildStep, event: TransferEvent) -> BuildStep:
    before = step.transfers.get(event.id)
    current, total = event.current, event.total
    if event.completed and before is not None and not total:  # some only say that it is done
        current = total = max(before.total, before.current)
    moved = Transfer(event.id, printable(event.name), current, total, event.completed)
    return replace(step, transfers=MappingProxyType({**step.transfers, event.id: moved}))


def _log(step: BuildStep, event: LogEvent) -> BuildStep:
    return replace(step, output=step.output.add(event.text, event.stderr))
