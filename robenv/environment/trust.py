"""Which files of a chain are not the user's own, and which powers over the host are there because of them.

Exact by construction: the chain is merged and planned a second time as it would be without those files and without
whatever only they lead to (a file of the user's own, too, that nobody but they asked for). What the plan has more is
their doing, whatever rule it came by. Provenance of single values could not tell: a GPU comes with mounts, groups and a
runtime, and a list's entry that two levels name has the place of only one.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from robenv.environment.approvals import approval_of, approve, own_uids
from robenv.environment.load import Loaded
from robenv.errors import NotTrusted, RobenvError
from robenv.host.facts import Facts
from robenv.plan.host import plan_host
from robenv.plan.powers import HostPlaces, Power, file_powers, lending_powers, powers
from robenv.plan.run import plan_run
from robenv.plan.values import Mount, RunPlan
from robenv.profile.chain import Document
from robenv.profile.files import MAX_BYTES, BadFile, decode
from robenv.profile.nodes import Mapping, Scalar, find
from robenv.profile.nodes import Sequence as Items
from robenv.profile.part import Links, links_of, part_of, reach
from robenv.profile.resolved import Level, Resolved


@dataclass(frozen=True)
class Claim:
    """The powers that are there because of one source, with all that it extends."""

    source: str
    """What is approved: an address with what it names there, or a file's absolute path with whose it is."""
    name: str
    """As messages name it."""
    why: str
    """Why it is not the user's own."""
    powers: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


Ask = Callable[[Sequence[Claim]], bool]
"""Shows what is claimed, and asks whether that is allowed."""


def places_of(resolved: Resolved) -> HostPlaces:
    """The user's home, and the folders of the chain's repositories, links followed."""
    roots = {os.path.realpath(one.source.root): None for one in resolved.documents if one.source.origin == "git"}
    return HostPlaces(os.path.realpath(Path("~").expanduser()), tuple(roots))


def powers_of(resolved: Resolved, plan: RunPlan) -> tuple[Power, ...]:
    """The plan's powers over this machine, every path by where its links lead."""
    at_home = replace(plan, directory=os.path.realpath(plan.directory), mounts=tuple(map(_real, plan.mounts)))
    return powers(at_home, places_of(resolved))


def _real(mount: Mount) -> Mount:
    """A bind, or a volume whose option ``device`` is a path, at the end of its links."""
    options = tuple((key, _end(str(value)) if key == "device" else value) for key, value in mount.options)
    return replace(mount, source=_end(mount.source) if mount.kind == "bind" else mount.source, options=options)


def _end(path: str) -> str:
    return os.path.realpath(path) if path.startswith("/") else path


def claims_of(loaded: Loaded, facts: Facts, plan: RunPlan) -> tuple[Claim, ...]:
    """What the files that are not the user's own take of the host, by the file or address that brings it in.

    ``plan`` is the whole chain's container. Empty where every file is the user's own.
    """
    strangers = find_strangers(loaded.resolved)
    return _Chain(loaded, strangers).claims((facts, plan)) if strangers else ()


def image_claims_of(loaded: Loaded) -> tuple[Claim, ...]:
    """The same of an image that is only built: its steps run in containers without any power over the host, so that
    only the files of the host count that are taken into it, and what steps borrow."""
    strangers = find_strangers(loaded.resolved)
    return _Chain(loaded, strangers).claims(None) if strangers else ()


class _Chain:
    """The chain of a project, and who in it leads to whom."""

    def __init__(self, loaded: Loaded, strangers: dict[Document, Stranger]) -> None:
        self.loaded, self.strangers = loaded, strangers
        self.documents = loaded.resolved.documents
        self.links: Links = links_of(self.documents)
        starts = [one for one in self.documents if not one.source.chain]
        self.own = reach(self.links, starts, lambda one: one not in strangers)
        named = [*starts, *(below for one in self.own for below in self.links[one])]
        self.entries = [one for one in self.documents if one in strangers and one in named]
        """Those that the user's own files name; all that they lead to is on their account."""

    def claims(self, container: tuple[Facts, RunPlan] | None) -> tuple[Claim, ...]:
        ways = {entry: reach(self.links, [entry], lambda one: True) for entry in self.entries}
        asked = self._of_container(*container, ways) if container else {}
        found: list[Claim] = []
        for entry, way in ways.items():
            also = (*self._copies(way - self.own), *self._borrowed())
            wanted = dict.fromkeys(str(one) for one in (*asked.get(entry, ()), *also))
            stranger = self.strangers[entry]
            found.append(Claim(stranger.identity, entry.source.display, stranger.why, tuple(wanted)))
        return tuple(found)

    def _of_container(
        self, facts: Facts, plan: RunPlan, ways: dict[Document, set[Document]]
    ) -> dict[Document, list[Power]]:
        own = self._powers(facts, self.own)
        extra = [one for one in powers_of(self.loaded.resolved, plan) if one not in own]
        if len(ways) == 1 or not extra:
            return dict.fromkeys(ways, extra)
        each = {entry: self._powers(facts, self.own | way) for entry, way in ways.items()}
        nobodys = [one for one in extra if not any(one in found for found in each.values())]
        return {entry: [one for one in extra if one in found or one in nobodys] for entry, found in each.items()}

    def _powers(self, facts: Facts, documents: set[Document]) -> tuple[Power, ...]:
        """Of the container that these files alone would make. None where they make none: then all are the others'."""
        profile = part_of(self.loaded.resolved, documents)
        if profile is None:
            return ()
        resolved = replace(self.loaded.resolved, profile=profile)
        try:
            plan = plan_run(
                resolved,
                self.loaded.image,
                facts,
                grant=plan_host(profile, facts),
                content_hash=self.loaded.content_hash,
                platform=self.loaded.build.platform,
            )
        except (RobenvError, LookupError):
            return ()  # A part that names a network, say, which only the others define.
        return powers_of(resolved, plan)

    def _copies(self, documents: set[Document]) -> tuple[Power, ...]:
        """Files of the host that these files of the chain take into the image, or into the container's environment."""
        resolved = self.loaded.resolved
        levels = zip(self.documents, resolved.levels, strict=True)
        paths = [path for one, level in levels if one in documents for path in (*_copied(level), *_env_files(one))]
        own = (str(self.loaded.files.root), *places_of(resolved).own)
        return file_powers(map(os.path.realpath, paths), map(os.path.realpath, own))

    def _borrowed(self) -> tuple[Power, ...]:
        """What steps borrow, whoever has written them: what other files have put into the image runs in them."""
        parts = (part for level in self.loaded.resolved.levels for part in level.parts)
        steps = [placed.value for part in parts for placed in part.steps]
        build = self.loaded.resolved.profile.run_image
        wanted = (*(step.secrets for step in steps), build.secrets)
        logins = (name for _, name in self.loaded.resolved.profile.logins())
        names = dict.fromkeys((*(one.source for each in wanted for one in each), *logins))
        return lending_powers(names, build.ssh or any(step.ssh for step in steps))


