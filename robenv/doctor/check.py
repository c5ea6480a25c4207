"""What a check finds, and the list of checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from robenv.engine.protocol import Engine, EngineInfo
from robenv.environment.load import Loaded
from robenv.errors import RobenvError

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
class Patient:
    """What the checks look at: the engine where one answers, else why not."""

    engine: Engine | None
    info: EngineInfo | None
    unreachable: RobenvError | None
    project: Loaded | None = None
    """The project that doctor is asked in, where there is one."""


Check = Callable[[Patient], Iterable[Finding]]


def examine(patient: Patient) -> list[Finding]:
    """Runs every check. A check that fails itself is a finding, and hides none of the others."""
    from robenv.doctor import devices, emulation, engine, gpu, network, podman, project, realtime, session, tools

    findings: list[Finding] = []
    checks: tuple[Check, ...] = (
        engine.reachable,
        engine.version,
        engine.security,
        podman.podman,
        engine.storage,
        engine.buildkit,
        engine.bridge,
        engine.disk,
        tools.mmdebstrap,
        tools.keyrings,
        emulation.binfmt,
        project.project,
        devices.devices,
        devices.modem_manager,
        devices.udev,
        gpu.gpu,
        session.display,
        session.sound,
        session.agent,
        session.git,
        realtime.realtime,
        network.network,
    )
    for check in checks:
        try:
            findings.extend(check(patient))
        except RobenvError as error:
            findings.append(Finding(check.__name__, "failure", str(error), error.hint))
        except OSError as error:
            findings.append(Finding(check.__name__, "failure", f"this check could not look: {error}"))
    return findings
