"""A rendered Dockerfile and its instructions, so that a failed step of a build leads back to where it came from."""

from __future__ import annotations

import re
from dataclasses import dataclass

from robenv.errors import Location, Problem, ProfileError
from robenv.plan.models import BuildPlan, Pairs
from robenv.render.entries import ContextEntry
from robenv.render.quoting import UnsafeValue, continued

_COUNTED = frozenset({"FROM", "RUN", "COPY", "ADD", "WORKDIR"})
_BUILDKIT = re.compile(r"\s*\[\s*(?:\S+\s+)*?(?:(?P<stage>[^\s\]]+)\s+)?(?P<index>\d+)/(?P<total>\d+)\]")
_CLASSIC = re.compile(r"\s*Step (?P<number>\d+)/\d+\b")


@dataclass(frozen=True)
class Instruction:
    stage: str
    index: int
    """As in BuildKit's ``[stage index/total]``, from 1; 0 for an instruction that is no step of its own there."""
    number: int
    """As in the classic builder's ``Step number/total``, from 1 over all stages."""
    line_start: int
    line_end: int
    """The first and last line in the Dockerfile, from 1."""
    kind: str
    """``FROM``, ``RUN``, …"""
    title: str
    """What it is for, in a few words."""
    location: Location | None = None
    """Where in the profile it comes from."""


@dataclass(frozen=True)
class Rendered:
    plan: BuildPlan
    buildkit: bool
    canonical: bool
    """Whether these are the bytes that the content hash covers, rather than a variant for one engine."""
    dockerfile: str
    instructions: tuple[Instruction, ...]
    context: tuple[ContextEntry, ...]
    """Everything that the builder gets, the Dockerfile too, sorted by name."""
    fingerprint: tuple[str, ...]
    """Absolute paths of all files and folders of this machine that were looked at for the context."""
    absent: tuple[str, ...]
    """Absolute paths that were looked for and are not there."""
    arguments: Pairs = ()
    """Build arguments that reach the steps, and neither the image nor its history."""


@dataclass(frozen=True)
class Mark:
    """What the template knows about the instruction that begins where it put the mark."""

    title: str
    location: Location | None


def find_instruction(rendered: Rendered, step_name: str) -> Instruction | None:
    """The instruction of a step as the engine names it: ``[stage 2/5] RUN …`` or ``Step 3/7 : RUN …``; None for others.

    BuildKit puts the platform before the stage where it builds for several, pads the index, and leaves out the stage's
    name where a Dockerfile has a single one without a name.
    """
    if classic := _CLASSIC.match(step_name):
        wanted = int(classic["number"])
        return next((found for found in rendered.instructions if found.number == wanted), None)
    step = _BUILDKIT.match(step_name)
    if step is None:
        return None
    stages = {instruction.stage for instruction in rendered.instructions}
    stage = step["stage"]
    if stage not in stages and len(stages) == 1:
        (stage,) = stages
    index = int(step["index"])
    if index == 0:
        return None
    return next((found for found in rendered.instructions if (found.stage, found.index) == (stage, index)), None)


def split_marks(text: str, marks: list[Mark]) -> tuple[str, tuple[Instruction, ...]]:
    """Takes the marks (``NUL number NUL`` at the start of an instruction's line) out of a rendered template.

    Raises ProfileError for a line that is too long for a Dockerfile and cannot be continued.
    """
    lines: list[str] = []
    found: list[tuple[Mark, int, str]] = []
    for line in text.split("\n"):
        if line.startswith("\0"):
            _, number, line = line.split("\0", 2)
            found.append((marks[int(number)], len(lines), line))
        lines.extend(_continued(line, found).split("\n"))
    counter = _Counter()
    return "\n".join(lines), tuple(
        counter.instruction(mark, start, _last_line(lines, start), line) for mark, start, line in found
    )


def _continued(line: str, found: list[tuple[Mark, int, str]]) -> str:
    try:
        return continued(line)
    except UnsafeValue as refused:
        problem = Problem(str(refused), found[-1][0].location if found else None, refused.hint)
        raise ProfileError("a value cannot be put into the image", problems=(problem,)) from None


def _last_line(lines: list[str], start: int) -> int:
    end = start
    while lines[end].endswith("\\") or (end > start and lines[end].lstrip().startswith("#")):
        end += 1
    return end


class _Counter:
    """Counts instructions as the builders do."""

    def __init__(self) -> None:
        self.number = 0
        self.index = 0
        self.stage = ""
        self.stages: set[str] = set()

    def instruction(self, mark: Mark, start: int, end: int, line: str) -> Instruction:
        kind, _, rest = line.partition(" ")
        self.number += 1
        index = 0
        if kind == "FROM":
            base, _, self.stage = rest.split(" ")[-3:]  # without --platform
            # BuildKit counts FROM as a step only where there is an image to fetch.
            index = self.index = 0 if base in self.stages or base == "scratch" else 1
            self.stages.add(self.stage)
        elif kind in _COUNTED:
            self.index += 1
            index = self.index
        return Instruction(self.stage, index, self.number, start + 1, end + 1, kind, mark.title, mark.location)
