"""Times and sizes: how they are taken, and what is kept of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
ROBENV = str(Path(sys.executable).with_name("robenv"))


@dataclass(frozen=True)
class Check:
    """A measured value and what it must not exceed."""

    name: str
    value: float
    goal: float

    @property
    def met(self) -> bool:
        return self.value <= self.goal


@dataclass
class Group:
    """Measurements that stand side by side, taken in one run. ``values``: all of them, in ``unit``, by name."""

    title: str
    unit: str
    values: dict[str, list[float]]
    reference: str = ""
    """Whose median the ratios are taken to; "" where there is none."""
    checks: list[Check] = field(default_factory=list)

    def median(self, name: str) -> float:
        return median(self.values[name])

    def ratio(self, name: str) -> float | None:
        return self.median(name) / self.median(self.reference) if self.reference else None

    def to_json(self) -> dict[str, object]:
        return {
            "title": self.title,
            "unit": self.unit,
            "reference": self.reference,
            "values": self.values,
            "medians": {name: self.median(name) for name in self.values},
            "ratios": {name: self.ratio(name) for name in self.values},
            "checks": [
                {"name": check.name, "value": check.value, "goal": check.goal, "met": check.met}
                for check in self.checks
            ],
        }


def run(command: Sequence[str], cwd: Path | None = None, environ: Mapping[str, str] | None = None) -> str:
    """Runs a command to its end; what it wrote on stdout. Raises RuntimeError with all that it said where it fails."""
    environment = {**os.environ, **(environ or {})}
    result = subprocess.run(
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} exited with {result.returncode}:\n{result.stdout}{result.stderr}")
    return result.stdout


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def interleaved(actions: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each action, taken in turns: what disturbs the machine disturbs all alike. One round warms up."""
    for action in actions.values():
        action()
    values: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            values[name].append(seconds(action))
    return values
