"""One shape for each key, level by level, before anything is merged: lists of ``NAME=value`` become mappings, one-line
forms long ones, and paths absolute. What has the wrong shape is left as it is: validation says what is wrong with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from robenv.errors import Problem
from robenv.profile.merge.merge import Rule
from robenv.profile.merge.variables import Lookup
from robenv.profile.schema.run.short_syntax import (
    expand_device,
    expand_volume,
    expand_wish,
    is_path,
    names_seccomp_file,
)
from robenv.profile.yaml.nodes import Mapping, Node, Scalar, Sequence, SourceFile, problem_at, scalar_like
from robenv.profile.yaml.parse_error import BadValue
from robenv.util.sanitize import show


@dataclass
class Normalizer:
    """What normalising one file needs."""

    source: SourceFile
    lookup: Lookup
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, node: Node, message: str, hint: str = "") -> None:
        self.problems.append(problem_at(node, message, hint))

    def run(self, node: Node, rule: Rule) -> Node | None:
        """``node`` and everything below it in its one shape; None: nothing stands there."""
        if node.directive == "reset":
            return node
        if isinstance(node, Scalar) and node.kind == "null" and node.directive == "override":
            return Scalar("", "null", node.source, node.line, node.column, "reset")
        shaped = rule.normal(node, self) if rule.normal else node
        if isinstance(shaped, Mapping) and (rule.keys or rule.each):
            return self._mapping(shaped, rule)
        if isinstance(shaped, Sequence) and rule.each and rule.how == "append":
            items = tuple(done for item in shaped.items if (done := self.run(item, rule.each)) is not None)
            if rule.last_wins:
                self._refuse_twins(items, rule)
            return Sequence(items, shaped.source, shaped.line, shaped.column, shaped.directive)
        return shaped

    def _refuse_twins(self, items: tuple[Node, ...], rule: Rule) -> None:
        """Over levels the later of two replaces the earlier; in one file that would be an oversight."""
        seen: dict[Hashable, Node] = {}
        for item in items:
            first = seen.setdefault(rule.identity(item), item)
            if first is not item:
                self.refuse(item, f"{_same(rule.identity(item))} as at line {first.line}", "keep one of the two")

    def _mapping(self, node: Mapping, rule: Rule) -> Node:
        entries: dict[str, tuple[Scalar, Node]] = {}
        for key, (name, value) in node.entries.items():
            below = rule.below(key)
            if _is_null(value) and rule.keys and not value.directive:
                # A key with nothing after it, such as a section whose lines are all comments, says nothing.
                continue
            done = self.run(value, below) if below else value
            if done is not None:
                entries[key] = (name, done)
        return Mapping(entries, node.source, node.line, node.column, node.directive)

    def absolute(self, node: Scalar) -> Scalar:
        """A path as written in this file, absolute; one of a file that is not the user's own stays below its root."""
        text = node.text
        if "\0" in text:
            return node
        if text == "~" or text.startswith("~/"):
            home = self._home(node)
            if home is None:
                return node
            text = home + text[1:]
        path = os.path.normpath(self.source.path.parent / text)
        if self.source.foreign and not _inside(path, self.source.root):
            self.refuse(node, f"{show(node.text)} lies outside the profile's own folder")
        return scalar_like(node, path)

    def _home(self, node: Scalar) -> str | None:
        if self.source.foreign:
            self.refuse(node, f"{show(node.text)} lies outside the profile's own folder")
            return None
        try:
            home = self.lookup("HOME")
        except BadValue as error:
            self.refuse(node, error.message)
            return None
        if not home:
            self.refuse(node, f"{show(node.text)}: there is no home folder here", "write the path out")
        return home or None


def _same(identity: Hashable) -> str:
    """What two entries of one list have in common."""
    kind, value = identity if isinstance(identity, tuple) and len(identity) == 2 else ("", "")
    known = {"at": "the same path in the container", "class": f"the class {show(str(value))}", "file": "the same file"}
    return known.get(str(kind), "the same")


