"""The one gate: what builds, runs, deploys, exports or saves takes an ``ApprovedProject``, which only this makes.

Facts of the machine are read here as well, for what is to be allowed depends on them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from robenv.engine.protocol import Engine
from robenv.errors import NotApproved
from robenv.export.portable import any_machine, known_devices
from robenv.host.facts import Facts
from robenv.host.host import Host
from robenv.host.project_folder import FolderIdentity
from robenv.plan.container.run import plan_run, relabelled
from robenv.plan.host.host import plan_host
from robenv.plan.host.requirements import Grant
from robenv.plan.models import RunPlan
from robenv.project.facts import facts_for
from robenv.project.lifecycle import containers_in
from robenv.project.planned import PlannedProject, plan_notes
from robenv.project.trust.approvals import Approval, approval_of, approve
from robenv.project.trust.baseline import close_baseline, open_baseline, read_baseline, write_baseline
from robenv.project.trust.judge import (
    AccessClaim,
    Ask,
    RunLocation,
    TrustVerdict,
    claims_of,
    claims_text,
    judge_trust,
    not_approved,
)
from robenv.util import log

Note = Callable[[str], None]
_KEY = object()


@dataclass(frozen=True)
class ApprovedProject:
    """A planned project whose powers the user allows. ``key``: proof that the gate made it."""

    planned: PlannedProject
    approvals: tuple[str, ...]
    """The files that allow it its powers."""
    key: object

    def __post_init__(self) -> None:
        if self.key is not _KEY:
            raise TypeError("only the trust check makes this")


@dataclass(frozen=True)
class ApprovedContainer(ApprovedProject):
    """With the container that may be started, and the facts that it was planned by."""

    facts: Facts
    grant: Grant
    plan: RunPlan
    endpoint: str
    """Of the engine."""
    leads: Mapping[str, str]
    """What of the host is mounted, and where links led to when it was judged."""

    @property
    def notes(self) -> tuple[str, ...]:
        return plan_notes(self.planned.resolved.profile, self.facts, self.grant, self.plan)

    @property
    def step_user(self) -> str:
        """As whom the image's steps with ``as: user`` ran; "" where there are none."""
        return self.planned.build.user if self.planned.build.create_user else ""

    def with_plan(self, plan: RunPlan) -> ApprovedContainer:
        """With what robenv itself has added to it since."""
        return replace(self, plan=plan)

    def check_links(self) -> None:
        """Call just before the engine mounts anything, once it has the container: from here on a container could write
        the project's files. Raises NotTrusted where a name leads elsewhere by now."""
        with suppress(OSError):  # said already when it was admitted
            open_baseline(str(self.planned.files.root), self.endpoint)
        for path, end in self.leads.items():
            if os.path.realpath(path) != end:
                now = f"{path} led to {end} when it was checked, and leads to {os.path.realpath(path)} now"
                raise NotApproved("what is to be mounted has been exchanged meanwhile", details=now, hint="look at it")


def approve_image(planned: PlannedProject, ask: Ask | None, note: Note) -> ApprovedProject:
    """For an image that is built, pushed or saved. Raises NotTrusted."""
    return ApprovedProject(planned, require_trust(judge_trust(planned, None, None).claims, ask, note), _KEY)


def approve_container(
    engine: Engine, planned: PlannedProject, ask: Ask | None, note: Note, host: Host | None = None
) -> ApprovedContainer:
    """For a container of this machine, which is planned by its facts, read by ``host``. What the project's files are is
    noted, for when it can write them. Raises NotTrusted, HostLacks."""
    facts = facts_for(engine, planned, host)
    grant = planned.grant(facts)
    plan = planned.container(facts, grant)
    leads = _leads(engine, plan)
    judged = judge_trust(planned, RunLocation(facts, ends=leads), plan)
    approvals = require_trust(judged.claims, ask, note)
    _begin(planned, judged, note)
    if judged.foreign:
        # The image is others' doing, and so is who is in which group there.
        plan = relabelled(replace(plan, only_these_groups=True))
    return ApprovedContainer(planned, approvals, _KEY, facts, grant, plan, engine.endpoint, leads)


def approve_export(planned: PlannedProject, ask: Ask | None, note: Note) -> ApprovedProject:
    """For what other tools run, on whatever machine, where nobody is asked any more. Raises NotTrusted."""
    facts = any_machine(planned.build.platform, known_devices(planned.resolved.profile))
    return ApprovedProject(planned, require_trust(claims_of(planned, facts, _plan(planned, facts)), ask, note), _KEY)


def approve_releases(
    wanted: Sequence[tuple[PlannedProject, Facts]], ask: Ask | None, note: Note
) -> list[ApprovedProject]:
    """For the releases of robots, each planned by the facts of its robot; all is asked at once. Raises NotTrusted."""
    claims = merge_claims(claim for planned, facts in wanted for claim in claims_on_robot(planned, facts))
    if not wanted:
        return []
    hint = "`robenv trust -r ROBOT` shows what a robot is asked for, and with --yes allows it"
    approvals = require_trust(claims, ask, note, hint)
    return [ApprovedProject(planned, approvals, _KEY) for planned, _ in wanted]


