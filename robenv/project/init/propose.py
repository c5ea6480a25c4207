"""From what a folder and this machine say to a proposal for its profile: what it stands on, and why."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from robenv.catalog.jetpack import JETPACKS, JetPack, board_of, nearest_jetpack, parse_l4t
from robenv.catalog.ros import DEFAULT_ROS_2, DISTROS, find_distro
from robenv.errors import UsageError
from robenv.profile.resolve.summary import Summary
from robenv.project.init.entries import refusal
from robenv.project.init.findings import BUILT_IN, NOTE, InitFinding, given_by, not_converted, note, once
from robenv.project.init.folder import ScannedFolder
from robenv.project.init.machine import DetectedMachine
from robenv.project.init.readers.scripts import dua_folder, dua_lines
from robenv.project.init.readers.sources import Candidate, candidates, unused
from robenv.project.init.readers.workspace import (
    brought,
    in_branch,
    in_package_xml,
    in_repos,
    in_requirements,
    one_of_repos,
)
from robenv.project.init.targets import ProjectBase, project_base

DEFAULT = f"ros/{DEFAULT_ROS_2}"
"""Where nothing says what a folder is for."""
ROS_1 = "ros/debian-bookworm"
NO_HINT = "found no hint of a ROS distribution here"
_ABOUT_TARGET = ("image", "distro", "ros", "profile")
_EMULATES = "linux/amd64"
"""Laptops and workstations stand in for the boards of robots; no board for those."""
_FOR_ARM = {"x86-base": "armv8-base", "x86-dev": "armv8-dev", "x86-cudev": "armv8-dev"}
"""DUA's targets for boards that are no Jetson, by those for PCs."""
_PI = "mixins/rpi"

Find = Callable[[str], "Summary | None"]
"""A built-in profile by its name; None where there is none."""


@dataclass(frozen=True)
class Proposal:
    """``profile``, ``image`` or both: what it stands on; ``added``: what the profile is extended by for this machine.
    ``taken``: what else of the findings becomes part of the file."""

    profile: str
    image: str
    why: str
    taken: tuple[InitFinding, ...] = ()
    notes: tuple[InitFinding, ...] = ()
    added: tuple[str, ...] = ()
    asked: tuple[InitFinding, ...] = ()
    """What the files ask of the host: for the user to allow."""
    built_in: tuple[InitFinding, ...] = ()
    """What robenv does by itself."""
    sources: tuple[str, ...] = ()
    """The files that describe the environment which was taken."""

    @property
    def extends(self) -> str:
        """What is written between the brackets; "" for an image."""
        return ", ".join((self.profile, *self.added)) if self.profile else ""

    @property
    def hinted(self) -> bool:
        return self.why != NO_HINT

    @property
    def stand(self) -> str:
        """In words: what it stands on."""
        if self.profile and self.image:
            return f"{self.extends} on the image {self.image}"
        return self.extends or f"the image {self.image}"


def propose(
    folder: ScannedFolder,
    machine: DetectedMachine,
    find: Find,
    jetpacks: tuple[JetPack, ...] = JETPACKS,
    source: str = "",
) -> Proposal:
    """``jetpacks``: the table as the user has it. ``source``: the file to take the environment from; "": the best.
    Raises UsageError where that file describes none."""
    has_sources = any(one.key == "ros" for one in _workspace(folder))
    everything = candidates(folder)
    ranked = sorted(everything, key=lambda one: not _runs(find(_stand(one, has_sources).profile), machine))
    chosen = _chosen(ranked, source)
    workspace = _workspace(folder, {finding.file for finding in chosen.findings} if chosen else ())
    hints = [*(chosen.findings if chosen else ()), *workspace]
    stands = [*_stands(hints, chosen, machine, find, has_sources, jetpacks)]
    base = _first(stands, machine, find, jetpacks)
    distro = next((distro.name for distro in DISTROS if base.profile.startswith(f"ros/{distro.name}")), "")
    findings = [*once(one_of_repos(hints, distro, _aside(everything, chosen))), *unused(everything, chosen)]
    return _filled(base, findings, machine, sorted(chosen.uses) if chosen else [])


def _aside(everything: Sequence[Candidate], chosen: Candidate | None) -> set[str]:
    """The folders that have other environments than the one that is taken."""
    used = {posixpath.dirname(file) for file in chosen.uses} if chosen else set()
    return {posixpath.dirname(one.file) for one in everything} - used - {""}


