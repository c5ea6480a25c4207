"""From what a folder and this machine say to a proposal for its profile: what it stands on, and why."""

from __future__ import annotations

import json
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from robenv.catalog.jetpack import JETPACKS, JetPack, board_of, jetpack_of, l4t_of_image, nearest_jetpack, parse_l4t
from robenv.catalog.platforms import normalize
from robenv.catalog.ros import DISTROS, find_distro, image_of
from robenv.environment import detect
from robenv.environment.detect import Hint
from robenv.errors import Problem, UsageError
from robenv.host.reader import Host
from robenv.profile.badvalue import BadValue
from robenv.profile.nodes import Source
from robenv.profile.schema_names import IMAGE, PACKAGE
from robenv.profile.schema_types import Leaf
from robenv.profile.summary import Summary
from robenv.share.repos import parse_repos

DEFAULT = "ros/debian-bookworm"
_DEEP, _MANY, _LARGE = 5, 2000, 256 * 1024
_SKIPPED = frozenset(("build", "devel", "install", "log", "node_modules", "__pycache__"))
_OSRF = re.compile(r"osrf/ros:([a-z]+-desktop(?:-full)?)")
_REPOS = "workspace.repos"
_NOT_TAKEN = ("image", "distro", "ros", "profile")
_EMULATES = "linux/amd64"
"""Laptops and workstations stand in for the boards of robots; no board for those."""
_FOR_ARM = {"x86-base": "armv8-base", "x86-dev": "armv8-dev", "x86-cudev": "armv8-dev"}
"""DUA's targets for boards that are no Jetson, by those for PCs."""
_PI = "mixins/rpi"

Find = Callable[[str], "Summary | None"]
"""A built-in profile by its name; None where there is none."""


@dataclass(frozen=True)
class Machine:
    """``l4t``: a Jetson's release, as in 36.4.0; ``ros``: distributions installed in /opt/ros."""

    l4t: str = ""
    ros: tuple[str, ...] = ()
    gpu: str = ""
    """Which one it has, in words; "" for none."""
    platform: str = ""
    """``linux/arm64``; "" where nobody knows, and then everything fits."""
    model: str = ""
    """Of its board, by the device tree."""
    suite: str = ""
    """The codename of its distribution."""

    @property
    def is_pi(self) -> bool:
        return self.model.startswith("Raspberry Pi")


@dataclass(frozen=True)
class Proposal:
    """``profile`` or ``image``: what it stands on; ``added``: what the profile is extended by for this machine.
    ``taken``: what else of the hints becomes part of the file."""

    profile: str
    image: str
    why: str
    taken: tuple[Hint, ...] = ()
    notes: tuple[Hint, ...] = ()
    added: tuple[str, ...] = ()
    asked: tuple[Hint, ...] = ()
    """What the hints ask of the host: for the user to allow."""

    @property
    def extends(self) -> str:
        """What is written between the brackets; "" for an image."""
        return ", ".join((self.profile, *self.added)) if self.profile else ""


def read_machine(host: Host) -> Machine:
    from robenv.host.board import read_model
    from robenv.host.distribution import read_distribution
    from robenv.host.gpu import read_gpu

    found = read_gpu(host, ())
    tegra = found.tegra
    gpu = "a Jetson's" if tegra else "NVIDIA's" if found.nvidia_driver else "AMD's" if found.kfd else ""
    there = tuple(one.name for one in DISTROS if host.read(f"/opt/ros/{one.name}/setup.sh") is not None)
    try:
        platform = normalize(host.uname()[2])
    except UsageError:
        platform = ""
    suite = read_distribution(host).codename
    return Machine(tegra.l4t if tegra else "", there, gpu, platform, read_model(host), suite)


def read_folder(folder: Path) -> tuple[Hint, ...]:
    """What the folder's files say. Only looks; what cannot be read says nothing."""
    folder = folder.resolve()
    return tuple(dict.fromkeys(hint for path in _files(folder) for hint in _of_file(path, folder)))


def _files(folder: Path) -> Iterator[Path]:
    count = 0
    for top, folders, names in os.walk(folder):
        deep = len(Path(top).relative_to(folder).parts)
        kept = [name for name in sorted(folders) if name == ".devcontainer" or name[0] != "."]
        folders[:] = [name for name in kept if name not in _SKIPPED] if deep < _DEEP else []
        for name in (*sorted(names), *folders):
            count += 1
            if count > _MANY:
                return
            yield Path(top, name)


