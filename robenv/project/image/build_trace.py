"""When each step of a build ran, in the Trace Event Format that Perfetto and chrome://tracing show."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from robenv.engine.build.progress import BuildState
from robenv.paths import write_atomically


def trace_events(states: Sequence[BuildState]) -> list[dict[str, Any]]:
    """One complete event a step, in microseconds since the first step began; a lane for each step that overlaps."""
    starts = [step.started for state in states for step in state.steps if step.started is not None]
    origin = min(starts, default=0.0)
    events: list[dict[str, Any]] = []
    for process, state in enumerate(states):
        lanes: list[float] = []
        for step in sorted((s for s in state.steps if s.started is not None), key=lambda s: s.started or 0.0):
            began = step.started or 0.0
            ended = step.completed if step.completed is not None else began
            lane = next((n for n, free in enumerate(lanes) if free <= began), len(lanes))
            lanes[lane : lane + 1] = [ended]
            events.append(
                {
                    "name": step.name,
                    "cat": "cached" if step.cached else "failed" if step.error else "build",
                    "ph": "X",
                    "ts": round((began - origin) * 1e6),
                    "dur": round((ended - began) * 1e6),
                    "pid": process,
                    "tid": lane,
                }
            )
    return events


def write_timeline(path: Path, states: Sequence[BuildState]) -> None:
    """Writes the trace of one or several builds."""
    text = json.dumps({"traceEvents": trace_events(states), "displayTimeUnit": "ms"}) + "\n"
    write_atomically(str(path), text.encode())
