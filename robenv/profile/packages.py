"""The packages of a workspace by their package.xml (formats 1 to 3): what each depends on, and where that stands."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from robenv.errors import Location, Problem
from robenv.profile.excerpt import render_excerpt, safe
from robenv.profile.files import LINE_BREAK, BadFile, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MANIFEST = "package.xml"
TYPES = ("build", "build_export", "buildtool", "buildtool_export", "exec", "test", "doc")
"""Kinds of dependencies; `depend` is build, build_export and exec, format 1's `run_depend` build_export and exec."""
_IGNORE = ("CATKIN_IGNORE", "COLCON_IGNORE", "AMENT_IGNORE")
_MADE = ("build", "install", "devel", "log")
"""Where builds leave theirs, at the top of a workspace."""
_TAGS: dict[str, tuple[str, ...]] = {
    "depend": ("build", "build_export", "exec"),
    "run_depend": ("build_export", "exec"),
    **{f"{name}_depend": (name,) for name in TYPES},
}
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_MAX_PACKAGES = 5_000


@dataclass(frozen=True)
class Dependency:
    key: str
    types: tuple[str, ...]
    condition: str
    location: Location


@dataclass(frozen=True)
class Package:
    name: str
    file: str
    dependencies: tuple[Dependency, ...]


@dataclass(frozen=True)
class Packages:
    """What is in a workspace. ``seen`` and ``absent``: the files and folders that this came from, and those that would
    have changed it."""

    found: tuple[Package, ...]
    problems: tuple[Problem, ...]
    seen: tuple[Path, ...]
    absent: tuple[Path, ...]

    def keys(
        self, types: Iterable[str], skip: Iterable[str], variables: Mapping[str, str]
    ) -> tuple[tuple[str, Location], ...]:
        """The sorted rosdep keys of all packages, without those of the workspace itself, each with its first place."""
        wanted, own = frozenset(types), {one.name for one in self.found} | set(skip)
        places: dict[str, Location] = {}
        for package in self.found:
            for one in package.dependencies:
                if one.key not in own and wanted.intersection(one.types) and holds(one.condition, variables):
                    places.setdefault(one.key, one.location)
        return tuple(sorted(places.items()))


NONE = Packages((), (), (), ())


def read_packages(root: Path) -> Packages:
    """The packages below ``root``, as colcon and catkin find them: none inside of another, none in ignored folders."""
    found: list[Package] = []
    problems: list[Problem] = []
    seen: list[Path] = []
    absent: list[Path] = []
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        folder = root / inside
        names, folders = _listing(folder)
        seen.append(folder)
        if marks := names.intersection(_IGNORE):
            seen += [folder / mark for mark in sorted(marks)]
            continue
        if MANIFEST in names:
            path = folder / MANIFEST
            seen.append(path)
            package = read_manifest(path, posixpath.join(inside, MANIFEST), problems)
            found += [package] if package else []
            continue
        below = (name for name in folders if not name.startswith(".") and (inside or name not in _MADE))
        waiting += sorted((posixpath.join(inside, name) for name in below), reverse=True)
        if len(seen) > 20 * _MAX_PACKAGES:
            break
    found.sort(key=lambda one: one.file)
    problems += _twins(found)
    return Packages(tuple(found), tuple(problems), tuple(seen), tuple(absent))


def _listing(folder: Path) -> tuple[set[str], list[str]]:
    """Names in a folder, and those of its folders, links not followed: they may lead in a circle."""
    try:
        with os.scandir(folder) as entries:
            listed = list(entries)
    except OSError:
        return set(), []
    return {one.name for one in listed}, [one.name for one in listed if one.is_dir(follow_symlinks=False)]


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


def read_manifest(path: Path, display: str, problems: list[Problem]) -> Package | None:
    """A package.xml; None where it is none, and ``problems`` says why."""
    try:
        text = read_text(path)
    except BadFile as bad:
        problems.append(Problem(bad.message, Location(safe(display), 1, 1), bad.hint))
        return None
    reader = _Reader(safe(display), text)
    reader.read()
    problems += reader.problems
    if reader.problems:
        return None
    return Package(reader.name, safe(display), tuple(reader.dependencies))