def _of_file(path: Path, folder: Path) -> Iterator[Hint]:
    source, name = path.relative_to(folder).as_posix(), path.name
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        return  # a cloned folder may have links to any file of this machine
    if path.is_dir():
        yield from detect.in_dua_folder(name, source)
    elif name == "package.xml":
        yield from detect.in_package_xml(_text(path, folder), source)
    elif name.endswith((".repos", ".rosinstall")):
        yield from detect.in_repos(_text(path, folder), source)
        yield from _brought(path, source, folder) if not source.startswith("src/") else ()
    elif name in ("devcontainer.json", ".devcontainer.json"):
        yield from detect.in_devcontainer(_text(path, folder), source)
    elif name == "Dockerfile" or name.startswith("Dockerfile.") or name.endswith(".Dockerfile"):
        yield from detect.in_dockerfile(_text(path, folder), source)
    elif source == "requirements.txt":
        yield from detect.in_requirements(_text(path, folder), source)
    elif name.endswith((".sh", ".bash")) or name == "Makefile":
        yield from detect.in_script(_text(path, folder), source)


def _brought(path: Path, source: str, folder: Path) -> Iterator[Hint]:
    """A file of repositories as one that `up` clones what is missing of, if it is in the form for that."""
    problems: list[Problem] = []
    if path.suffix == ".repos":
        parse_repos(Source(path, source, source, "project", path.parent, (), _text(path, folder)), problems)
        if problems:
            yield Hint("note", f"`up` cannot clone it: {problems[0].message}", source)
        else:
            yield Hint("workspace.repos", json.dumps([source]), f"{source}: `up` clones what is missing in src")
    else:
        yield Hint("note", "`vcs import src` takes it; as a .repos file, `up` does", source)


def _one_of_repos(hints: Sequence[Hint]) -> Iterator[Hint]:
    """Of several files of repositories nobody knows which are for whom: a choice for somebody."""
    several = len({hint.value for hint in hints if hint.kind == _REPOS}) > 1
    for hint in hints:
        if hint.kind == _REPOS and several:
            yield Hint("note", f"one of several, for workspace.repos: {hint.value}", hint.source.partition(":")[0])
        else:
            yield hint


