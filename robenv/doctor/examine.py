"""The list of checks, and their running."""

from __future__ import annotations

from robenv.doctor import devices, emulation, engine, gpu, network, podman, project, realtime, session, tools
from robenv.doctor.check import Check, CheckContext, Finding
from robenv.errors import RobenvError


def examine(patient: CheckContext) -> list[Finding]:
    """Runs every check. A check that fails itself is a finding, and hides none of the others."""
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
