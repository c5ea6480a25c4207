"""Which powers over the host a project has that nobody has allowed it: the decisions. ``gate`` acts on them.

Exact by construction: the chain is merged and planned a second time as it would be without the files that are not the
user's own, and without whatever only they lead to (a file of the user's own, too, that nobody but they asked for). What
the plan then has more, or shuts off less, is their doing, whatever rule it came by. Provenance of single values could
not tell: a GPU comes with mounts, groups and a runtime, and a list's entry that two levels name has the place of only
one.
"""

from __future__ import annotations

import grp
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any

from robenv.errors import RobenvError
from robenv.host.facts import Facts
from robenv.paths import home_folder
from robenv.plan.container.plan_json import plan_json, plan_of_json
from robenv.plan.container.run import plan_digest, plan_run
from robenv.plan.host.host import plan_host
from robenv.plan.models import Device, Mount, RunPlan
from robenv.plan.trust import HostAccess, HostPlaces, details, host_access, weakened
from robenv.profile.chain.project import INVENTORY
from robenv.profile.chain.reader import ChainDocument
from robenv.profile.resolve.partial_chain import Links, links_of, part_of, reach
from robenv.profile.resolve.resolved import Inputs, Resolved
from robenv.project.planned import PlannedProject
from robenv.project.trust.approvals import approval_of
from robenv.project.trust.baseline import Baseline, FileStamp, TrustSnapshot, others, read_baseline
from robenv.project.trust.foreign_files import ForeignFile, find_foreign_files
from robenv.project.trust.image import host_paths, image_powers
from robenv.util.sanitize import safe


@dataclass(frozen=True)
class AccessClaim:
    """The powers that are there because of one source, with all that it extends."""

    source: str
    """What is approved: an address with what it names there, or a file's absolute path with whose it is."""
    name: str
    """As messages name it."""
    why: str
    """Why it is not the user's own."""
    powers: tuple[str, ...]
    content: str = ""
    """What stood there when it was judged: ``commit 1a2b…`` or ``sha256 1a2b…``."""
    details: tuple[str, ...] = ()
    """The very values behind lines that say the same of several."""

    @property
    def wanted(self) -> tuple[str, ...]:
        """All that an approval has to cover."""
        return (*self.powers, *self.details) if self.powers else ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class RunLocation:
    """Where a container is to run. ``robot``: it is another one than this, where no links can be followed."""

    facts: Facts
    robot: bool = False
    ends: Mapping[str, str] = field(default_factory=dict)
    """By path, where links led to when it was first looked at: what is judged is what is mounted, or nothing is."""

    def places(self, resolved: Resolved, plan: RunPlan) -> HostPlaces:
        uid, gid = self.facts.uid, self.facts.gid
        if self.robot:
            return HostPlaces(uid=uid, gid=gid, restarts=True)
        groups = {gid: _group(gid) for gid in (plan.user.gid, *plan.groups, *_numbers(plan.group_add))}
        home = os.path.realpath(home_folder()) if home_folder() else ""
        return HostPlaces(home, own_folders(resolved), uid, gid, tuple(groups.items()))

    def powers(self, resolved: Resolved, plan: RunPlan) -> tuple[HostAccess, ...]:
        """The plan's powers over it, every path by where its links lead."""
        if not self.robot:
            real = os.path.realpath(plan.directory)
            mounts, devices = map(self._real, plan.mounts), map(self._real_device, plan.devices)
            places = self.places(resolved, plan)
            plan = replace(plan, mounts=tuple(mounts), devices=tuple(devices))
            return host_access(plan, replace(places, own=(*places.own, real)))
        return host_access(plan, self.places(resolved, plan))

    def weakened(self, own: RunPlan, whole: RunPlan) -> tuple[HostAccess, ...]:
        """What of a plan another one takes away, every device by where its links lead."""
        seen = (own, whole) if self.robot else (self._by_nodes(own), self._by_nodes(whole))
        return weakened(*seen)

    def _by_nodes(self, plan: RunPlan) -> RunPlan:
        return replace(plan, devices=tuple(map(self._real_device, plan.devices)))

    def _real(self, mount: Mount) -> Mount:
        """A bind, or a volume whose option ``device`` is a path, at the end of its links."""
        options = tuple((key, self._end(str(value)) if key == "device" else value) for key, value in mount.options)
        source = self._end(mount.source) if mount.kind == "bind" else mount.source
        return replace(mount, source=source, options=options)

    def _real_device(self, device: Device) -> Device:
        return replace(device, host=self._end(device.host))

    def _end(self, path: str) -> str:
        return (self.ends.get(path) or os.path.realpath(path)) if path.startswith("/") else path


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except (KeyError, OverflowError):
        return ""


