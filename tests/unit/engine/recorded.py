"""The streams of a real engine that ``python -m tests.support.record_streams`` recorded, as records and as events."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

from robenv.engine.buildkit.trace import Trace
from robenv.engine.classic import ClassicTrace
from robenv.engine.progress import BuildState, fold
from robenv.engine.protocol import BuildEvent

FOLDER = Path(__file__).with_name("streams")


def records(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]


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
        folded = fold(folded, event)
    return folded
