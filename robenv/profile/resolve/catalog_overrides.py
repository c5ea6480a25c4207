"""``catalog.yaml`` in the user's own folder of settings: lines that correct robenv's tables, or add to them.

Facts age. What stands there of JetPack changes what robenv says of a target and of a robot. What stands there of ROS
takes the place of what robenv's own profiles say, and so may change an image and its hash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from robenv.catalog.jetpack import JETPACKS, JetPack, parse_l4t
from robenv.catalog.releases import RELEASES, find_release
from robenv.errors import Location, Problem, ProfileError
from robenv.profile.resolve.ros_overrides import EXAMPLE, RosCorrections, read_ros
from robenv.profile.yaml.files import BadFile, line_and_column, read_text
from robenv.profile.yaml.loader import load_yaml
from robenv.profile.yaml.nodes import Mapping as Entries
from robenv.profile.yaml.nodes import Node, Scalar, SourceFile, place_of, problem_at
from robenv.profile.yaml.parse_error import BadValue, did_you_mean
from robenv.util.sanitize import safe, show

FILE = "catalog.yaml"
_KEYS = {"ubuntu": "suite"}
"""Where the file's word for a field is another one."""


Line = tuple[str, str, str]
"""Table, row and field: ``("ros", "jazzy", "until")``."""


@dataclass(frozen=True)
class CorrectedTables:
    """The tables as this user has them. ``file``: None where there is no folder of settings."""

    jetpacks: tuple[JetPack, ...] = JETPACKS
    ros: RosCorrections = field(default_factory=dict)
    file: Path | None = None
    exists: bool = False
    problems: tuple[Problem, ...] = ()
    places: Mapping[Line, Location] = field(default_factory=dict)
    """Where each line that is corrected stands."""

    def of(self, *rows: tuple[str, str]) -> dict[Line, Location]:
        """The places of what is corrected in these rows, each by its table and name."""
        return {line: place for line, place in self.places.items() if line[:2] in rows}


def corrections_file(environ: Mapping[str, str]) -> Path | None:
    """``$XDG_CONFIG_HOME/robenv/catalog.yaml`` or ``~/.config/robenv/catalog.yaml``."""
    for variable, below in (("XDG_CONFIG_HOME", ""), ("HOME", ".config")):
        folder = environ.get(variable, "")
        if folder.startswith("/"):
            return Path(folder, below, "robenv", FILE)
    return None


def read_corrections(environ: Mapping[str, str]) -> CorrectedTables:
    """The tables with the user's corrections; a line that is wrong is told and left out. Never raises."""
    path = corrections_file(environ)
    if path is None:
        return CorrectedTables()
    display = safe(str(path))
    try:
        text = read_text(path)
    except BadFile as bad:
        if bad.absent:
            return CorrectedTables(file=path)
        place = line_and_column(bad.text, bad.offset) if bad.offset is not None else (1, 1)
        found = SourceFile(path, display, display, "local", path.parent, (), bad.text).location(*place)
        return CorrectedTables(file=path, exists=True, problems=(Problem(bad.message, found, bad.hint),))
    root, problems = load_yaml(SourceFile(path, display, display, "local", path.parent, (), text))
    reader = _CorrectionsReader(list(problems))
    jetpacks, ros = reader.tables(root) if root is not None and not problems else (JETPACKS, {})
    places = {line: place_of(value) for line, value in reader.taken.items()}
    return CorrectedTables(jetpacks, ros, path, True, tuple(reader.problems), places)


def sound_corrections(environ: Mapping[str, str]) -> CorrectedTables:
    """The tables with the user's corrections. Raises ProfileError with all that is wrong with these."""
    found = read_corrections(environ)
    if found.problems:
        raise ProfileError(f"the corrections of robenv's tables are not sound: {found.file}", problems=found.problems)
    return found


def _text(value: str) -> str:
    if not value.strip() or len(value) > 200 or not value.isprintable():
        raise BadValue(f"expected a text on one line, not {show(value)}")
    return value