def _numbers(names: Iterable[str]) -> list[int]:
    return [int(name) for name in names if name.isascii() and name.isdigit()]


def own_folders(resolved: Resolved) -> tuple[str, ...]:
    """The folders of the chain's repositories, links followed: each may use its own."""
    return tuple(
        {
            os.path.realpath(document.source.root): None
            for document in resolved.documents
            if document.source.origin == "git"
        }
    )


def host_access_of(planned: PlannedProject, facts: Facts, plan: RunPlan) -> tuple[HostAccess, ...]:
    """Everything that the project's container has of this machine beyond an ordinary one, and its image takes in."""
    return (*RunLocation(facts).powers(planned.resolved, plan), *image_powers(planned, set(planned.resolved.documents)))


@dataclass(frozen=True)
class TrustVerdict:
    """What is to be allowed, and what the next check compares with."""

    claims: tuple[AccessClaim, ...]
    now: Baseline = field(default_factory=Baseline)
    """The files that decide, and what the user's own give, as they are now."""
    stamps: Mapping[str, FileStamp] = field(default_factory=dict)
    grown: bool = False
    """Whether one of the claims is about the user's own files."""
    foreign: bool = False
    """Whether any file of the chain is not the user's own."""


def judge_trust(planned: PlannedProject, machine: RunLocation | None, plan: RunPlan | None) -> TrustVerdict:
    """What the project's container, planned for a machine, takes of it that nobody has allowed yet; where both are
    None, what its image takes: steps run in containers without any power over the host, so that only the files of the
    host count that are taken into it, and what steps borrow."""
    chain = _Chain(planned, machine, find_foreign_files(planned.resolved))
    claims = chain.claims(plan) if chain.foreign_files else ()
    look = take_snapshot(planned.resolved.inputs, machine.ends if machine is not None else {})
    stamps = look.stamps(deciding_files(planned, plan))
    grown = _grown(planned, chain, stamps)
    now = _baseline(planned, plan, chain, stamps)
    return TrustVerdict((*claims, *grown), now, stamps, bool(grown), bool(chain.foreign_files))


def take_snapshot(inputs: Inputs, ends: Mapping[str, str] = MappingProxyType({})) -> TrustSnapshot:
    """At the files of a project, as it was read."""
    return TrustSnapshot(inputs.since, frozenset(map(str, inputs.files)), ends)


def claims_of(planned: PlannedProject, facts: Facts, plan: RunPlan) -> tuple[AccessClaim, ...]:
    """What the files that are not the user's own take of this machine, by the file or address that brings it in, and
    what the user's own have gained while a container could write them.

    ``plan`` is the whole chain's container.
    """
    return judge_trust(planned, RunLocation(facts), plan).claims


def image_claims_of(planned: PlannedProject) -> tuple[AccessClaim, ...]:
    """The same of an image that is only built."""
    return judge_trust(planned, None, None).claims


