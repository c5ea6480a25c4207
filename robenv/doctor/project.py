"""The project here: would `up` give its container what the profile asks for, and what will be of no use."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator

from robenv.doctor.check import CheckContext, Finding
from robenv.host.facts import Facts
from robenv.plan.host.capabilities import privilege_notes
from robenv.plan.host.host import plan_host
from robenv.plan.host.middleware import plan_middleware
from robenv.plan.host.podman import plan_podman
from robenv.plan.host.quotas import quota_notes
from robenv.plan.models import RunPlan
from robenv.project.planned import PlannedProject


def project(patient: CheckContext, facts: Facts | None = None) -> Iterator[Finding]:
    """What of GPU, display, devices and the rest is optional and not there, their own checks tell.

    ``facts``: other ones than this machine's.
    """
    from robenv.project.facts import facts_for

    planned = patient.project
    if planned is None:
        return
    facts = facts or facts_for(patient.engine, planned)
    profile = planned.resolved.profile
    grant = plan_host(profile, facts)
    for requirement in grant.unmet:
        place = planned.resolved.locate(requirement.path)
        hint = f"; {requirement.hint}" if requirement.hint else ""
        said = (f"{place}: " if place else "") + requirement.message + hint
        yield Finding(".".join(str(step) for step in requirement.path[:2] if isinstance(step, str)), "failure", said)
    yield from _notes("quotas", quota_notes(profile, facts))
    yield from _notes("podman", plan_podman(profile, facts).notes)
    yield from _notes("middleware", plan_middleware(profile, facts).notes)
    if not grant.unmet:
        plan = planned.container(facts, grant)
        yield from _notes("capabilities", privilege_notes(plan))
        yield from _user(planned, plan)
        yield from _trust(planned, facts, plan)


def _notes(check: str, notes: tuple[str, ...]) -> Iterator[Finding]:
    return (Finding(check, "warning", note) for note in notes)


def _user(planned: PlannedProject, plan: RunPlan) -> Iterator[Finding]:
    folder = planned.resolved.profile.workspace.source
    user = plan.user
    if not os.access(folder, os.W_OK):
        text = f"{folder} is not yours to write to, and so it is not inside"
        yield Finding("user", "warning", text, f"sudo chown -R $USER {shlex.quote(folder)}")
    else:
        yield Finding("user", "ok", f"{user.name} inside, UID {user.uid}, GID {user.gid}")


def _trust(planned: PlannedProject, facts: Facts, plan: RunPlan) -> Iterator[Finding]:
    from robenv.project.trust.judge import claims_of, not_approved

    for claim in not_approved(claims_of(planned, facts, plan)):
        text = f"{claim.name} asks for powers over this machine that are not allowed yet ({claim.why})"
        yield Finding("trust", "warning", text, "robenv trust")
