"""From what a folder and this machine say to a proposal for its profile: what it stands on, and why."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from robenv.catalog.jetpack import jetpack_of, l4t_of_image, nearest_jetpack, parse_l4t
from robenv.catalog.ros import DISTROS, find_distro, image_of
from robenv.environment import detect
from robenv.environment.detect import Hint
from robenv.host.reader import Host
from robenv.profile.badvalue import BadValue
from robenv.profile.schema_names import IMAGE, PACKAGE
from robenv.profile.schema_types import Leaf

DEFAULT = "ros/debian-bookworm"
_DEEP, _MANY, _LARGE = 5, 2000, 256 * 1024
_SKIPPED = frozenset(("build", "devel", "install", "log", "node_modules", "__pycache__"))
_OSRF = re.compile(r"osrf/ros:([a-z]+-desktop(?:-full)?)")
_NOT_TAKEN = ("image", "distro", "ros", "profile")


@dataclass(frozen=True)
class Machine:
    """``l4t``: a Jetson's release, as in 36.4.0; ``ros``: distributions installed in /opt/ros."""

    l4t: str = ""
    ros: tuple[str, ...] = ()
    gpu: str = ""
    """Which one it has, in words; "" for none."""


@dataclass(frozen=True)
class Proposal:
    """``profile`` or ``image``: what it stands on. ``taken``: what else of the hints becomes part of the file."""

    profile: str
    image: str
    why: str
    taken: tuple[Hint, ...] = ()
    notes: tuple[Hint, ...] = ()


def read_machine(host: Host) -> Machine:
    from robenv.host.gpu import read_gpu

    found = read_gpu(host, ())
    tegra = found.tegra
    gpu = "a Jetson's" if tegra else "NVIDIA's" if found.nvidia_driver else "AMD's" if found.kfd else ""
    there = tuple(one.name for one in DISTROS if host.read(f"/opt/ros/{one.name}/setup.sh") is not None)
    return Machine(tegra.l4t if tegra else "", there, gpu)


def read_folder(folder: Path) -> tuple[Hint, ...]:
    """What the folder's files say. Only looks; what cannot be read says nothing."""
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
    if path.is_dir():
        yield from detect.in_dua_folder(name, source)
    elif name == "package.xml":
        yield from detect.in_package_xml(_text(path), source)
    elif name.endswith((".repos", ".rosinstall")):
        yield from detect.in_repos(_text(path), source)
    elif name in ("devcontainer.json", ".devcontainer.json"):
        yield from detect.in_devcontainer(_text(path), source)
    elif name == "Dockerfile" or name.startswith("Dockerfile.") or name.endswith(".Dockerfile"):
        yield from detect.in_dockerfile(_text(path), source)
    elif name.endswith((".sh", ".bash")) or name == "Makefile":
        yield from detect.in_script(_text(path), source)


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_LARGE) if path.is_file() else ""
    except OSError:
        return ""


def propose(hints: Sequence[Hint], machine: Machine, known: Collection[str]) -> Proposal:
    """``known``: the built-in profiles that there are."""
    taken = tuple(hint for hint in hints if hint.kind not in (*_NOT_TAKEN, "note", "apt"))
    taken += tuple(hint for hint in hints if hint.kind == "apt" and _passes(PACKAGE, hint.value))
    taken += (Hint("gpu", "auto", f"this machine has a GPU, {machine.gpu}"),) if machine.gpu else ()
    notes = tuple(hint for hint in hints if hint.kind == "note")
    images = [hint for hint in hints if hint.kind == "image" and _passes(IMAGE, hint.value)]
    for profile, why in _profiles(hints, images, machine):
        if profile in known:
            return Proposal(profile, "", why, taken, notes)
    if images:
        return Proposal("", images[0].value, images[0].source, taken, notes)
    why = "nothing here says what it is for" if not hints else "the rest of this folder does not say which"
    return Proposal(DEFAULT, "", why, taken, notes)


def _profiles(hints: Sequence[Hint], images: Sequence[Hint], machine: Machine) -> Iterator[tuple[str, str]]:
    """Profiles that would fit, the best first, each with the reason. Not all of them need exist."""
    yield from ((hint.value, hint.source) for hint in hints if hint.kind == "profile")
    for hint in images:
        distro, variant = image_of(hint.value)
        l4t = l4t_of_image(hint.value)
        if found := _OSRF.fullmatch(hint.value):
            yield f"ros/{found[1]}", f"{hint.source}: {hint.value}"
        elif distro:
            yield f"ros/{distro}" + (f"-{variant}" if variant != "ros-base" else ""), f"{hint.source}: {hint.value}"
        elif l4t and (row := jetpack_of(l4t)):
            yield f"jetson/{row.name}", f"{hint.source}: {hint.value}"
    if machine.l4t and (row := nearest_jetpack(parse_l4t(machine.l4t))):
        yield f"jetson/{row.name}", f"this machine is a Jetson with L4T {machine.l4t}"
    if not images:
        yield from _by_distro(hints, machine)


def _by_distro(hints: Sequence[Hint], machine: Machine) -> Iterator[tuple[str, str]]:
    named = Counter(hint.value for hint in hints if hint.kind == "distro")
    for distro, _ in named.most_common():
        yield f"ros/{distro}", next(hint.source for hint in hints if (hint.kind, hint.value) == ("distro", distro))
    versions = {hint.value: hint.source for hint in hints if hint.kind == "ros"}
    for native in machine.ros:
        row = find_distro(native)
        if row and (not versions or str(row.version) in versions):
            yield f"ros/{native}", f"this machine has {row.title} in /opt/ros"
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
