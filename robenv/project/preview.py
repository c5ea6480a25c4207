"""What `up` would do, without doing it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from robenv.engine.protocol import Engine
from robenv.fast.launch import describe_terminal
from robenv.host.host import LocalHost
from robenv.host.probes.udev import rules_state
from robenv.plan.container.create_request import request_to_show
from robenv.plan.container.own_machine import redacted
from robenv.plan.host.udev import UdevFile, plan_udev
from robenv.plan.image.cross_compilers import with_tools_of
from robenv.plan.models import RunPlan
from robenv.plan.trust import HostAccess
from robenv.profile.resolve.env_files import hidden_variables
from robenv.project.containers.action import decide
from robenv.project.containers.state import changes_since, container_state, own_container, plan_of
from robenv.project.facts import facts_for
from robenv.project.image.image import present_image
from robenv.project.planned import PlannedProject, plan_notes
from robenv.project.trust.judge import AccessClaim, claims_of, host_access_of, not_approved


@dataclass(frozen=True)
class UpPreview:
    """The answer of `robenv plan`."""

    project: str
    platform: str
    image: str
    content_hash: str
    image_there: bool | None
    """None: no engine answers."""
    container: str
    container_state: str
    changes: tuple[str, ...]
    action: str
    notes: tuple[str, ...]
    """What of the host was asked for and is not there, and what will do nothing."""
    powers: tuple[HostAccess, ...]
    """What the container may do to the host that an ordinary one may not."""
    not_allowed: tuple[AccessClaim, ...]
    """Of these powers those that `up` will ask about, since they are not the user's own doing."""
    terminal: str
    """What each command gets of this machine's terminal: time zone and locale."""
    udev: tuple[str, ...]
    """The udev rules that the profile brings for the host: each file, and whether this machine has it."""
    create_request: dict[str, Any]
    build: dict[str, Any]
    run: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def preview_up(engine: Engine | None, planned: PlannedProject) -> UpPreview:
    """Compares the plan with what the engine has. Changes nothing."""
    facts = facts_for(engine, planned)
    grant = planned.grant(facts)
    plan = planned.container(facts, grant)
    there = None if engine is None else present_image(engine, planned) is not None
    state, changes, action = _container(engine, plan, bool(there))
    shown = redacted(plan, hidden_variables(planned.resolved))
    return UpPreview(
        project=planned.build.project,
        platform=planned.build.platform,
        image=planned.image,
        content_hash=planned.content_hash,
        image_there=there,
        container=plan.name,
        container_state=state,
        changes=changes,
        action=action,
        notes=plan_notes(planned.resolved.profile, facts, grant, plan),
        powers=host_access_of(planned, facts, plan),
        not_allowed=not_approved(claims_of(planned, facts, plan)),
        terminal=describe_terminal(dict(plan.environment)),
        udev=tuple(_udev(plan_udev(planned.resolved.profile))),
        create_request=request_to_show(shown),
        build=planned.build.to_json(),
        run=shown.to_json(),
    )


def _udev(files: Iterable[UdevFile]) -> Iterator[str]:
    host = LocalHost()
    for rules in files:
        state = rules_state(host, rules.source, rules.target)
        yield f"{rules.source} as {rules.target}: {state}"
        lines = (line.strip() for line in (host.read(rules.source) or "").split("\n"))
        yield from (f"  {line}" for line in lines if line and not line.startswith("#"))


def _container(engine: Engine | None, plan: RunPlan, image_there: bool) -> tuple[str, tuple[str, ...], str]:
    """(state, why it changes, what `up` does)"""
    build = "" if image_there else "build the image, "
    container = None if engine is None else own_container(engine, plan)
    if engine is None or container is None:
        return "not known" if engine is None else "none yet", (), build + decide(None).in_words
    changes = changes_since(container, with_tools_of(plan, plan_of(container)))
    decision = decide(container_state(engine, container, plan, changes))
    return container.status, decision.reasons, build + decision.in_words
