"""What an entry of ``extends`` means, and where that file is."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from robenv import resources
from robenv.catalog.jetpack import JETPACKS, JetPack, Version, dotted, jetpack_of, l4t_of_profile, nearest_jetpack
from robenv.profile.suggestions import nearest_builtin
from robenv.profile.yaml.files import kind_of
from robenv.profile.yaml.nodes import Origin, SourceFile
from robenv.profile.yaml.parse_error import BadValue
from robenv.util.sanitize import show

SUFFIX = ".yaml"
_BUILTIN = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*", re.ASCII)
_REMOTE = re.compile(r"git\+[a-z]+://|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:|[a-z+]+://", re.ASCII)


@dataclass(frozen=True)
class ProfileSource:
    """Where a profile is. ``root``: the folder that its relative paths may not leave if it is not the user's own."""

    path: Path
    origin: Origin
    name: str
    root: Path
    display: str = ""
    """How messages name the file; "" by its path."""


SourceResolver = Callable[[str, SourceFile], ProfileSource]
"""Finds the profile that a git address names, asked for by a file of the chain. Raises BadValue."""


def refuse_remote(reference: str, source: SourceFile) -> ProfileSource:
    """The SourceResolver of a robenv that takes no profiles from git."""
    raise BadValue(
        f"robenv 0.1 does not have profiles from git yet: {show(reference)}",
        "clone it beside this file and extend it as ./FOLDER/FILE.yaml",
    )


def find_source(
    reference: str,
    source: SourceFile,
    remote: SourceResolver = refuse_remote,
    jetpacks: tuple[JetPack, ...] = JETPACKS,
) -> ProfileSource:
    """The file that ``reference``, an entry of ``extends`` in ``source``, names. Raises BadValue."""
    if _REMOTE.match(reference):
        return remote(reference, source)
    if reference.startswith(("./", "../", "/")) or reference in (".", ".."):
        return _file(reference, source)
    return find_builtin(reference, source, jetpacks)


def find_builtin(
    name: str, source: SourceFile | None = None, jetpacks: tuple[JetPack, ...] = JETPACKS
) -> ProfileSource:
    """A built-in profile; ``jetson/r36.4.3`` is the one that serves this release of L4T. Raises BadValue, with the
    nearest name, where there is none."""
    l4t = l4t_of_profile(name)
    if l4t is not None:
        name = _serving(l4t, jetpacks)
    folder = resources.profiles_folder()
    path = folder / (name + SUFFIX)
    if _BUILTIN.fullmatch(name) and len(name) < 200 and kind_of(path) == "file":
        return ProfileSource(path, "builtin", name, folder)
    hint = ""
    if name.startswith("~"):
        hint = "write the path out: a file begins with ./, ../ or /"
    elif name.endswith((SUFFIX, ".yml")) or (source and kind_of(source.path.parent / name) != "absent"):
        hint = f"a file beside this one is written {show('./' + name)}"
    hint = hint or nearest_builtin(name, builtin_names(), jetpacks)
    raise BadValue(f"there is no built-in profile {show(name)}", hint)


def _serving(l4t: Version, jetpacks: tuple[JetPack, ...]) -> str:
    """The profile for a release of L4T. Raises BadValue where no base image is for it."""
    row = jetpack_of(l4t, jetpacks)
    if row is not None and row.base:
        if (name := f"jetson/{row.name}") in builtin_names():
            return name
        hint = f"`base: {{image: {row.base}}}` stands on its image, and mixins/jetson brings what a Jetson gives"
        raise BadValue(f"robenv has no profile for L4T {dotted(l4t)}, which is {row.name} of your own table", hint)
    nearest = nearest_jetpack(l4t, jetpacks)
    near = f"the nearest is jetson/{nearest.name}, for L4T {nearest.range}; " if nearest is not None else ""
    hint = f"{near}with an image of your own: `base: {{image: …}}`; where robenv's table is wrong: docs/catalogue.md"
    raise BadValue(f"no base image is known for L4T {dotted(l4t)}", hint)


def builtin_names() -> list[str]:
    """The names of all built-in profiles, sorted."""
    return [name for name, _ in builtin_files()]


def builtin_files() -> Iterator[tuple[str, Path]]:
    folder = resources.profiles_folder()
    for path in sorted(folder.rglob("*" + SUFFIX)):
        yield path.relative_to(folder).as_posix().removesuffix(SUFFIX), path


def _file(reference: str, source: SourceFile) -> ProfileSource:
    if "\0" in reference:
        raise BadValue("a path cannot hold a NUL character")
    path = Path(os.path.normpath(source.path.parent / reference))
    if not source.foreign:
        return ProfileSource(path, source.origin, "", source.root)
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(source.root)):
        raise BadValue(f"{show(reference)} lies outside the folder of the profile {show(source.name)}")
    name = path.relative_to(source.root).as_posix().removesuffix(SUFFIX)
    display = f"{source.display.rpartition('#')[0]}#{name}{SUFFIX}" if source.origin == "git" else ""
    return ProfileSource(path, source.origin, display.removesuffix(SUFFIX) or name, source.root, display)


def display_path(path: Path, root: Path | None) -> str:
    """How messages name a file: relative to the project where that is short, else absolute."""
    if root is None:
        return str(path)
    relative = os.path.relpath(path, root)
    return relative if not relative.startswith("../../../") else str(path)