def _workspace(folder: ScannedFolder, read: Collection[str] = ()) -> Iterator[InitFinding]:
    """What the sources say, wherever the environment comes from. ``read``: files that its description has read."""
    for name in folder.folders:
        yield from dua_folder(name.rpartition("/")[2], name)
    for file in folder.files:
        if file.kind == "package.xml":
            yield from in_package_xml(file.text, file.source)
        elif file.kind == "repos":
            yield from in_repos(file.text, file.source)
            yield from brought(file.path, file.text, file.source)
        elif file.kind == "script":
            yield from dua_lines(file.text, file.source)
        elif file.source == "requirements.txt":
            yield from in_requirements(file.text, file.source)
        elif file.kind == "requirements" and file.source not in read:
            yield note("a list for pip, not used; to use it: pip: [{requirements: FILE}]", file.source)
    yield from in_branch(folder.branch)


def _chosen(ranked: Sequence[Candidate], source: str) -> Candidate | None:
    if source:
        wanted = source.removeprefix("./")
        found = next((one for one in ranked if one.file == wanted), None)
        if found is None:
            files = ", ".join(one.file for one in ranked[:6]) or "none here"
            raise UsageError(f"{source} describes no environment", hint=f"`--from` takes one of: {files}")
        return found
    offered = [one for one in ranked if not one.only_if_named]
    says = (one for one in offered if one.image or one.distro or one.weight)
    return next(says, None) or next((one for one in offered if one.findings), None)


def _stand(one: Candidate, has_sources: bool) -> ProjectBase:
    if one.image:
        return project_base(one.image, one.image_source, one.distro, has_sources)
    return ProjectBase(f"ros/{one.distro}" if one.distro else "", "", one.file)


def _stands(
    hints: Sequence[InitFinding],
    chosen: Candidate | None,
    machine: DetectedMachine,
    find: Find,
    has_sources: bool,
    jetpacks: tuple[JetPack, ...],
) -> Iterator[ProjectBase]:
    """What would fit, the best first, each with the reason. Not all of the profiles need exist."""
    named = [(hint.value, hint.source) for hint in hints if hint.key == "profile"]
    for profile, source in sorted(named, key=lambda one: not _runs(find(one[0]), machine)):
        yield ProjectBase(profile, "", source)
    yield from (ProjectBase(_FOR_ARM[name], "", f"{source}, {name}") for name, source in named if name in _FOR_ARM)
    jetpack = _jetpack(machine, jetpacks)
    if chosen and chosen.image:
        yield _stand(chosen, has_sources)
        if jetpack is not None:
            yield ProjectBase(_of_jetson(machine, jetpack), "", _jetson_in_words(machine))
        yield ProjectBase("", chosen.image, chosen.image_source)
    yield from _by_distro(hints, machine, jetpack)
    if jetpack is not None:
        yield ProjectBase(_of_jetson(machine, jetpack), "", _jetson_in_words(machine))
    elif machine.is_pi:
        for suite in (machine.suite, "bookworm"):
            yield ProjectBase(f"rpi/{suite}", "", f"this machine is a {machine.model}")
    yield ProjectBase(DEFAULT, "", NO_HINT)


def _first(
    stands: Sequence[ProjectBase], machine: DetectedMachine, find: Find, jetpacks: tuple[JetPack, ...]
) -> Proposal:
    """The first that exists and runs here; a board's on a PC is emulated, a PC's on a board is passed over."""
    jetpack = _jetpack(machine, jetpacks)
    notes: tuple[InitFinding, ...] = ()
    for stand in stands:
        notes += (note(stand.note, stand.why),) if stand.note else ()
        if not stand.profile:
            return Proposal("", stand.image, stand.why, notes=notes)
        found = find(stand.profile)
        if found is None:
            continue
        if _runs(found, machine):
            added, more = _for_board(found, machine, jetpack)
            parts = "; ".join(part for part in (stand.why, more) if part)
            return Proposal(stand.profile, stand.image, parts, notes=notes, added=added)
        wanted = f"{stand.profile} is for {_architectures(found.platforms)}"
        if machine.platform == _EMULATES:
            why = f"{stand.why}; {wanted}, and is emulated on this machine"
            return Proposal(stand.profile, stand.image, why, notes=notes)
        mine = _architectures((machine.platform,))
        notes += (note(f"{wanted} alone, and this machine is {mine}", stand.why),)
    return Proposal(DEFAULT, "", NO_HINT, notes=notes)


