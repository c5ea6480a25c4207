"""Whether containers can have realtime here, by the same judgement as `up`'s."""

from __future__ import annotations

from collections.abc import Iterator

from robenv.doctor.check import CheckContext, Finding
from robenv.host.facts import EngineFacts, Facts
from robenv.host.host import Host
from robenv.host.probes.engine_process import CONFIG_FILE
from robenv.plan.host.realtime import HIGHEST_PRIORITY, needs_budget

# What is in the file already stays; a file that is not there is made.
GIVE_BUDGET = (
    "sudo python3 -c 'import json, pathlib, subprocess; file = pathlib.Path(\"" + CONFIG_FILE + '"); '
    'settings = json.loads(file.read_text()) if file.exists() else {}; settings["cpu-rt-runtime"] = 950000; '
    'file.write_text(json.dumps(settings, indent=2)); subprocess.run(["systemctl", "restart", "docker"], check=True)\''
)
RAISE_LIMITS = (
    'sudo sh -c \'printf "%s - rtprio 99\\n%s - memlock unlimited\\n" "$SUDO_USER" "$SUDO_USER" '
    "> /etc/security/limits.d/robenv.conf'"
)
"""Of a user who has a rootless engine, and so is not root."""


def realtime(patient: CheckContext, host: Host | None = None) -> Iterator[Finding]:
    """``host``: what to read the machine by; None reads this one."""
    from robenv.host.probes.facts import read_facts
    from robenv.project.facts import engine_facts

    if patient.project is not None and not patient.project.resolved.profile.realtime:
        return
    info = patient.info
    engine = engine_facts(info) if info else EngineFacts()
    if not engine.local:
        return  # What is here says nothing of that machine.
    wanted = frozenset(("kernel", "engine"))
    facts = read_facts(info.platform if info else "linux/amd64", wanted=wanted, engine=engine, host=host)
    yield _kernel(facts)
    if info is not None:
        yield from _budget(facts)
        yield from _limits(facts)


def _kernel(facts: Facts) -> Finding:
    kind = "PREEMPT_RT" if facts.kernel.preempt_rt else "no PREEMPT_RT: a deadline may be missed by a millisecond"
    return Finding("realtime kernel", "ok", f"{facts.kernel.release}, {kind}")


def _budget(facts: Facts) -> Iterator[Finding]:
    if not needs_budget(facts) or facts.engine.rt_budget is None:
        return
    if facts.engine.rt_budget:
        yield Finding("realtime budget", "ok", f"{facts.engine.rt_budget} µs of each second for all containers")
    else:
        text = "the engine was started without one, and this kernel lets no container run in realtime without"
        yield Finding("realtime budget", "warning", text, GIVE_BUDGET)


def _limits(facts: Facts) -> Iterator[Finding]:
    own = facts.kernel.rtprio
    enough = own is None or own == -1 or own >= HIGHEST_PRIORITY
    if facts.engine.rootless and not enough:
        text = f"a rootless engine can give no more than you have: priority {own}; log in again afterwards"
        yield Finding("realtime limits", "warning", text, RAISE_LIMITS, safe=True)
    elif not facts.engine.raises_limits:
        text = "the engine runs without CAP_SYS_RESOURCE, so that only root gets realtime priorities in its containers"
        yield Finding("realtime limits", "warning", text)
    else:
        outside = "" if enough else f"; outside containers you have priority {own}: /etc/security/limits.d"
        yield Finding("realtime limits", "ok", f"the engine can raise them{outside}")