def deciding_files(planned: PlannedProject, plan: RunPlan | None = None) -> tuple[str, ...]:
    """All that says what a container of the project may do, or that it and its image get of this machine: the files of
    the chain, those looked for, the lock, .env, and what is mounted or copied, whose names may be links by now."""
    inputs, found = planned.resolved.inputs, planned.resolved.packages
    packages = frozenset((*found.seen, *found.absent))
    profile = planned.resolved.profile
    files = (str(path) for path in (*inputs.files, *inputs.absent) if path not in packages)
    binds = (one.source for one in (plan.mounts if plan is not None else ()) if one.kind == "bind")
    volumes = (volume.source for volume in profile.run.volumes if volume.type == "bind")
    rules = (*(one.file for one in profile.udev), *profile.workspace.repos, profile.mirrors.ca)
    secrets = (secret.file for secret in profile.secrets.values() if secret.file)
    own = (str(planned.files.root / INVENTORY), profile.workspace.source)
    paths = (*files, *binds, *volumes, *host_paths(planned), *rules, *secrets, *own)
    return tuple(dict.fromkeys(path for path in paths if path.startswith("/")))


def _baseline(
    planned: PlannedProject, plan: RunPlan | None, chain: _Chain, stamps: Mapping[str, FileStamp]
) -> Baseline:
    mounts = plan.mounts if plan is not None else ()
    areas = (os.path.realpath(mount.source) for mount in mounts if mount.kind == "bind" and not mount.read_only)
    files = {path: stamp.text for path, stamp in stamps.items()}
    text = plan_json(chain.own_plan) if chain.own_plan is not None else ""
    return Baseline(tuple(dict.fromkeys(areas)), files, chain.own_powers(), text, planned.resolved.inputs.since)


def _grown(planned: PlannedProject, chain: _Chain, stamps: Mapping[str, FileStamp]) -> tuple[AccessClaim, ...]:
    """What the user's own files give now, and did not before a container could write them."""
    root = str(planned.files.root)
    known = read_baseline(root)
    touched = {path for one in (known, *others(root)) if one is not None for path in one.changed(stamps)}
    if not touched:
        return ()
    known = known or Baseline()
    before = plan_of_json(known.plan)
    robot = chain.machine is not None and chain.machine.robot
    lost = weakened(before, chain.own_plan) if before is not None and chain.own_plan is not None and not robot else ()
    # A robot's user has other numbers, and its containers start again: that is the robot, and no file's doing.
    own = (power for power in chain.own_powers() if not (robot and power.startswith(_OF_ROBOTS)))
    gained = (*(one for one in own if one not in known.powers), *map(str, lost))
    if not gained:
        return ()
    changed = sorted(touched)
    names = ", ".join(safe(os.path.relpath(path, root)) for path in changed[:3])
    more = f" and {len(changed) - 3} more" * (len(changed) > 3)
    why = f"{names}{more} changed while a container could write there"
    # Allowed as they are now, and not for good: what was taken out once may not be put back unseen.
    state = hashlib.sha256(repr([(path, stamps[path].text) for path in changed]).encode()).hexdigest()[:16]
    return (AccessClaim(f"{root} (its own files, {state})", "the project's own files", why, gained),)


_OF_ROBOTS = ("works as the host's UID ", "the host's group ", "any folder of the host in the place of ")


