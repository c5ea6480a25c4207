"""The streams of a real engine that ``record_streams`` recorded, as records and as events."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from robenv.engine.build.buildkit.trace import Trace
from robenv.engine.build.classic import ClassicTrace
from robenv.engine.build.progress import BuildState, apply_event
from robenv.engine.protocol import BuildEvent
from tests.support.folders import BUILD_STREAMS


def records(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (BUILD_STREAMS / f"{name}.jsonl").read_text().splitlines()]


def trace_for(name: str) -> Trace | ClassicTrace:
    """A trace that has read nothing; the classic builder's clock goes a second forward with each record."""
    ticks = count(1000)
    return ClassicTrace(lambda: float(next(ticks))) if name.startswith("classic") else Trace()


def events(name: str) -> list[BuildEvent]:
    trace = trace_for(name)
    return [event for record in records(name) for event in trace.events(record)]


def state(name: str) -> BuildState:
    folded = BuildState()
    for event in events(name):
        folded = apply_event(folded, event)
    return folded