class _Reader:
    """Expat's events, each with its line and column."""

    def __init__(self, display: str, text: str) -> None:
        from xml.parsers import expat

        self.display = display
        self.text = text
        self.lines = tuple(LINE_BREAK.split(text))
        self.name = ""
        self.dependencies: list[Dependency] = []
        self.problems: list[Problem] = []
        self._path: list[str] = []
        self._words = ""
        self._attributes: dict[str, str] = {}
        self._at = (1, 1)
        self._format = 1
        self._error = expat.ExpatError
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._data
        self._parser.EntityDeclHandler = self._entity

    def read(self) -> None:
        try:
            self._parser.Parse(self.text.encode(), True)
        except self._error as error:
            line, column = error.lineno, error.offset + 1
            what = str(error).partition(":")[0]
            self.problems.append(Problem(f"this is no XML: {what}", self._place(line, column)))
            return
        if not self.name and not self.problems:
            self._refuse((1, 1), "this package has no <name>")

    def _place(self, line: int, column: int) -> Location:
        return Location(self.display, line, column, (), render_excerpt(self.lines, line, column))

    def _refuse(self, at: tuple[int, int], message: str, hint: str = "") -> None:
        self.problems.append(Problem(message, self._place(*at), hint))

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._path.append(tag)
        self._words, self._attributes = "", attributes
        self._at = (self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)
        if self._path == ["package"]:
            self._set_format(attributes.get("format", "1"))

    def _set_format(self, text: str) -> None:
        if text not in ("1", "2", "3"):
            self._refuse(self._at, f"package.xml has the formats 1, 2 and 3, not {text!r}")
        else:
            self._format = int(text)

    def _data(self, words: str) -> None:
        self._words += words

    def _entity(self, *about: object) -> None:
        self._refuse((self._parser.CurrentLineNumber, 1), "entities of its own are nothing for a package.xml")

    def _end(self, tag: str) -> None:
        path, words = tuple(self._path), self._words.strip()
        self._path.pop()
        self._words = ""
        if path == ("package", "name"):
            self.name = words
        elif len(path) == 2 and path[0] == "package" and tag in _TAGS:
            self._depend(tag, words)

    def _depend(self, tag: str, key: str) -> None:
        if not _KEY.fullmatch(key):
            self._refuse(self._at, f"{key!r} is no rosdep key", "letters, digits, `-`, `_`, `.` and `+`")
            return
        condition = self._attributes.get("condition", "") if self._format >= 3 else ""
        try:
            holds(condition, {})
        except ValueError:
            self._refuse(self._at, f"the condition {condition!r} cannot be read", "such as `$ROS_VERSION == 2`")
            return
        self.dependencies.append(Dependency(key, _TAGS[tag], condition, self._place(*self._at)))


_TOKEN = re.compile(
    r"\s*(?:(?P<sign>\(|\)|==|!=|<=|>=|<|>|and\b|or\b)|\$(?P<name>\w+)|(?P<word>[\w.+-]+|\"[^\"]*\"|'[^']*'))"
)


def holds(condition: str, variables: Mapping[str, str]) -> bool:
    """A condition of REP 149, such as ``$ROS_VERSION == 2``; what is not set is empty text. Raises ValueError."""
    return not condition.strip() or _Condition(condition, variables).result()


class _Condition:
    def __init__(self, text: str, variables: Mapping[str, str]) -> None:
        self._tokens: list[tuple[str, str]] = []
        at, text = 0, text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise ValueError(text)
            kind = match.lastgroup or ""
            value = variables.get(match["name"], "") if kind == "name" else match[kind].strip("\"'")
            self._tokens.append(("sign" if kind == "sign" else "value", value))
            at = match.end()

    def result(self) -> bool:
        value = self._either()
        if self._tokens:
            raise ValueError("more than a condition")
        return value

    def _next(self, *signs: str) -> str:
        if self._tokens and self._tokens[0][0] == "sign" and self._tokens[0][1] in signs:
            return self._tokens.pop(0)[1]
        return ""

    def _either(self) -> bool:
        value = self._both()
        while self._next("or"):
            right = self._both()
            value = value or right
        return value

    def _both(self) -> bool:
        value = self._one()
        while self._next("and"):
            right = self._one()
            value = value and right
        return value

    def _one(self) -> bool:
        if self._next("("):
            value = self._either()
            if not self._next(")"):
                raise ValueError("a parenthesis is not closed")
            return value
        left = self._value()
        sign = self._next("==", "!=", "<=", ">=", "<", ">")
        right = self._value()
        answers = {
            "==": left == right,
            "!=": left != right,
            "<": left < right,
            ">": left > right,
            "<=": left <= right,
            ">=": left >= right,
        }
        if not sign:
            raise ValueError("no comparison")
        return answers[sign]

    def _value(self) -> str:
        if not self._tokens or self._tokens[0][0] != "value":
            raise ValueError("a value is missing")
        return self._tokens.pop(0)[1]