class _Chain:
    """The chain of a project, and who in it leads to whom."""

    def __init__(
        self, planned: PlannedProject, machine: RunLocation | None, foreign_files: dict[ChainDocument, ForeignFile]
    ) -> None:
        self.planned, self.machine, self.foreign_files = planned, machine, foreign_files
        self.documents = planned.resolved.documents
        self.links: Links = links_of(self.documents)
        starts = [document for document in self.documents if not document.source.chain]
        self.own = reach(self.links, starts, lambda one: one not in foreign_files)
        named = [*starts, *(below for one in self.own for below in self.links[one])]
        self.entries = [document for document in self.documents if document in foreign_files and document in named]
        """Those that the user's own files name; all that they lead to is on their account."""
        self.own_plan, self.why_not = self._plan(self.own)

    def own_powers(self) -> tuple[str, ...]:
        """Of the container and the image that the user's own files alone would make."""
        found = self._powers(self.own_plan) if self.own_plan is not None else ()
        return tuple(dict.fromkeys(map(str, (*found, *image_powers(self.planned, self.own, own=True)))))

    def claims(self, plan: RunPlan | None) -> tuple[AccessClaim, ...]:
        ways = {entry: reach(self.links, [entry], lambda one: True) for entry in self.entries}
        asked = self._of_container(plan, ways) if plan is not None else {}
        where = "on the robot: " if self.machine is not None and self.machine.robot else ""
        found: list[AccessClaim] = []
        for entry, way in ways.items():
            of_container = [f"{where}{one}" for one in asked.get(entry, ())]
            of_image = map(str, image_powers(self.planned, way - self.own))
            wanted = tuple(dict.fromkeys((*of_container, *of_image)))
            stranger = self.foreign_files[entry]
            exact = details(self.own_plan, plan) if plan is not None and of_container else ()
            content = _content(entry, way)
            found.append(AccessClaim(stranger.identity, entry.source.display, stranger.why, wanted, content, exact))
        return tuple(found)

    def _of_container(
        self, plan: RunPlan, ways: dict[ChainDocument, set[ChainDocument]]
    ) -> dict[ChainDocument, list[HostAccess]]:
        own = self._powers(self.own_plan) if self.own_plan is not None else ()
        if self.own_plan is not None and self.own_plan.privileged:
            own += self._powers(replace(self.own_plan, privileged=False))  # less than that
        extra = [one for one in self._more(plan) if one not in own]
        if len(ways) == 1 or not extra:
            return dict.fromkeys(ways, extra)
        each = {entry: self._more(self._plan(self.own | way)[0]) for entry, way in ways.items()}
        nobodys = [one for one in extra if not any(one in found for found in each.values())]
        return {entry: [one for one in extra if one in found or one in nobodys] for entry, found in each.items()}

    def _more(self, plan: RunPlan | None) -> tuple[HostAccess, ...]:
        """The powers of a plan, and what it takes away of the user's own."""
        if plan is None:
            return ()
        if self.own_plan is not None and self.machine is not None:
            return (*self._powers(plan), *self.machine.weakened(self.own_plan, plan))
        text = (
            "what it takes away of your own settings cannot be told, since alone they make no container: "
            f"{self.why_not} (together: {plan_digest(plan)})"
        )
        return (*self._powers(plan), *([HostAccess("weaker", safe(text))] if self.own else ()))

    def _powers(self, plan: RunPlan) -> tuple[HostAccess, ...]:
        return self.machine.powers(self.planned.resolved, plan) if self.machine is not None else ()

    def _plan(self, documents: set[ChainDocument]) -> tuple[RunPlan | None, str]:
        """Of the container that these files alone would make; None where they make none, and why."""
        if self.machine is None or not documents:
            return None, "there are none"
        profile = part_of(self.planned.resolved, documents)
        if profile is None:
            return None, "they are incomplete"
        facts, planned = self.machine.facts, self.planned
        try:
            plan = plan_run(
                replace(planned.resolved, profile=profile),
                planned.image,
                facts,
                grant=plan_host(profile, facts),
                content_hash=planned.content_hash,
                platform=planned.build.platform,
            )
        except (RobenvError, LookupError) as error:
            return None, f"they name {error}" if isinstance(error, LookupError) else str(error)
        return plan, ""


def _content(entry: ChainDocument, way: set[ChainDocument]) -> str:
    """What an approval was given to: a commit, or the text of all files that count."""
    if entry.source.origin == "git":
        return f"commit {entry.source.root.name}"
    texts = sorted((one.source.display, one.source.text) for one in way)
    return f"sha256 {hashlib.sha256(repr(texts).encode('utf-8', 'surrogatepass')).hexdigest()}"


def not_approved(claims: Iterable[AccessClaim]) -> tuple[AccessClaim, ...]:
    """Those that ask for powers which the user has not allowed them yet."""
    return tuple(claim for claim in claims if claim.powers and approval_of(claim.source, claim.wanted) is None)


def claims_text(claims: Iterable[AccessClaim]) -> str:
    """For a person: who asks, and for what."""
    lines: list[str] = []
    for claim in claims:
        lines.append(safe(f"{claim.name} ({claim.why}) takes over the host:"))
        lines.extend(f"  {safe(power)}" for power in claim.powers)
    return "\n".join(lines)


Ask = Callable[[Sequence[AccessClaim]], bool]
"""Shows what is claimed, and asks whether that is allowed."""
