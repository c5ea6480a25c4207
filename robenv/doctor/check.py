"""What a check finds, and the list of checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from robenv.engine.protocol import Engine, EngineInfo
from robenv.errors import RobenvError
from robenv.project.planned import PlannedProject

Status = Literal["ok", "warning", "failure"]


@dataclass(frozen=True)
class Finding:
    """One line of `robenv doctor`."""

    check: str
    status: Status
    message: str
    fix: str = ""
    """The exact command that mends it; "" where there is none to run."""
    safe: bool = False
    """Whether `--fix` may run it after asking: it only adds something, and can be repeated."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class CheckContext:
    """What the checks look at: the engine where one answers, else why not."""

    engine: Engine | None
    info: EngineInfo | None
    unreachable: RobenvError | None
    project: PlannedProject | None = None
    """The project that doctor is asked in, where there is one."""


Check = Callable[[CheckContext], Iterable[Finding]]
