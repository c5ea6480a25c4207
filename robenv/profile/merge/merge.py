"""Merging a chain of profiles: one fold over all levels, driven by the rule of each key. Linear in what is merged."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from collections.abc import Mapping as MappingABC
from collections.abc import Sequence as SequenceABC
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from robenv.profile.yaml.nodes import Mapping, Node, Scalar, Sequence, content_key

if TYPE_CHECKING:
    from robenv.profile.merge.normalize import Normalizer

Normal = Callable[[Node, "Normalizer"], "Node | None"]
How = Literal["replace", "append", "arguments", "mapping", "own"]


@dataclass(frozen=True, eq=False)
class Rule:
    """How the values that several levels give to one key become one.

    ``replace``: the last counts. ``append``: lists one after the other, without duplicates by ``identity`` (with
    ``last_wins`` the later of two stands in the earlier's place). ``arguments``: lists one after the other, as they
    are; anything else as ``replace``. ``mapping``: key by key, by the rules in ``keys`` or by ``each``. ``own``: only
    the project's own value counts. ``normal`` gives a level's value its one shape first.
    """

    how: How
    keys: MappingABC[str, Rule] = field(default_factory=dict)
    each: Rule | None = None
    normal: Normal | None = None
    identity: Callable[[Node], Hashable] = content_key
    last_wins: bool = False

    def below(self, key: str) -> Rule | None:
        return self.keys.get(key) or self.each


def merge(values: SequenceABC[Node], rule: Rule) -> Node | None:
    """The value that ``values``, of the levels in order, come to; None where nothing is left."""
    values = surviving(values)
    if not values:
        return None
    if rule.how == "append":
        lists = [value for value in values if isinstance(value, Sequence)]
        return _append(lists, rule) if lists else None
    if rule.how == "arguments" and isinstance(values[-1], Sequence):
        return _joined(values)
    if rule.how == "mapping":
        mappings = [value for value in values if isinstance(value, Mapping)]
        return _merge_mappings(mappings, rule) if mappings else None
    return plain(values[-1])


def surviving(values: SequenceABC[Node]) -> SequenceABC[Node]:
    """What the last ``!override`` or ``!reset`` leaves."""
    for index in range(len(values) - 1, -1, -1):
        directive = values[index].directive
        if directive:
            return values[index + (directive == "reset") :]
    return values


def plain(node: Node) -> Node:
    """``node`` with its ``!override`` and ``!reset`` carried out: nothing is inherited where it stands."""
    if isinstance(node, Scalar):
        return Scalar(node.text, node.kind, node.source, node.line, node.column) if node.directive else node
    if isinstance(node, Sequence):
        return Sequence(tuple(plain(item) for item in node.items), node.source, node.line, node.column)
    entries = {key: (name, plain(value)) for key, (name, value) in node.entries.items() if value.directive != "reset"}
    return Mapping(entries, node.source, node.line, node.column)


def _append(values: SequenceABC[Sequence], rule: Rule) -> Node:
    items: dict[Hashable, Node] = {}
    for value in values:
        for item in value.items:
            identity = rule.identity(item)
            if rule.last_wins or identity not in items:
                items[identity] = plain(item)
    last = values[-1]
    return Sequence(tuple(items.values()), last.source, last.line, last.column)


def _joined(values: SequenceABC[Node]) -> Node:
    """The lists after the last value that is none. A word may well stand there twice: ``[-D, A=1, -D, B=2]``."""
    items: tuple[Node, ...] = ()
    for value in values:
        items = (*items, *(plain(item) for item in value.items)) if isinstance(value, Sequence) else ()
    last = values[-1]
    return Sequence(items, last.source, last.line, last.column)


def _merge_mappings(values: SequenceABC[Mapping], rule: Rule) -> Node:
    by_key: dict[str, list[Node]] = {}
    names: dict[str, Scalar] = {}
    for value in values:
        for key, (name, child) in value.entries.items():
            by_key.setdefault(key, []).append(child)
            names[key] = name
    entries: dict[str, tuple[Scalar, Node]] = {}
    for key, children in by_key.items():
        merged = merge(children, rule.below(key) or _REPLACE)
        if merged is not None:
            entries[key] = (names[key], merged)
    last = values[-1]
    return Mapping(entries, last.source, last.line, last.column)


_REPLACE = Rule("replace")
