"""Reading the files of a chain: each once, depth first, the target first and the project last."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import dropwhile
from pathlib import Path

from robenv.catalog.jetpack import JETPACKS, JetPack
from robenv.errors import Location, Problem
from robenv.profile.chain.extends import ProfileSource, SourceResolver, display_path, find_source
from robenv.profile.merge.normalize import Normalizer
from robenv.profile.merge.rules import PROFILE
from robenv.profile.merge.variables import Lookup, Variables, interpolate, nothing
from robenv.profile.yaml.files import BadFile, line_and_column, read_text
from robenv.profile.yaml.loader import core_kind, load_yaml
from robenv.profile.yaml.nodes import Mapping, Node, Path_, Scalar, Sequence, SourceFile, problem_at
from robenv.profile.yaml.parse_error import BadValue
from robenv.util.sanitize import safe, show

MAX_CHAIN = 100
"""How deep ``extends`` may lead."""
MAX_FILES = 1000


@dataclass(frozen=True, eq=False)
class ChainDocument:
    """A file of the chain, its values in their one shape."""

    source: SourceFile
    root: Mapping
    variables: tuple[str, ...] = ()
    """Names that the file was given the host's values of."""

    @property
    def extends(self) -> tuple[Scalar, ...]:
        entries = self.root.get("extends")
        items = entries.items if isinstance(entries, Sequence) else ()
        return tuple(item for item in items if isinstance(item, Scalar) and item.kind == "str" and item.text)


class _OpenFile:
    """A file whose ``extends`` are being followed."""

    def __init__(self, document: ChainDocument) -> None:
        self.document = document
        self.identity = _identity(document.source.path)
        self.entries = iter(document.extends)


@dataclass
class ChainReader:
    """Reads chains of files into ``documents``, and gathers what is wrong and what was looked at."""

    project_root: Path | None
    variables: Variables
    remote: SourceResolver
    jetpacks: tuple[JetPack, ...] = JETPACKS
    documents: list[ChainDocument] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    read: dict[str, None] = field(default_factory=dict)
    absent: dict[str, None] = field(default_factory=dict)
    began: int = field(default_factory=time.time_ns)
    complete: bool = True
    """False once a file of the chain could not be read or parsed: then nothing can be said about the whole."""
    _done: set[str] = field(default_factory=set)
    _warned: set[str] = field(default_factory=set)

    def follow(self, found: ProfileSource, may_be_empty: bool = False) -> None:
        """Reads ``found`` and all that it extends."""
        first = self._open(found, None, may_be_empty)
        if first is None:
            return
        stack = [_OpenFile(first)]
        while stack:
            frame = stack[-1]
            entry = next(frame.entries, None)
            if entry is None:
                self.documents.append(frame.document)
                self._done.add(frame.identity)
                stack.pop()
                continue
            below = self._extend(entry, stack)
            if below is not None:
                stack.append(_OpenFile(below))

    def read_one(self, found: ProfileSource) -> ChainDocument | None:
        """The file alone; None where it cannot be read."""
        return self._open(found, None, True)

    def _extend(self, entry: Scalar, above: list[_OpenFile]) -> ChainDocument | None:
        """The document that ``entry`` names; None where it was read before or cannot be used."""
        try:
            found = find_source(entry.text, entry.source, self.remote, self.jetpacks)
        except BadValue as error:
            self._fail(problem_at(entry, error.message, error.hint))
            return None
        identity = _identity(found.path)
        if identity in self._done:
            return None
        circle = list(dropwhile(lambda frame: frame.identity != identity, above))
        if circle:
            shown = " → ".join(frame.document.source.display for frame in [*circle, circle[0]])
            self._fail(problem_at(entry, f"`extends` goes in a circle: {shown}", "take one of these entries out"))
            return None
        if len(above) >= MAX_CHAIN or len(self.read) >= MAX_FILES:
            limit = f"{MAX_CHAIN} levels deep, or to more than {MAX_FILES} files"
            self._fail(problem_at(entry, f"`extends` leads more than {limit}"))
            return None
        return self._open(found, entry, False)

    def _open(self, found: ProfileSource, entry: Scalar | None, may_be_empty: bool) -> ChainDocument | None:
        place = found.display or display_path(found.path, None if found.origin == "builtin" else self.project_root)
        display = safe(place)
        chain = (*entry.source.chain, f"{entry.source.display}:{entry.line}:{entry.column}") if entry else ()

        def source(text: str) -> SourceFile:
            return SourceFile(found.path, display, found.name or display, found.origin, found.root, chain, text)

        try:
            text = read_text(found.path)
        except BadFile as bad:
            (self.absent if bad.absent else self.read)[str(found.path)] = None
            self._fail(_unreadable(bad, source(bad.text), entry))
            self._done.add(_identity(found.path))
            return None
        self.read[str(found.path)] = None
        root = self._parse(source(text), may_be_empty)
        if root is None:
            self._done.add(_identity(found.path))
        return root

    def _parse(self, source: SourceFile, may_be_empty: bool) -> ChainDocument | None:
        root, problems = load_yaml(source)
        self.problems += problems
        empty = root is None or (isinstance(root, Scalar) and root.kind == "null")
        if empty and not problems and may_be_empty:
            return ChainDocument(source, Mapping({}, source, 1, 1))
        if not isinstance(root, Mapping):
            self.complete = False
            if not problems:
                message = "the file is empty" if empty else "a profile is a mapping of keys and values"
                hint = "`robenv init` writes one" if source.origin == "project" else "such as `apt: {packages: [git]}`"
                self.problems.append(Problem(message, source.location(1, 1), hint))
            return None
        seen: dict[str, None] = {}

        def lookup(name: str) -> str | None:
            value = None if source.foreign else self.variables.lookup(name)
            if value is not None and name in self.variables.environ:
                seen[name] = None
            return value

        shaped = self._shape(root, source, nothing if source.foreign else lookup)
        return ChainDocument(source, shaped, tuple(seen))

    def _shape(self, root: Mapping, source: SourceFile, lookup: Lookup) -> Mapping:
        """The file's values with variables put in, each in its one shape."""
        resolved = substitute(root, lookup, self.problems, self._unset) if "$" in source.text else root
        normalizer = Normalizer(source, lookup)
        shaped = normalizer.run(resolved, PROFILE)
        self.problems += normalizer.problems
        return shaped if isinstance(shaped, Mapping) else root

    def _unset(self, name: str, node: Scalar) -> None:
        self.unset(node.source, name, node.line, node.column)

    def unset(self, source: SourceFile, name: str, line: int, column: int) -> None:
        """Warns, once for each variable, that it has neither value nor default."""
        if name not in self._warned:
            self._warned.add(name)
            hint = f"set it, or give a default: ${{{name}:-…}}; `$${name}` is a dollar sign and a name"
            if source.foreign:
                hint = "a profile that is not the project's own sees no variables of the host: give a default"
            message = f"the variable `{name}` is not set: empty text is put in"
            self.warnings.append(Problem(message, source.location(line, column), hint))

    def _fail(self, problem: Problem) -> None:
        self.complete = False
        self.problems.append(problem)