def _text(path: Path, folder: Path) -> str:
    """Of a file of the folder, judged by what was opened: what a link has elsewhere would get into the profile."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(opened, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            is_file = stat.S_ISREG(os.fstat(opened).st_mode)
            inside = Path(f"/proc/self/fd/{opened}").readlink().is_relative_to(folder)
            return file.read(_LARGE) if is_file and inside else ""
    except OSError:
        return ""


def propose(hints: Sequence[Hint], machine: Machine, find: Find, jetpacks: tuple[JetPack, ...] = JETPACKS) -> Proposal:
    """``jetpacks``: the table as the user has it."""
    hints = tuple(_one_of_repos(hints))
    taken = tuple(hint for hint in hints if hint.kind not in (*_NOT_TAKEN, "note", "apt"))
    taken += tuple(hint for hint in hints if hint.kind == "apt" and _passes(PACKAGE, hint.value))
    asked = tuple(hint for hint in taken if detect.given_by(hint))
    taken = tuple(hint for hint in taken if not detect.given_by(hint))
    gpu = (Hint("gpu", "auto", f"this machine has a GPU, {machine.gpu}"),) if machine.gpu else ()
    notes = tuple(hint for hint in hints if hint.kind == "note")
    images = [hint for hint in hints if hint.kind == "image" and _passes(IMAGE, hint.value)]
    jetpack = nearest_jetpack(parse_l4t(machine.l4t), jetpacks) if machine.l4t else None
    for profile, why in _profiles(hints, images, machine, jetpack, find):
        found = find(profile)
        if found is None:
            continue
        if _runs(found, machine):
            added, more = _for_board(found, machine, jetpack)
            of_board = found.jetpack or any(name.startswith("jetson/") for name in added)
            parts = "; ".join(part for part in (why, more) if part)
            return Proposal(profile, "", parts, taken + (() if of_board else gpu), notes, added, asked)
        wanted = f"{profile} is for {_architectures(found.platforms)}"
        if machine.platform == _EMULATES:
            why = f"{why}; {wanted}, and is emulated on this machine"
            return Proposal(profile, "", why, taken, notes, asked=asked)
        mine = _architectures((machine.platform,))
        notes += (Hint("note", f"{wanted} alone, and this machine is {mine}", why),)
    if images:
        return Proposal("", images[0].value, images[0].source, taken + gpu, notes, asked=asked)
    why = "nothing here says what it is for" if not hints else "the rest of this folder does not say which"
    return Proposal(DEFAULT, "", why, taken + gpu, notes, asked=asked)


def _runs(found: Summary | None, machine: Machine) -> bool:
    """Whether it comes up on this machine without emulation."""
    return found is not None and (not machine.platform or found.runs_on(machine.platform))


def _architectures(platforms: Sequence[str]) -> str:
    return ", ".join(platform.partition("/")[2] for platform in platforms)


def _for_board(found: Summary, machine: Machine, jetpack: JetPack | None) -> tuple[tuple[str, ...], str]:
    """What of a Jetson or a Raspberry Pi a profile needs besides, and why."""
    if jetpack is not None and not found.jetpack:
        if found.ros and found.suite == jetpack.suite:
            return (_of_jetson(machine, jetpack),), _jetson_in_words(machine)
        return (), f"without CUDA: the JetPack of this machine is for {jetpack.suite}, and this is {found.system}"
    if machine.is_pi and found.group != "rpi" and not found.jetpack:
        return (_PI,), f"this machine is a {machine.model}"
    return (), ""


def _profiles(
    hints: Sequence[Hint], images: Sequence[Hint], machine: Machine, jetpack: JetPack | None, find: Find
) -> Iterator[tuple[str, str]]:
    """Profiles that would fit, the best first, each with the reason. Not all of them need exist."""

    def emulated(candidate: tuple[str, str]) -> bool:
        return not _runs(find(candidate[0]), machine)

    named = [(hint.value, hint.source) for hint in hints if hint.kind == "profile"]
    yield from sorted(named, key=emulated)
    yield from ((_FOR_ARM[name], f"{source}, {name}") for name, source in named if name in _FOR_ARM)
    yield from sorted(_by_image(images), key=emulated)
    if not images:
        yield from _by_distro(hints, machine, jetpack)
    if jetpack is not None:
        yield _of_jetson(machine, jetpack), _jetson_in_words(machine)
    elif machine.is_pi and not images:
        yield from ((f"rpi/{suite}", f"this machine is a {machine.model}") for suite in (machine.suite, "bookworm"))


def _by_image(images: Sequence[Hint]) -> Iterator[tuple[str, str]]:
    for hint in images:
        distro, variant = image_of(hint.value)
        l4t = l4t_of_image(hint.value)
        if found := _OSRF.fullmatch(hint.value):
            yield f"ros/{found[1]}", f"{hint.source}: {hint.value}"
        elif distro:
            yield f"ros/{distro}" + (f"-{variant}" if variant != "ros-base" else ""), f"{hint.source}: {hint.value}"
        elif l4t and (row := jetpack_of(l4t)):
            yield f"jetson/{row.name}", f"{hint.source}: {hint.value}"


def _of_jetson(machine: Machine, jetpack: JetPack) -> str:
    """The board's own profile where that is for the JetPack which the board has."""
    board = board_of(machine.model)
    return f"jetson/{board.name if board and board.jetpacks[0] == jetpack.name else jetpack.name}"


def _jetson_in_words(machine: Machine) -> str:
    return f"this machine is a Jetson with L4T {machine.l4t}"


def _by_distro(hints: Sequence[Hint], machine: Machine, jetpack: JetPack | None) -> Iterator[tuple[str, str]]:
    named = Counter(hint.value for hint in hints if hint.kind == "distro")
    for distro, _ in named.most_common():
        yield f"ros/{distro}", next(hint.source for hint in hints if (hint.kind, hint.value) == ("distro", distro))
    versions = {hint.value: hint.source for hint in hints if hint.kind == "ros"}
    for native in machine.ros:
        row = find_distro(native)
        if row and (not versions or str(row.version) in versions):
            yield f"ros/{native}", f"this machine has {row.title} in /opt/ros"
    for row in DISTROS:
        if jetpack is not None and row.suite == jetpack.suite and (source := versions.get(str(row.version))):
            why = f"{source} is of ROS {row.version}, and {row.title} is for the Ubuntu of this Jetson"
            yield f"ros/{row.name}", why
    if "2" in versions:
        for row in reversed(DISTROS):
            if row.version == 2 and row.lts:
                why = f"{versions['2']} is of ROS 2, and {row.title} is its latest release with long support"
                yield f"ros/{row.name}", why
    elif "1" in versions:
        yield DEFAULT, f"{versions['1']} is of ROS 1, which Debian still has"


def _passes(leaf: Leaf, text: str) -> bool:
    try:
        leaf.parse(text)
    except BadValue:
        return False
    return True