def _version(value: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d{1,3}(\.\d{1,3}){0,3}", value, re.ASCII):
        raise BadValue(f"{show(value)} is not a release of L4T", "such as 36.4 or 36.4.3")
    return tuple(int(part) for part in value.split("."))


def _first(value: str) -> tuple[int, ...]:
    return parse_l4t(".".join(map(str, _version(value))))


def _suite(value: str) -> str:
    release = find_release(value)
    if release is None:
        hint = did_you_mean(value, [release.suite for release in RELEASES])
        raise BadValue(f"{show(value)} is no release of Ubuntu that robenv knows", hint or "such as noble or 24.04")
    return release.suite


_PARSERS: dict[str, Callable[[str], Any]] = {"first": _first, "last": _version, "suite": _suite}
_FIELDS = tuple(field.name for field in fields(JetPack) if field.name != "name")
_WORDS = tuple(next((word for word, field in _KEYS.items() if field == name), name) for name in _FIELDS)


@dataclass
class _CorrectionsReader:
    problems: list[Problem]
    taken: dict[Line, Scalar] = field(default_factory=dict)

    def tables(self, root: Node) -> tuple[tuple[JetPack, ...], RosCorrections]:
        jetpacks: tuple[JetPack, ...] = JETPACKS
        ros: RosCorrections = {}
        for key, name, table in self._entries(root, "such as `jetpack: {jp6: {last: 36.5}}`"):
            if key == "jetpack":
                jetpacks = self._jetpacks(table)
            elif key == "ros":
                ros = read_ros(self._entries(table, EXAMPLE), self.problems)
                self.taken |= {(key, row, field): at for row, said in ros.items() for field, at in said.items()}
            else:
                hint = did_you_mean(key, ["jetpack", "ros"]) or "it has `jetpack` and `ros`"
                self.problems.append(problem_at(name, f"there is no table {show(key)}", hint))
        return jetpacks, ros

    def _jetpacks(self, table: Node) -> tuple[JetPack, ...]:
        rows = {row.name: row for row in JETPACKS}
        for row, at, values in self._entries(table, "such as `jp6: {last: 36.5}`"):
            changes = self._changes(row, values)
            made = self._row(row, rows.get(row), changes, at)
            rows |= {row: made} if made is not None else {}
        return tuple(sorted(rows.values(), key=lambda row: row.first))

    def _entries(self, node: Node, hint: str) -> list[tuple[str, Scalar, Node]]:
        if not isinstance(node, Entries):
            self.problems.append(problem_at(node, "expected a mapping", hint))
            return []
        return [(key, name, value) for key, (name, value) in node.entries.items()]

    def _changes(self, row: str, node: Node) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        for word, name, value in self._entries(node, "such as `{last: 36.5}`"):
            if word not in _WORDS:
                hint = did_you_mean(word, _WORDS) or "it has " + ", ".join(_WORDS)
                self.problems.append(problem_at(name, f"a row has no {show(word)}", hint))
            elif not isinstance(value, Scalar):
                self.problems.append(problem_at(value, f"{show(word)}: expected one value"))
            else:
                self._take(changes, _KEYS.get(word, word), value)
                self.taken["jetpack", row, word] = value
        return changes

    def _take(self, changes: dict[str, Any], field: str, value: Scalar) -> None:
        try:
            changes[field] = _PARSERS.get(field, _text)(value.text)
        except BadValue as error:
            self.problems.append(problem_at(value, error.message, error.hint))

    def _row(self, name: str, old: JetPack | None, changes: dict[str, Any], at: Scalar) -> JetPack | None:
        if old is not None:
            made = replace(old, **changes)
        else:
            missing = [word for word in _WORDS if _KEYS.get(word, word) not in {"base": "", **changes}]
            if missing:
                hint = "robenv has " + ", ".join(row.name for row in JETPACKS)
                self.problems.append(problem_at(at, f"{show(name)} is new, and has no {', '.join(missing)}", hint))
                return None
            made = JetPack(name, **{"base": "", **changes})
        if made.first[: len(made.last)] > made.last:
            self.problems.append(problem_at(at, f"{show(name)} ends before it begins"))
            return None
        return made
