"""The packages of a workspace, found as colcon and catkin find them in the container."""

from __future__ import annotations

import os
import posixpath
from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from robenv.errors import Location, Problem
from robenv.profile.workspace.conditions import holds
from robenv.profile.workspace.package_xml import MANIFEST, NotRos, Package, read_manifest
from robenv.util.sanitize import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from robenv.profile.workspace.container_paths import BoundFolders

_IGNORE = ("CATKIN_IGNORE", "COLCON_IGNORE", "AMENT_IGNORE")
_SOURCES = "src"
_MADE = ("build", "install", "devel", "log")
"""Where builds leave theirs, at the top of a workspace."""
_MOST = 100_000
_MOST_BESIDE = 1_000
"""Folders that are searched: in ``src``, or of a workspace without it; and beside ``src``. Each of them is looked at
again by every command, to notice a new package."""
_NAMED = 5
"""Of things of one kind, how many a note names."""


@dataclass(frozen=True)
class Packages:
    """What is in a workspace. ``notes``: what was passed over. ``seen`` and ``absent``: the files and folders that this
    came from, and those that would have changed it."""

    found: tuple[Package, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()
    seen: tuple[Path, ...] = ()
    absent: tuple[Path, ...] = ()

    def keys(
        self, types: Iterable[str], skip: Iterable[str], variables: Mapping[str, str]
    ) -> tuple[tuple[str, Location], ...]:
        """The sorted rosdep keys of all packages, without those of the workspace itself, each with its first place."""
        wanted, own = frozenset(types), {one.name for one in self.found} | set(skip)
        places: dict[str, Location] = {}
        for package in self.found:
            for dependency in package.dependencies:
                if (
                    dependency.key not in own
                    and wanted.intersection(dependency.types)
                    and holds(dependency.condition, variables)
                ):
                    places.setdefault(dependency.key, dependency.location)
        return tuple(sorted(places.items()))


NONE = Packages()


class _WorkspaceFolder(NamedTuple):
    """``name``: below the workspace, as it is shown; ``path``: on this machine; ``inside``: in the container, its real
    one but for a link, which is not followed yet."""

    name: str
    path: str
    inside: str
    is_link: bool = False


def read_packages(root: Path, inside: BoundFolders, target: str) -> Packages:
    """The packages below ``root``, which the container has at ``target``: none inside of another, none in ignored
    folders, each folder once, whatever links lead to it."""
    return _WorkspaceWalk(root, inside, target).packages()


def read_links(root: Path, inside: BoundFolders, target: str) -> Packages:
    """Only the notes on links at the top of a workspace, and in its ``src``, that lead nowhere in the container."""
    return _WorkspaceWalk(root, inside, target).links()


class _WorkspaceWalk:
    def __init__(self, root: Path, inside: BoundFolders, target: str) -> None:
        self._inside = inside
        self._root = _WorkspaceFolder("", str(root), target)
        self._been: set[tuple[int, int]] = set()
        self._found: list[Package] = []
        self._problems: list[Problem] = []
        self._strangers: list[Problem] = []
        self._dangling: list[Problem] = []
        self._unreadable: list[Problem] = []
        self._beyond: list[Problem] = []
        self._seen: list[str] = []
        self._absent: list[str] = []

    def packages(self) -> Packages:
        top = self._enter(self._root)
        sources = [one for one in top if one.name == _SOURCES]
        beside = [one for one in top if one.name not in (_SOURCES, *_MADE)]
        self._search(sources, _MOST)
        self._search(beside, _MOST_BESIDE if sources else _MOST)
        self._found.sort(key=lambda one: one.file)
        self._problems += _twins(self._found)
        return Packages(
            tuple(self._found),
            tuple(self._problems),
            self._notes(),
            tuple(map(Path, dict.fromkeys(self._seen))),
            tuple(map(Path, dict.fromkeys(self._absent))),
        )

    def links(self) -> Packages:
        for place in self._folders(self._root, self._listing(self._root)):
            there = self._follow(place) if place.is_link else place
            if there is not None and there.name == _SOURCES:
                for folder in self._folders(there, self._listing(there)):
                    if folder.is_link:
                        self._follow(folder)
        return Packages(notes=self._notes())

    def _notes(self) -> tuple[Problem, ...]:
        kinds = {
            "package.xml that are none of ROS": self._strangers,
            "links that lead nowhere in the container": self._dangling,
            "folders that cannot be read": self._unreadable,
        }
        return (*(one for what, found in kinds.items() for one in _first(found, what)), *self._beyond)

    def _search(self, places: list[_WorkspaceFolder], most: int) -> None:
        """Level by level, so that a limit leaves out what lies deepest."""
        waiting, left = deque(places), most
        folders = sum(not place.is_link for place in places)
        while waiting:
            place: _WorkspaceFolder | None = waiting.popleft()
            if place is not None and place.is_link:
                place = self._follow(place)
            elif place is not None:
                folders -= 1
            if place is None:
                continue
            if left == 0:
                self._tell_of_limit(most, [place, *waiting])
                return
            left -= 1
            # Where those that wait already are more than will be searched, nothing need be put behind them.
            found = self._enter(place, deeper=folders <= left)
            waiting += found
            folders += sum(not one.is_link for one in found)

    def _enter(self, place: _WorkspaceFolder, deeper: bool = True) -> list[_WorkspaceFolder]:
        """Looks into a folder; those in it where it is no package. ``deeper``: whether these are wanted."""
        listed = self._listing(place)
        names = {one.name for one in listed}
        if marks := names.intersection(_IGNORE):
            self._seen += [os.path.join(place.path, mark) for mark in sorted(marks)]
            return []
        if MANIFEST in names and self._is_package(place):
            return []
        return self._folders(place, listed) if deeper else []

    def _listing(self, place: _WorkspaceFolder) -> list[os.DirEntry[str]]:
        """What is in a folder; nothing where it was looked into already, by another link."""
        try:
            status = os.stat(place.path)
            identity = (status.st_dev, status.st_ino)
            if identity in self._been:
                return []
            self._been.add(identity)
            self._seen.append(place.path)
            with os.scandir(place.path) as entries:
                return list(entries)
        except FileNotFoundError:
            return []  # removed meanwhile
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            self._unreadable.append(Problem(f"{safe(place.name) or 'the workspace'} is passed over: {why}"))
            return []

    def _folders(self, place: _WorkspaceFolder, listed: list[os.DirEntry[str]]) -> list[_WorkspaceFolder]:
        """The folders in one, and the links, which may lead to some."""
        found = []
        for one in listed:
            if one.name.startswith(".") or not (one.is_symlink() or one.is_dir(follow_symlinks=False)):
                continue
            name, inside = posixpath.join(place.name, one.name), posixpath.join(place.inside, one.name)
            found.append(_WorkspaceFolder(name, os.path.join(place.path, one.name), inside, one.is_symlink()))
        return sorted(found)

    def _is_package(self, place: _WorkspaceFolder) -> bool:
        path, name = os.path.join(place.path, MANIFEST), posixpath.join(place.name, MANIFEST)
        if os.path.islink(path) and not self._inside.host(self._inside.real(posixpath.join(place.inside, MANIFEST))):
            self._tell_of_link(name, path)
            return False
        self._seen.append(path)
        try:
            package = read_manifest(Path(path), name, self._problems)
        except NotRos as stranger:
            self._strangers.append(stranger.problem)
            return False
        self._found += [package] if package else []
        return True

    def _follow(self, link: _WorkspaceFolder) -> _WorkspaceFolder | None:
        """The folder that a link leads to in the container; None where it is none."""
        real = self._inside.real(link.inside)
        host = self._inside.host(real) if real else ""
        if not host:
            if os.path.isdir(link.path):
                self._tell_of_link(link.name, link.path)
            return None
        if not os.path.isdir(host):
            self._absent += [] if os.path.lexists(host) else [host]
            return None
        try:
            same = os.path.realpath(link.path) == os.path.realpath(host)
        except OSError:
            return None  # removed meanwhile
        return _WorkspaceFolder(link.name, link.path if same else host, real)

    def _tell_of_link(self, name: str, path: str) -> None:
        try:
            real, text = os.path.realpath(path), os.readlink(path)
        except OSError:
            return  # another thing by now: of a link that goes away, realpath raises too
        message = f"{safe(name)} links to {safe(text)}, which the container does not have"
        if Path(real).is_relative_to(os.path.realpath(self._root.path)):
            hint = "make the link relative: `ln -sfnr TARGET LINK`"
        else:
            hint = f"mount it at the same path: `run: {{volumes: ['{safe(real)}:{safe(real)}']}}`"
        self._dangling.append(Problem(message, hint=hint))

    def _tell_of_limit(self, most: int, left: list[_WorkspaceFolder]) -> None:
        where = " beside src" if most == _MOST_BESIDE else ""
        ((top, _),) = Counter(one.name.partition("/")[0] for one in left).most_common(1)
        message = (
            f"packages are searched for in the first {most:,} folders{where} only: from {safe(left[0].name)} on, "
            "nothing was searched"
        )
        hint = f"an empty file COLCON_IGNORE in a folder without packages, such as {safe(top)}, leaves it out"
        self._beyond.append(Problem(message, hint=hint))


def _first(found: list[Problem], what: str) -> list[Problem]:
    more = len(found) - _NAMED
    return [*found[:_NAMED], *([Problem(f"and {more} more {what}")] if more > 0 else [])]


def _twins(found: list[Package]) -> list[Problem]:
    first: dict[str, Package] = {}
    problems = []
    for package in found:
        other = first.setdefault(package.name, package)
        if other is not package:
            message = f"the package {package.name} is in {other.file} too"
            hint = "rename one, or put an empty file COLCON_IGNORE beside it"
            problems.append(Problem(message, Location(package.file, 1, 1), hint))
    return problems