def _filled(
    base: Proposal, findings: Sequence[InitFinding], machine: DetectedMachine, sources: Sequence[str]
) -> Proposal:
    """The proposal with everything else that was found, checked against the schema."""
    keyed = [finding for finding in findings if finding.key not in (*_ABOUT_TARGET, NOTE, BUILT_IN)]
    refused = {one: words for one in keyed if (words := refusal(one))}
    sound = [one for one in keyed if one not in refused]
    notes = [finding for finding in findings if finding.key == NOTE]
    notes += [not_converted(f"{one.key}: {one.value}", one.source, words) for one, words in refused.items()]
    of_jetson = base.profile.startswith("jetson") or any(name.startswith("jetson/") for name in base.added)
    emulated = "is emulated on this machine" in base.why
    gpu = [InitFinding("gpu", "auto", f"this machine has a GPU, {machine.gpu}")] if machine.gpu else []
    taken = [one for one in sound if not given_by(one)] + (gpu if not of_jetson and not emulated else [])
    return replace(
        base,
        taken=tuple(taken),
        asked=tuple(one for one in sound if given_by(one)),
        notes=(*base.notes, *notes),
        built_in=tuple(finding for finding in findings if finding.key == BUILT_IN),
        sources=tuple(sources),
    )


def _runs(found: Summary | None, machine: DetectedMachine) -> bool:
    """Whether it comes up on this machine without emulation; what is no profile does."""
    return found is None or not machine.platform or found.runs_on(machine.platform)


def _architectures(platforms: Sequence[str]) -> str:
    return ", ".join(platform.partition("/")[2] for platform in platforms)


def _jetpack(machine: DetectedMachine, jetpacks: tuple[JetPack, ...]) -> JetPack | None:
    return nearest_jetpack(parse_l4t(machine.l4t), jetpacks) if machine.l4t else None


def _for_board(found: Summary, machine: DetectedMachine, jetpack: JetPack | None) -> tuple[tuple[str, ...], str]:
    """What of a Jetson or a Raspberry Pi a profile needs besides, and why."""
    if jetpack is not None and not found.jetpack:
        if found.ros and found.suite == jetpack.suite:
            return (_of_jetson(machine, jetpack),), _jetson_in_words(machine)
        return (), f"without CUDA: the JetPack of this machine is for {jetpack.suite}, and this is {found.system}"
    if machine.is_pi and found.group != "rpi" and not found.jetpack:
        return (_PI,), f"this machine is a {machine.model}"
    return (), ""


def _of_jetson(machine: DetectedMachine, jetpack: JetPack) -> str:
    """The board's own profile where that is for the JetPack which the board has."""
    board = board_of(machine.model)
    return f"jetson/{board.name if board and board.jetpacks[0] == jetpack.name else jetpack.name}"


def _jetson_in_words(machine: DetectedMachine) -> str:
    return f"this machine is a Jetson with L4T {machine.l4t}"


def _by_distro(
    hints: Sequence[InitFinding], machine: DetectedMachine, jetpack: JetPack | None
) -> Iterator[ProjectBase]:
    named = Counter(hint.value for hint in hints if hint.key == "distro")
    for distro, _ in named.most_common():
        if find_distro(distro):
            yield ProjectBase(f"ros/{distro}", "", next(hint.source for hint in hints if hint.value == distro))
    versions = {hint.value: hint.source for hint in hints if hint.key == "ros"}
    for native in machine.ros:
        row = find_distro(native)
        if row and (not versions or str(row.version) in versions):
            yield ProjectBase(f"ros/{native}", "", f"this machine has {row.title} in /opt/ros")
    for row in DISTROS:
        if jetpack is not None and row.suite == jetpack.suite and (source := versions.get(str(row.version))):
            why = f"{source} is of ROS {row.version}, and {row.title} is for the Ubuntu of this Jetson"
            yield ProjectBase(f"ros/{row.name}", "", why)
    if "2" in versions:
        default = find_distro(DEFAULT_ROS_2)
        title = default.title if default else ""
        for name in (
            DEFAULT_ROS_2,
            *(distro.name for distro in reversed(DISTROS) if distro.version == 2 and distro.lts),
        ):
            why = f"{versions['2']} is of ROS 2; no distribution is named, so {title}, a release with long support"
            yield ProjectBase(f"ros/{name}", "", why)
    elif "1" in versions:
        yield ProjectBase(ROS_1, "", f"{versions['1']}: this is a ROS 1 workspace; Debian 12 still packages ROS 1")