def _inside(path: str, root: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.kind == "null"


def _is_text(node: Node | None) -> bool:
    return isinstance(node, Scalar) and node.kind == "str" and bool(node.text)


def one_or_many(node: Node, context: Normalizer) -> Node:
    """A list of one from a single value."""
    if not isinstance(node, Scalar) or node.kind == "null":
        return node
    item = scalar_like(node, node.text, node.kind)
    return Sequence((item,), node.source, node.line, node.column, node.directive)


def one_or_many_secrets(node: Node, context: Normalizer) -> Node:
    """The same, where a single one may be a mapping."""
    if isinstance(node, Mapping):
        return Sequence((replace(node, directive=""),), node.source, node.line, node.column, node.directive)
    return one_or_many(node, context)


def _pairs(node: Node, context: Normalizer, without_value: Callable[[Scalar, str], Node | None]) -> Node:
    """A mapping from Compose's list of ``NAME=value``; ``without_value`` says what a bare NAME is worth."""
    entries: dict[str, tuple[Scalar, Node]] = {}
    if isinstance(node, Mapping):
        for key, (name, value) in node.entries.items():
            done = without_value(name, key) if _is_null(value) and not value.directive else value
            if done is not None:
                entries[key] = (name, done)
    elif isinstance(node, Sequence):
        for item in node.items:
            if not isinstance(item, Scalar) or item.kind == "null":
                context.refuse(item, "expected NAME=value, not a list, a mapping or nothing")
                continue
            name_text, equals, value_text = item.text.partition("=")
            if name_text in entries:
                context.refuse(item, f"{show(name_text)} is set twice: first at line {entries[name_text][0].line}")
                continue
            name = scalar_like(item, name_text)
            pair = scalar_like(item, value_text) if equals else without_value(name, name_text)
            if pair is not None:
                entries[name_text] = (name, pair)
    else:
        return node
    return Mapping(entries, node.source, node.line, node.column, node.directive)


def environment(node: Node, context: Normalizer) -> Node:
    """A name without a value takes the host's value, as in Compose; where the host has none, it is not set."""

    def from_host(name: Scalar, key: str) -> Node | None:
        value = None
        try:
            value = context.lookup(key)
        except BadValue as error:
            context.refuse(name, error.message, error.hint)
        return None if value is None else scalar_like(name, value)

    return _pairs(node, context, from_host)


def labels(node: Node, context: Normalizer) -> Node:
    return _pairs(node, context, lambda name, key: scalar_like(name, ""))


def pairs(node: Node, context: Normalizer) -> Node:
    def refuse(name: Scalar, key: str) -> Node | None:
        context.refuse(name, f"{show(key)} has no value")
        return None

    return _pairs(node, context, refuse)


def names(node: Node, context: Normalizer) -> Node:
    """A mapping from a list of names, each with its defaults."""
    if not isinstance(node, Sequence):
        return sections(node, context)
    listed = [item for item in node.items if isinstance(item, Scalar) and item.kind == "str"]
    if len(listed) < len(node.items):
        return node
    entries = {item.text: (item, _empty(item)) for item in listed}
    return Mapping(entries, node.source, node.line, node.column, node.directive)


def sections(node: Node, context: Normalizer) -> Node:
    """A name with nothing behind it has its defaults."""
    if not isinstance(node, Mapping):
        return node
    entries = {
        key: (name, _empty(name) if _is_null(value) and not value.directive else value)
        for key, (name, value) in node.entries.items()
    }
    return Mapping(entries, node.source, node.line, node.column, node.directive)


def _empty(at: Scalar) -> Node:
    return Mapping({}, at.source, at.line, at.column)


def hosts(node: Node, context: Normalizer) -> Node:
    """``extra_hosts`` as a list of HOST:ADDRESS."""
    if not isinstance(node, Mapping):
        return node
    items: list[Node] = []
    for host, value in node.values():
        addresses = value.items if isinstance(value, Sequence) else (value,)
        for address in addresses:
            if not isinstance(address, Scalar):
                context.refuse(address, "expected an IP address")
                continue
            items.append(scalar_like(address, f"{host}:{address.text}"))
    return Sequence(tuple(items), node.source, node.line, node.column, node.directive)


def path(node: Node, context: Normalizer) -> Node:
    return context.absolute(node) if isinstance(node, Scalar) and _is_text(node) else node


def path_unless_address(node: Node, context: Normalizer) -> Node:
    return node if isinstance(node, Scalar) and "://" in node.text else path(node, context)


def own_path(node: Node, context: Normalizer) -> Node:
    """A path that only the user's own files may set."""
    if context.source.foreign:
        context.refuse(node, "which folder this is, only the project can say", "leave it out")
        return node
    return path(node, context)


def switch(node: Node, context: Normalizer) -> Node:
    """A section that is also `true`, with its defaults, or `false`, as if it were not there."""
    if not isinstance(node, Scalar) or node.kind != "bool":
        return node
    if node.text.lower() == "false":
        return Scalar("", "null", node.source, node.line, node.column, "reset")
    return Mapping({}, node.source, node.line, node.column, node.directive)


def own_registry(node: Node, context: Normalizer) -> Node:
    """Where images come from and go to, which only the user's own files may say."""
    if context.source.foreign:
        context.refuse(node, "which registry has the images, only the project can say", "leave it out")
    return node


def own_mirrors(node: Node, context: Normalizer) -> Node:
    """Where things are fetched from, which only the user's own files may say: not all of it is signed."""
    if context.source.foreign:
        context.refuse(node, "where things are fetched from, only your own files can say", "leave it out")
    return node


def own_secrets(node: Node, context: Normalizer) -> Node:
    """Where secrets are, which only the user's own files may say; which step gets one, others have to be allowed."""
    if context.source.foreign:
        context.refuse(node, "where secrets are, only your own files can say", "leave it out")
    return node


def apt_mirror(node: Node, context: Normalizer) -> Node:
    return _with_path(_expanded(node, lambda text: {"url": text}), "key", context)


def file_copy(node: Node, context: Normalizer) -> Node:
    return node if isinstance(node, Mapping) and node.get("from") else _with_path(node, "source", context)


def pip_install(node: Node, context: Normalizer) -> Node:
    return _with_path(_with_path(node, "requirements", context), "constraints", context)


def env_file(node: Node, context: Normalizer) -> Node:
    return _with_path(_expanded(node, lambda text: {"path": text}), "path", context)


def device(node: Node, context: Normalizer) -> Node:
    return _expanded(node, expand_device)


def device_wish(node: Node, context: Normalizer) -> Node:
    return _expanded(node, expand_wish)


def udev_rules(node: Node, context: Normalizer) -> Node:
    return _with_path(_expanded(node, lambda text: {"file": text}), "file", context)


def security_option(node: Node, context: Normalizer) -> Node:
    """``seccomp=FILE`` (also as ``seccomp:FILE``, as docker takes it) with an absolute path."""
    if not isinstance(node, Scalar) or not _is_text(node):
        return node
    name, sign, value = node.text.partition("=" if "=" in node.text else ":")
    if not sign or not names_seccomp_file(f"{name}={value}"):
        return node
    return scalar_like(node, f"{name}={context.absolute(scalar_like(node, value)).text}")


def volume(node: Node, context: Normalizer) -> Node:
    expanded = _expanded(node, expand_volume)
    if not isinstance(expanded, Mapping):
        return expanded
    kind, source = expanded.get("type"), expanded.get("source")
    if not isinstance(kind, Scalar) or kind.text != "bind" or not isinstance(source, Scalar):
        return expanded
    if source.text.startswith("/") or not (is_path(source.text) or source.text):
        return expanded
    return _with_path(expanded, "source", context)


def _with_path(node: Node, key: str, context: Normalizer) -> Node:
    value = node.get(key) if isinstance(node, Mapping) else None
    if not isinstance(node, Mapping) or not isinstance(value, Scalar) or not _is_text(value):
        return node
    entries = {**node.entries, key: (node.entries[key][0], context.absolute(value))}
    return Mapping(entries, node.source, node.line, node.column, node.directive)


def _expanded(node: Node, expand: Callable[[str], dict[str, Any]]) -> Node:
    """The long form of a one-line form, everything at the place of the line."""
    if not isinstance(node, Scalar) or not _is_text(node):
        return node
    try:
        return _node_from(expand(node.text), node)
    except BadValue:
        return node


def _node_from(value: Any, at: Scalar) -> Node:
    if isinstance(value, dict):
        entries = {key: (scalar_like(at, key), _node_from(item, at)) for key, item in value.items()}
        return Mapping(entries, at.source, at.line, at.column)
    if isinstance(value, bool):
        return scalar_like(at, str(value).lower(), "bool")
    return scalar_like(at, str(value))


def platforms(node: Node, context: Normalizer) -> Node:
    """By platform in Docker's normal form, in which arm64 has one variant and none is named."""
    if not isinstance(node, Mapping):
        return node
    entries: dict[str, tuple[Scalar, Node]] = {}
    for key, (name, value) in node.entries.items():
        normal = "linux/arm64" if key == "linux/arm64/v8" else key
        if normal in entries:
            context.refuse(name, f"{show(key)} is `{normal}`, which stands here already", "make one part of the two")
        entries.setdefault(normal, (name, value))
    return Mapping(entries, node.source, node.line, node.column, node.directive)
