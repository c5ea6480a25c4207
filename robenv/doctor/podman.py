"""What holds on Podman, and what it needs of its machine."""

from __future__ import annotations

from collections.abc import Iterator

from robenv.doctor.check import CheckContext, Finding
from robenv.host.host import Host
from robenv.host.probes.podman import INIT, TUN

_OLDEST = (4, 3)
"""The oldest that robenv is tested against."""


def podman(patient: CheckContext, host: Host | None = None) -> Iterator[Finding]:
    """``host``: what to read the machine by; None reads this one."""
    from robenv.host.probes.facts import read_facts
    from robenv.project.facts import engine_facts

    info = patient.info
    if info is None or not info.is_podman:
        return
    if _version(info.version) < _OLDEST:
        yield Finding(
            "podman", "warning", f"{info.version} is older than 4.3, the oldest that robenv is tested against"
        )
    engine = engine_facts(info)
    if not engine.local:
        return
    engine = read_facts(info.platform, wanted=frozenset(("engine",)), engine=engine, host=host).engine
    if INIT in engine.podman_lacks:
        text = f"there is no {INIT}, the init of containers: none starts but with `run: {{init: false}}`"
        yield Finding("podman init", "failure", text, f"sudo apt-get install -y {INIT}", safe=True)
    else:
        yield Finding("podman init", "ok", f"{INIT} is there")
    if engine.rootless:
        yield from _network(engine.podman_lacks)


def _network(missing: tuple[str, ...]) -> Iterator[Finding]:
    from robenv.plan.host.podman import NETWORK_HELPERS, package_of

    helpers = [program for program in NETWORK_HELPERS if program in missing]
    for program in helpers:
        text = f"there is no {program}: containers start only with `run: {{network_mode: host}}`, or none"
        yield Finding("podman network", "failure", text, f"sudo apt-get install -y {package_of(program)}", safe=True)
    if TUN in missing:
        text = f"{TUN} is not there, or not yours to open: containers start only with `run: {{network_mode: host}}`"
        yield Finding("podman network", "failure", text, f"sudo chmod 666 {TUN}")
    elif not helpers:
        yield Finding("podman network", "ok", "the program for rootless containers' network is there")


def _version(text: str) -> tuple[int, ...]:
    """(4, 3) of ``4.3.1``; of what is none, one that is old enough for nothing to be said."""
    parts = text.split(".")[:2]
    return tuple(int(part) for part in parts) if len(parts) == 2 and all(part.isdigit() for part in parts) else _OLDEST
