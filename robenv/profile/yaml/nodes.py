"""What a YAML file says, as frozen values that know their place. Merging moves nodes; it never loses their place."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

from robenv.errors import Location, Problem
from robenv.profile.yaml.files import LINE_BREAK
from robenv.util.sanitize import render_excerpt

Origin = Literal["builtin", "project", "local", "git"]
Kind = Literal["str", "int", "float", "bool", "null"]
Directive = Literal["", "override", "reset"]
Path_: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, eq=False)
class SourceFile:
    """A file of the chain, read. ``chain``: the places of the ``extends`` entries that led here, outermost first."""

    path: Path
    display: str
    """How messages name the file: relative to the project where that is possible."""
    name: str
    """The profile's name: ``ros/debian-bookworm`` for a built-in one, else ``display``."""
    origin: Origin
    root: Path
    """The folder that relative paths of a file that is not the user's own may not leave."""
    chain: tuple[str, ...]
    text: str

    @cached_property
    def lines(self) -> tuple[str, ...]:
        return tuple(LINE_BREAK.split(self.text))

    @property
    def foreign(self) -> bool:
        """Whether somebody else than the user wrote it."""
        return self.origin in ("builtin", "git")

    def location(self, line: int, column: int) -> Location:
        """A place in this file with its excerpt; ``line`` and ``column`` count from 1."""
        return Location(self.display, line, column, self.chain, render_excerpt(self.lines, line, column))


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """``text`` is what stands there (quotes and escapes undone); ``kind`` what YAML 1.2 takes it for."""

    text: str
    kind: Kind
    source: SourceFile
    line: int
    column: int
    directive: Directive = ""


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    items: tuple[Node, ...]
    source: SourceFile
    line: int
    column: int
    directive: Directive = ""


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    """``entries``: by key, in the order of the file, the key's own node and the value."""

    entries: MappingABC[str, tuple[Scalar, Node]]
    source: SourceFile
    line: int
    column: int
    directive: Directive = ""

    def get(self, key: str) -> Node | None:
        entry = self.entries.get(key)
        return entry[1] if entry else None

    def values(self) -> Iterator[tuple[str, Node]]:
        for key, (_, value) in self.entries.items():
            yield key, value


Node: TypeAlias = "Scalar | Sequence | Mapping"


class PlainText(str):
    """The text of a YAML number or boolean, on its way into a model that decides what it may be."""

    kind: Kind

    @classmethod
    def of(cls, text: str, kind: Kind) -> PlainText:
        value = cls(text)
        value.kind = kind
        return value


def to_python(node: Node) -> Any:
    """Text as str, numbers and booleans as Plain, null as None; what ``!reset`` removes is not there."""
    if isinstance(node, Scalar):
        if node.kind == "str":
            return node.text
        return None if node.kind == "null" else PlainText.of(node.text, node.kind)
    if isinstance(node, Sequence):
        return [to_python(item) for item in node.items]
    return {key: to_python(value) for key, value in node.values() if value.directive != "reset"}


def content_key(node: Node) -> Hashable:
    """Equal for nodes that say the same, wherever they stand."""
    if isinstance(node, Scalar):
        return node.kind, node.text
    if isinstance(node, Sequence):
        return "list", tuple(content_key(item) for item in node.items)
    return "mapping", frozenset((key, content_key(value)) for key, value in node.values())


def place_of(node: Node) -> Location:
    return node.source.location(node.line, node.column)


def problem_at(node: Node, message: str, hint: str = "") -> Problem:
    return Problem(message, place_of(node), hint)


def scalar_like(node: Node, text: str, kind: Kind = "str") -> Scalar:
    """A scalar made by robenv from ``node``, at its place."""
    return Scalar(text, kind, node.source, node.line, node.column)


def find(node: Node | None, path: Path_) -> Node | None:
    """The node at ``path`` below ``node``; None where there is none."""
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str):
            node = node.get(step)
        elif isinstance(node, Sequence) and isinstance(step, int) and -1 < step < len(node.items):
            node = node.items[step]
        else:
            return None
    return node


def with_value(root: Mapping, path: tuple[str, ...], value: Node) -> Mapping:
    """``root`` with ``value`` at ``path``, whose mappings but for the last key are there."""
    name, key_node = path[0], root.entries.get(path[0])
    if len(path) > 1:
        below = root.get(name)
        value = with_value(below, path[1:], value) if isinstance(below, Mapping) else value
    key = key_node[0] if key_node else scalar_like(value, name)
    return Mapping({**root.entries, name: (key, value)}, root.source, root.line, root.column)


def nearest(node: Node, path: Path_) -> Node:
    """The deepest node on the way down ``path``."""
    for end in range(len(path), 0, -1):
        found = find(node, path[:end])
        if found is not None:
            return found
    return node
