"""``${VAR}`` in values, with the operators and the meaning that Compose gives them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from robenv.profile.yaml.parse_error import BadValue
from robenv.util.sanitize import show

MAX_RESULT = 1024 * 1024
"""Characters that one value may have after substitution."""
MAX_NESTING = 20

Lookup = Callable[[str], "str | None"]

_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(":?[-?+]")
_MARKS = re.compile(r"\$\{|\}")
KEPT = "\uffff{ros.distro}\uffff"
"""What stands for ``${ros.distro}`` until the whole chain is read. No file may have that character."""
_ROS_DISTRO = "ros.distro"
_ESCAPE_HINT = "write `$$` for a dollar sign"


@dataclass
class Variables:
    """Where values come from: the environment first, then ``.env``. Remembers what was asked for."""

    environ: Mapping[str, str]
    dotenv: dict[str, str] = field(default_factory=dict)
    seen: dict[str, str | None] = field(default_factory=dict)
    """Every variable looked up, with what the environment itself has for it."""

    def lookup(self, name: str) -> str | None:
        self.seen[name] = value = self.environ.get(name)
        if value is None:
            value = self.dotenv.get(name)
        if value is not None and not value.isascii():
            try:
                value.encode("utf-8")
            except UnicodeEncodeError:
                raise BadValue(f"the value of the variable {show(name)} is not UTF-8") from None
        return value


def nothing(name: str) -> str | None:
    """The lookup of a profile that is not the user's own: it sees none of the host's variables."""
    return None


def interpolate(text: str, lookup: Lookup, unset: Callable[[str], None]) -> str:
    """``text`` with its variables put in; ``unset`` is told each name that has neither value nor default.

    Raises BadValue for a malformed ``${``, a required variable that is missing, and a result beyond MAX_RESULT.
    """
    if "$" not in text:
        return text
    result = _expand(text, lookup, unset, 0)
    if len(result) > MAX_RESULT:
        raise BadValue(f"this value has more than {MAX_RESULT:,} characters once its variables are put in")
    return result


def _expand(text: str, lookup: Lookup, unset: Callable[[str], None], depth: int) -> str:
    if depth > MAX_NESTING:
        raise BadValue(f"variables are nested more than {MAX_NESTING} levels deep")
    parts: list[str] = []
    size = at = 0
    while (dollar := text.find("$", at)) >= 0 and size <= MAX_RESULT:
        parts.append(text[at:dollar])
        value, at = _reference(text, dollar, lookup, unset, depth)
        parts.append(value)
        size += len(value)
    parts.append(text[at:])
    return "".join(parts)


def _reference(text: str, dollar: int, lookup: Lookup, unset: Callable[[str], None], depth: int) -> tuple[str, int]:
    """The value of what begins at ``dollar``, and where the text goes on."""
    after = dollar + 1
    if text.startswith("$", after):
        return "$", after + 1
    if text.startswith("{", after):
        end = _closing_brace(text, after + 1)
        inner = text[after + 1 : end]
        if end >= 0 and inner == _ROS_DISTRO:
            return KEPT, end + 1
        name = _NAME.match(inner)
        if end < 0 or name is None:
            raise BadValue(f"{show(text[dollar:])} is not a variable: expected ${{NAME}}", _ESCAPE_HINT)
        return _braced(inner, name[0], lookup, unset, depth), end + 1
    name = _NAME.match(text, after)
    if name is None:
        return "$", after
    return _plain(name[0], lookup, unset), name.end()


def _closing_brace(text: str, start: int) -> int:
    open_braces = 1
    for mark in _MARKS.finditer(text, start):
        open_braces += 1 if mark[0] == "${" else -1
        if open_braces == 0:
            return mark.start()
    return -1


def _plain(name: str, lookup: Lookup, unset: Callable[[str], None]) -> str:
    value = lookup(name)
    if value is None:
        unset(name)
        return ""
    return value


def _braced(inner: str, name: str, lookup: Lookup, unset: Callable[[str], None], depth: int) -> str:
    rest = inner[len(name) :]
    if not rest:
        return _plain(name, lookup, unset)
    operator = _OPERATOR.match(rest)
    if operator is None:
        raise BadValue(f"{show('${' + inner + '}')} is not a variable: expected ${{NAME}}", _ESCAPE_HINT)
    argument = rest[operator.end() :]
    value = lookup(name)
    empty_counts = operator[0].startswith(":")
    present = value is not None and not (empty_counts and value == "")
    kind = operator[0][-1]
    if kind == "+":
        return _expand(argument, lookup, unset, depth + 1) if present else ""
    if present:
        return value or ""
    if kind == "-":
        return _expand(argument, lookup, unset, depth + 1)
    said = _expand(argument, lookup, unset, depth + 1)
    state = "is empty" if value is not None else "is not set"
    message = f"the variable `{name}` is required and {state}" + (f": {show(said, 200)[1:-1]}" if said else "")
    raise BadValue(message, f"set {name} in the environment or in .env")
