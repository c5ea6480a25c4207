"""Strict YAML: a loader of our own on PyYAML's parser events.

YAML 1.2 core scalars, positions kept, duplicate keys refused, aliases and depth bounded, one document a file.
libyaml's parser where PyYAML has it, else PyYAML's own: both give the same nodes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from robenv.errors import Problem
from robenv.profile.yaml.nodes import Directive, Kind, Mapping, Node, Scalar, Sequence, SourceFile
from robenv.util.sanitize import show

MAX_DEPTH = 100
MAX_ALIAS_NODES = 10_000
"""How many nodes all aliases of a file may stand for together."""
MAX_PROBLEMS = 200
"""After which a file is read no further."""
MAX_NUMBER = 100
"""Characters of a number."""

_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("null", re.compile("null|Null|NULL|~|")),
    ("bool", re.compile("true|True|TRUE|false|False|FALSE")),
    ("int", re.compile("[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")),
    (
        "float",
        re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
    ),
)
_MAYBE_SPECIAL = frozenset("-+.0123456789nN~tTfF")
_DIRECTIVES: dict[str, Directive] = {"!override": "override", "!reset": "reset"}
_CORE = "tag:yaml.org,2002:"
_SURROGATE = re.compile("[\ud800-\udfff]")


def core_kind(text: str) -> Kind:
    """What the YAML 1.2 core schema takes an unquoted scalar for."""
    if text and text[0] not in _MAYBE_SPECIAL:
        return "str"
    for kind, pattern in _KINDS:
        if pattern.fullmatch(text):
            return kind
    return "str"


def load_yaml(source: SourceFile, loader: Any = None) -> tuple[Node | None, tuple[Problem, ...]]:
    """The document of a file and all its problems. None: the file is empty, or too broken to go on with."""
    composer = _Composer(source)
    try:
        for event in yaml.parse(source.text, Loader=loader or getattr(yaml, "CLoader", yaml.Loader)):
            composer.take(event)
    except _Fatal as fatal:
        return None, (*composer.problems, fatal.problem)
    except yaml.YAMLError as error:
        return None, (*composer.problems, _syntax_problem(source, error))
    except (ValueError, OverflowError):
        # PyYAML's own scanner on an escape beyond the last Unicode character.
        problem = Problem("a `\\U` escape names no Unicode character", source.location(composer.line, 1))
        return None, (*composer.problems, problem)
    return composer.root, tuple(composer.problems)


class _Fatal(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass
class _Frame:
    """A list or mapping that is still open."""

    mark: Any
    directive: Directive
    anchor: str | None
    is_mapping: bool
    items: list[Node] = field(default_factory=list)
    entries: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)
    key: Scalar | None = None
    skip_value: bool = False
    """The key that stands here is refused: its value is read and dropped."""
    size: int = 1
    height: int = 1


class _Composer:
    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self.line = 1
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[Node, int, int] | None] = {}
        self._alias_nodes = 0
        self._documents = 0

    def take(self, event: Any) -> None:
        self.line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._open(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._fatal(event.start_mark, "a second YAML document begins here", "a profile is one document")

    def _scalar(self, event: Any) -> None:
        directive = self._directive(event, "str")
        text: str = event.value
        plain = not event.style and event.tag not in ("!", _CORE + "str")
        kind = core_kind(text) if plain else "str"
        if kind in ("int", "float") and len(text) > MAX_NUMBER:
            self._refuse(event.start_mark, f"a number of {len(text)} digits", "put it in quotes if it is text")
        if _SURROGATE.search(text):
            self._refuse(event.start_mark, "an escape for half a character (a surrogate)")
            text = _SURROGATE.sub("\ufffd", text)
        mark = event.start_mark
        node = Scalar(text, kind, self.source, mark.line + 1, mark.column + 1, directive)
        if event.anchor:
            self._anchors[event.anchor] = (node, 1, 0)
        self._add(node, 1, 0)

    def _open(self, event: Any) -> None:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        directive = self._directive(event, "map" if is_mapping else "seq")
        if event.anchor:
            self._anchors[event.anchor] = None
        self._frames.append(_Frame(event.start_mark, directive, event.anchor, is_mapping))
        self._check_depth(event.start_mark, len(self._frames))

    def _close(self) -> None:
        frame = self._frames.pop()
        node: Node
        place = (self.source, frame.mark.line + 1, frame.mark.column + 1, frame.directive)
        node = Mapping(frame.entries, *place) if frame.is_mapping else Sequence(tuple(frame.items), *place)
        if frame.anchor:
            self._anchors[frame.anchor] = (node, frame.size, frame.height)
        self._add(node, frame.size, frame.height)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise self._fatal(event.start_mark, f"there is no anchor {show('&' + event.anchor)} above this alias")
        anchored = self._anchors[event.anchor]
        if anchored is None:
            raise self._fatal(event.start_mark, f"the alias {show('*' + event.anchor)} stands inside what it names")
        node, size, height = anchored
        self._alias_nodes += size
        if self._alias_nodes > MAX_ALIAS_NODES:
            message = f"the aliases of this file stand for more than {MAX_ALIAS_NODES:,} values"
            raise self._fatal(event.start_mark, message, "write out fewer of them, or use `extends`")
        self._check_depth(event.start_mark, len(self._frames) + height)
        self._add(node, size, height)

    def _add(self, node: Node, size: int, height: int) -> None:
        if not self._frames:
            self._refuse_directive(node)
            self.root = node
            return
        frame = self._frames[-1]
        frame.size += size
        frame.height = max(frame.height, height + 1)
        if not frame.is_mapping:
            self._refuse_directive(node)
            frame.items.append(node)
        elif frame.key is None and not frame.skip_value:
            self._refuse_directive(node)
            self._take_key(frame, node)
        else:
            if frame.key is not None:
                frame.entries[frame.key.text] = (frame.key, node)
            frame.key, frame.skip_value = None, False

    def _take_key(self, frame: _Frame, node: Node) -> None:
        message, hint = "", ""
        if not isinstance(node, Scalar):
            message = "a key must be text, not a list or a mapping"
        elif node.text == "<<":
            message, hint = "YAML's merge key `<<` is not used here", "use `extends`, or an alias for a whole value"
        elif node.kind != "str":
            message, hint = f"a key must be text, and {show(node.text)} is not", "put it in quotes"
        elif node.text in frame.entries:
            first = frame.entries[node.text][0]
            message = f"the key {show(node.text)} is set twice: first at line {first.line}, column {first.column}"
            hint = "keep one of the two"
        else:
            frame.key = node
            return
        frame.skip_value = True
        self._note(Problem(message, self.source.location(node.line, node.column), hint))

    def _directive(self, event: Any, own: str) -> Directive:
        tag: str | None = event.tag
        if tag is None or tag in ("!", _CORE + own):
            return ""
        if tag in _DIRECTIVES:
            return _DIRECTIVES[tag]
        shown = "!!" + tag.removeprefix(_CORE) if tag.startswith(_CORE) else tag
        self._refuse(event.start_mark, f"unknown tag {show(shown)}", "the tags here are !override and !reset")
        return ""

    def _refuse_directive(self, node: Node) -> None:
        if node.directive:
            message = f"`!{node.directive}` can stand only before the value of a key"
            self._note(Problem(message, self.source.location(node.line, node.column)))

    def _check_depth(self, mark: Any, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise self._fatal(mark, f"lists and mappings are nested more than {MAX_DEPTH} levels deep")

    def _refuse(self, mark: Any, message: str, hint: str = "") -> None:
        self._note(Problem(message, self.source.location(mark.line + 1, mark.column + 1), hint))

    def _note(self, problem: Problem) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            raise _Fatal(problem)
        self.problems.append(problem)

    def _fatal(self, mark: Any, message: str, hint: str = "") -> _Fatal:
        return _Fatal(Problem(message, self.source.location(mark.line + 1, mark.column + 1), hint))


_SYNTAX: tuple[tuple[str, str, str], ...] = (
    # what the scanner or parser says, what it means, a way out
    ("mapping values are not allowed", "a `:` cannot stand here", "put text that holds `: ` in quotes"),
    ("could not find expected ':'", "a key without its `:`", "write `key: value`"),
    ("expected ',' or ']'", "a list in [ ] is not closed, or lacks a comma", ""),
    ("expected ',' or '}'", "a mapping in { } is not closed, or lacks a comma", ""),
    ("did not find expected '-' indicator", "a list ends here without being closed: the indentation does not fit", ""),
    ("did not find expected key", "a key is expected here: the indentation does not fit the lines above", ""),
    ("expected <block end>", "the indentation does not fit the lines above", ""),
    ("block sequence entries are not allowed", "a list cannot begin here", "begin it on a line of its own"),
    ("found unexpected end of stream", "the file ends inside quotes that were opened here", "close the quotes"),
    ("unknown escape character", "unknown escape after a backslash", "in '…' a backslash is an ordinary character"),
    ("while scanning a quoted scalar", "the quotes that open here are not closed", "close the quotes"),
    ("cannot start any token", "no value can begin with this character", "put it in quotes"),
    ("undefined tag handle", "unknown tag", "the tags here are !override and !reset"),
)


def _syntax_problem(source: SourceFile, error: yaml.YAMLError) -> Problem:
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem("this is not valid YAML", source.location(1, 1))
    said = f"{error.problem or ''} {error.context or ''}"
    mark = error.problem_mark or error.context_mark
    if "end of stream" in said and error.context_mark:
        mark = error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    line = min(line, len(source.lines))
    tab = _indenting_tab(source.lines[line - 1], column)
    if tab and "quoted" not in said:
        return Problem("a tab cannot indent YAML", source.location(line, tab), "indent with spaces")
    for words, message, hint in _SYNTAX:
        if words in said:
            return Problem(message, source.location(line, column), hint)
    return Problem(f"this is not valid YAML: {show(said.strip(), 200)}", source.location(line, column))


def _indenting_tab(line: str, column: int) -> int:
    """The column of a tab in the white space before the line's first word, or at ``column``; 0: none."""
    for position, character in enumerate(line[: max(column, len(line) - len(line.lstrip()))], start=1):
        if character == "\t" and (position == column or not line[: position - 1].strip()):
            return position
    return 0
