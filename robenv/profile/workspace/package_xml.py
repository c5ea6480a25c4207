"""A package.xml, formats 1 to 3: what a ROS package depends on, and where that stands.

Source trees of other people have files of that name that are none of ROS's: PECL's, say, or a template. Such a file is
passed over with a note; only what a ROS package itself says wrongly is a problem.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robenv.errors import Location, Problem
from robenv.profile.workspace.conditions import holds
from robenv.profile.yaml.files import LINE_BREAK, BadFile, read_bytes
from robenv.util.sanitize import render_excerpt, safe, show

MANIFEST = "package.xml"
TYPES = ("build", "build_export", "buildtool", "buildtool_export", "exec", "test", "doc")
"""Kinds of dependencies; `depend` is build, build_export and exec, format 1's `run_depend` build_export and exec."""
_TAGS: dict[str, tuple[str, ...]] = {
    "depend": ("build", "build_export", "exec"),
    "run_depend": ("build_export", "exec"),
    **{f"{name}_depend": (name,) for name in TYPES},
}
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_DECLARATION = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z][A-Za-z0-9._-]{0,40})[\"']")
_BEGINNINGS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\0?\0", "utf-16-le"), (b"\0<\0?", "utf-16-be"),
)  # fmt: skip
_NO_CHARSETS = frozenset(("idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape", "utf_7"))
"""What Python counts among encodings of text, and no file is written in."""


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


class NotRos(Exception):
    """A file of that name that is no manifest of a ROS package."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def read_manifest(path: Path, display: str, problems: list[Problem]) -> Package | None:
    """A package.xml; None where what it says cannot be used, and ``problems`` says why. Raises NotRos."""
    display = safe(display)
    try:
        text = decode(read_bytes(path))
    except BadFile as bad:
        raise NotRos(_passed_over(bad.message, Location(display, 1, 1))) from None
    reader = _ManifestReader(display, text)
    reader.read()
    problems += reader.problems
    return None if reader.problems else Package(reader.name, display, tuple(reader.dependencies))


def _passed_over(why: str, place: Location) -> Problem:
    return Problem(f"passed over, not the manifest of a ROS package: {why}", place)


def decode(data: bytes) -> str:
    """The text by its byte order mark, or by the encoding that it declares. Where that is not so, as UTF-8, with U+FFFD
    for what is none: names of packages are ASCII, names of people need not be."""
    for encoding in (_encoding(data), "utf-8"):
        try:
            return data.decode(encoding).removeprefix("\ufeff")
        except (UnicodeError, LookupError):
            continue
    return data.decode("utf-8", "replace")


def _encoding(data: bytes) -> str:
    for beginning, encoding in _BEGINNINGS:
        if data.startswith(beginning):
            return encoding
    declared = _DECLARATION.match(data)
    if declared is None:
        return "utf-8"
    try:
        name = codecs.lookup(declared[1].decode("ascii")).name
    except LookupError:
        return "utf-8"
    # That the declaration could be read at all rules out encodings with two or four bytes a character.
    return "utf-8" if name.startswith(("utf-16", "utf-32")) or name.replace("-", "_") in _NO_CHARSETS else name


class _ManifestReader:
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
        self._parser = expat.ParserCreate("utf-8")  # as it is given, whatever it declares
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._data
        self._parser.EntityDeclHandler = self._entity

    def read(self) -> None:
        """Raises NotRos."""
        if not self.text.strip():
            raise self._not_ros("it is empty", (1, 1))
        try:
            self._parser.Parse(self.text.encode(errors="replace"), True)
        except self._error as error:
            what = str(error).partition(":")[0]
            raise self._not_ros(f"it is not XML: {what}", (error.lineno, error.offset + 1)) from None
        if not self.name:
            raise self._not_ros("it has no <name>", (1, 1))

    def _not_ros(self, why: str, at: tuple[int, int]) -> NotRos:
        return NotRos(_passed_over(why, Location(self.display, *at)))

    def _place(self, line: int, column: int) -> Location:
        return Location(self.display, line, column, (), render_excerpt(self.lines, line, column))

    def _refuse(self, message: str, hint: str = "") -> None:
        self.problems.append(Problem(message, self._place(*self._at), hint))

    @property
    def _here(self) -> tuple[int, int]:
        return self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._path.append(tag)
        self._words, self._attributes, self._at = "", attributes, self._here
        if len(self._path) == 1:
            self._root(tag, attributes)

    def _root(self, tag: str, attributes: dict[str, str]) -> None:
        if tag != "package":
            raise self._not_ros(f"its root element is {show('<' + tag + '>')}", self._at)
        namespace = attributes.get("xmlns", "")
        if namespace and "format" not in attributes:
            raise self._not_ros(f"its elements are of {show(namespace)}", self._at)
        text = attributes.get("format", "1")
        if text not in ("1", "2", "3"):
            raise self._not_ros(f"ROS has the formats 1, 2 and 3, not {show(text)}", self._at)
        self._format = int(text)

    def _data(self, words: str) -> None:
        self._words += words

    def _doctype(self, name: str, system: str | None, *about: Any) -> None:
        if "php.net/" in (system or ""):
            raise self._not_ros(f"its document type is {show(system or '')}", self._here)

    def _entity(self, *about: Any) -> None:
        raise self._not_ros("it has entities of its own", (self._parser.CurrentLineNumber, 1))

    def _end(self, tag: str) -> None:
        path, words = tuple(self._path), self._words.strip()
        self._path.pop()
        self._words = ""
        if path == ("package", "name"):
            self.name = words
        elif len(path) == 2 and tag in _TAGS:
            self._depend(tag, words)

    def _depend(self, tag: str, key: str) -> None:
        if not _KEY.fullmatch(key):
            self._refuse(f"{show(key)} is no rosdep key", "letters, digits, `-`, `_`, `.` and `+`")
            return
        condition = self._attributes.get("condition", "") if self._format >= 3 else ""
        try:
            holds(condition, {})
        except ValueError:
            self._refuse(f"the condition {show(condition)} cannot be read", "such as `$ROS_VERSION == 2`")
            return
        self.dependencies.append(Dependency(key, _TAGS[tag], condition, self._place(*self._at)))