def _copied(level: Level) -> Iterator[str]:
    for part in level.parts:
        yield from (placed.value.source for placed in part.files if not placed.value.stage)
        yield from (placed.value.key for placed in part.repositories if placed.value.key.startswith("/"))
        for install in part.pip_installs:
            yield from filter(None, (install.value.requirements, install.value.constraints))


def _env_files(document: Document) -> Iterator[str]:
    files = find(document.root, ("run", "env_file"))
    for item in files.items if isinstance(files, Items) else ():
        path = item.get("path") if isinstance(item, Mapping) else None
        if isinstance(path, Scalar):
            yield path.text


@dataclass(frozen=True)
class Stranger:
    """Why a file of the chain is not the user's own, and what an approval of it is given to."""

    identity: str
    why: str


def find_strangers(resolved: Resolved) -> dict[Document, Stranger]:
    """The files of the chain that came from git, or that somebody else than the user and root could have written."""
    mine = own_uids()
    dotenv = _foreign_dotenv(resolved, mine)
    found: dict[Document, Stranger] = {}
    for document in resolved.documents:
        source = document.source
        if source.origin == "git":
            found[document] = Stranger(source.name, "it is from git")
        elif source.origin != "builtin":
            why = _foreign_file(document, mine) or dotenv
            if why:
                found[document] = Stranger(f"{os.path.realpath(source.path)} ({why})", why)
    return found


def _foreign_file(document: Document, mine: frozenset[int]) -> str:
    """Why a file is somebody else's; "" where what was read of it is the user's own.

    Read once more, so that the owner is that of the very text that was merged: by now the path could lead elsewhere.
    """
    path = document.source.path
    try:
        uids = [os.lstat(path).st_uid]
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            uids.append(os.fstat(handle).st_uid)
            text = decode(file.read(MAX_BYTES + 1))
    except (OSError, BadFile):
        return "it changed while it was read"
    if text != document.source.text:
        return "it changed while it was read"
    return next((_belongs("it", uid) for uid in uids if uid not in mine), "")


def _foreign_dotenv(resolved: Resolved, mine: frozenset[int]) -> str:
    """Its variables stand in the values of every file of the project: somebody else's makes all of them theirs."""
    path = resolved.files.env_file if resolved.files else None
    if path is None or path not in resolved.inputs.files:
        return ""
    uids = (os.lstat(path).st_uid, path.stat().st_uid)
    return next((_belongs(path.name, uid) for uid in uids if uid not in mine), "")


def _belongs(what: str, uid: int) -> str:
    try:
        return f"{what} belongs to {pwd.getpwuid(uid).pw_name}, UID {uid}"
    except KeyError:
        return f"{what} belongs to UID {uid}"


def not_approved(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Those that ask for powers which the user has not allowed them yet."""
    return tuple(one for one in claims if one.powers and approval_of(one.source, one.powers) is None)


def require_trust(claims: Sequence[Claim], ask: Ask | None) -> tuple[str, ...]:
    """Makes sure that the user allows what is claimed: approved already, or when asked now. The approvals' files.

    ``ask`` is None where nobody can answer. Raises NotTrusted.
    """
    missing = not_approved(claims)
    if missing and ask is None:
        raise NotTrusted(
            "a profile that is not yours asks for powers over this machine, and nobody is here to allow them",
            details=claims_text(missing),
            hint="`robenv trust` shows them and asks; `robenv trust --yes` allows them",
        )
    if missing and ask is not None and not ask(missing):
        raise NotTrusted("not allowed; nothing was built or started")
    for claim in missing:
        approve(claim.source, claim.powers)
    kept = (approval_of(one.source, one.powers) for one in claims if one.powers)
    return tuple(one.path for one in kept if one)


def claims_text(claims: Iterable[Claim]) -> str:
    """For a person: who asks, and for what."""
    lines: list[str] = []
    for claim in claims:
        lines.append(f"{claim.name} ({claim.why}) takes over the host:")
        lines.extend(f"  {power}" for power in claim.powers)
    return "\n".join(lines)