def substitute(
    node: Node, lookup: Lookup, problems: list[Problem], unset: Callable[[str, Scalar], None], path: Path_ = ()
) -> Node:
    """``node`` with the variables in its values put in: never in keys, nor in scripts, whose ``$`` is their shell's."""
    if isinstance(node, Scalar):
        if "$" not in node.text or _is_script(path):
            return node
        try:
            text = interpolate(node.text, lookup, lambda name: unset(name, node))
        except BadValue as error:
            problems.append(problem_at(node, error.message, error.hint))
            text = ""
        kind = core_kind(text) if _has_no_type(path) else "str"
        kind = kind if kind in ("bool", "int") else "str"
        return Scalar(text, kind, node.source, node.line, node.column, node.directive)
    if isinstance(node, Sequence):
        items = tuple(
            substitute(item, lookup, problems, unset, (*path, index)) for index, item in enumerate(node.items)
        )
        return Sequence(items, node.source, node.line, node.column, node.directive)
    entries = {
        key: (name, substitute(value, lookup, problems, unset, (*path, key)))
        for key, (name, value) in node.entries.items()
    }
    return Mapping(entries, node.source, node.line, node.column, node.directive)


def _has_no_type(path: Path_) -> bool:
    """``ros.colcon_defaults.VERB.OPTION``, whose type robenv does not know. Those of a list are arguments, and text."""
    path = _without_platform(path)
    return path[:2] == ("ros", "colcon_defaults") and len(path) == 4


def _without_platform(path: Path_) -> Path_:
    return path[2:] if path[:1] == ("per_platform",) else path


def _is_script(path: Path_) -> bool:
    """``steps.N.run``, of the image or of a stage, and ``run_image.build``, also for one platform alone."""
    path = _without_platform(path)
    if path == ("run_image", "build"):
        return True
    path = path[{"stages": 2, "run_image": 1}.get(str(path[0]), 0) :] if path else path
    return path[0::2] == ("steps", "run")


def _unreadable(bad: BadFile, source: SourceFile, entry: Scalar | None) -> Problem:
    if bad.offset is not None:
        return Problem(bad.message, source.location(*line_and_column(bad.text, bad.offset)), bad.hint)
    if entry is not None:
        return problem_at(entry, f"{show(source.display)}: {bad.message}", bad.hint)
    return Problem(bad.message, Location(source.display, 1, 1), bad.hint)


def _identity(path: Path) -> str:
    return os.path.realpath(path)