def claims_on_robot(planned: PlannedProject, facts: Facts) -> tuple[AccessClaim, ...]:
    """All that a release takes of a robot, allowed or not."""
    return judge_trust(planned, RunLocation(facts, robot=True), _plan(planned, facts)).claims


def robot_claims(planned: PlannedProject, facts: Facts) -> tuple[AccessClaim, ...]:
    """What a release takes of a robot that nobody has allowed yet."""
    return not_approved(claims_on_robot(planned, facts))


def _plan(planned: PlannedProject, facts: Facts) -> RunPlan:
    profile, platform = planned.resolved.profile, planned.build.platform
    grant = plan_host(profile, facts)
    return plan_run(
        planned.resolved, planned.image, facts, content_hash=planned.content_hash, grant=grant, platform=platform
    )


def merge_claims(claims: Iterable[AccessClaim]) -> list[AccessClaim]:
    """One claim for each source, with all that any of its claims has."""
    found: dict[str, AccessClaim] = {}
    for claim in claims:
        known = found.setdefault(claim.source, claim)
        powers, exact = (*known.powers, *claim.powers), (*known.details, *claim.details)
        found[claim.source] = replace(known, powers=tuple(dict.fromkeys(powers)), details=tuple(dict.fromkeys(exact)))
    return list(found.values())


def close_baseline_if_last(engine: Engine, place: FolderIdentity) -> None:
    """To be called once a container of the project has gone: where it was the last one, what is written from now on is
    no container's doing."""
    if not containers_in(engine, place):
        close_baseline(place.root, engine.endpoint)


def _begin(planned: PlannedProject, judged: TrustVerdict, note: Note) -> None:
    """A container is about to be started: what it can write counts as it is now. Where a file was changed meanwhile and
    nobody was asked, since it gave nothing more, it stays known for changed."""
    root, now = str(planned.files.root), judged.now
    known = read_baseline(root)
    if known is not None:
        kept = set() if judged.grown else set(known.changed(judged.stamps))
        files = {**known.files, **{path: text for path, text in now.files.items() if path not in kept}}
        areas = tuple(dict.fromkeys((*known.areas, *now.areas)))
        now = replace(now, areas=areas, files=files, since=known.since, until=known.until, engines=known.engines)
    if known is None or known.until:
        now = replace(now, until=time.time_ns())  # there is no container yet, and may never be one
    try:
        write_baseline(root, now)
    except OSError as error:
        # Where there is no place of the user's own to write, as in some CI jobs, nothing is refused for the lack of it.
        why = f"{error.strerror or error} ({error.filename})"
        note(f"what a container changes of the project's own files will not be noticed: {why}; XDG_STATE_HOME may help")


def _leads(engine: Engine, plan: RunPlan) -> dict[str, str]:
    """Of an engine elsewhere, paths are of another machine."""
    if not engine.endpoint.startswith("unix://"):
        return {}
    return {mount.source: os.path.realpath(mount.source) for mount in plan.mounts if mount.kind == "bind"}


_HINT = "`robenv trust` shows it and asks; `robenv trust --yes` allows it"


def require_trust(
    claims: Sequence[AccessClaim], ask: Ask | None, note: Note = lambda text: None, hint: str = _HINT
) -> tuple[str, ...]:
    """Makes sure that the user allows what is claimed: approved already, or when asked now. The approvals' files.

    ``ask`` is None where nobody can answer. Raises NotTrusted.
    """
    missing = not_approved(claims)
    if claims:
        log.decision(f"{len(claims)} files of others ask for access to the host; not approved yet: {len(missing)}")
    if missing and ask is None:
        raise NotApproved(
            "what is not known to be harmless needs approval, and there is no terminal to ask on",
            details=claims_text(missing),
            hint=hint,
        )
    if missing and ask is not None and not ask(missing):
        raise NotApproved("not allowed; nothing was built or started")
    for claim in missing:
        approve(claim.source, claim.wanted, claim.content)
    found = [(claim, approval_of(claim.source, claim.wanted)) for claim in claims if claim.powers]
    for claim, approval in found:
        if approval is not None and claim not in missing:
            _tell_of_change(claim, approval, note)
    return tuple(approval.path for _, approval in found if approval)


def _tell_of_change(claim: AccessClaim, approval: Approval, note: Note) -> None:
    """Note that the content differs from what was approved; the approval covers it, since it has no further powers."""
    if claim.content and approval.content != claim.content:
        if approval.content:
            was, now = _short(approval.content), _short(claim.content)
            note(f"{claim.name} has changed since you allowed it ({was} → {now}); it takes nothing more of the host")
        approve(approval.source, approval.powers, claim.content)


def _short(content: str) -> str:
    kind, _, digest = content.partition(" ")
    return f"{kind} {digest[:12]}"
