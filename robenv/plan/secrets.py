"""What a build step borrows of the machine that builds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StepSecret:
    """A file that is there while a step runs. ``name``: under which the builder asks for it."""

    name: str
    target: str
    mode: str
