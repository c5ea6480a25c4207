"""Holds the walls of docs/architecture.md: which room may import which, which library stays in which room.

    python scripts/check_imports.py [TOP]

TOP is the checkout, by default this one. Prints one line for each breach and exits 1 if there is any. Every import
counts: also inside functions, under TYPE_CHECKING, and by name through importlib. And no module is too long.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOMS = (
    "places",
    "errors",
    "resources",
    "notices",
    "paths",
    "tars",
    "catalog",
    "profile",
    "host",
    "plan",
    "render",
    "export",
    "engine",
    "share",
    "environment",
    "deploy",
    "doctor",
    "cli",
)
"""Lowest first: a room may import itself and those before it."""

LIBRARIES = {
    "docker": "engine",
    "google": "engine",
    "jinja2": "render",
    "pydantic": "profile",
    "requests": "engine",
    "rich": "cli",
    "typer": "cli",
    "urllib3": "engine",
    "yaml": "profile",
}
"""The one room in which a library of others may be imported."""

MAX_LINES = 400
_TOP_LEVEL = "__init__", "__main__"
_BY_NAME = "import_module", "__import__"


@dataclass(frozen=True)
class Breach:
    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def check(top: Path) -> list[Breach]:
    """All breaches in ``top``/robenv, in the order of files and lines."""
    breaches: list[Breach] = []
    for path in sorted((top / "robenv").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        module = path.relative_to(top)
        found = list(_check_module(module, ast.parse(text, filename=str(path))))
        lines = text.count("\n")
        if lines > MAX_LINES:
            found.append(Breach(module, lines, f"{lines} lines, and a module has at most {MAX_LINES}"))
        breaches += sorted(found, key=lambda breach: breach.line)
    return breaches


def room_of(parts: tuple[str, ...]) -> str:
    """The room of a module's dotted parts: of (robenv, plan, values), "plan"; of the package itself, ""."""
    return parts[1] if len(parts) > 1 and parts[1] not in _TOP_LEVEL else ""


def _check_module(path: Path, tree: ast.Module) -> Iterator[Breach]:
    parts = path.with_suffix("").parts
    room = room_of(parts)
    if room and room not in ROOMS:
        yield Breach(path, 1, f"{room} is no room: add it to docs/architecture.md and to ROOMS of this checker")
        return
    for line, name in _imports(tree, parts):
        message = _judge(room, parts, name)
        if message:
            yield Breach(path, line, message)


def _judge(room: str, parts: tuple[str, ...], name: tuple[str, ...]) -> str:
    """What is wrong with the import of the dotted ``name`` in a module of ``room``; "" if nothing is."""
    if name[0] != "robenv":
        home = LIBRARIES.get(name[0])
        return "" if home in (None, room) else f"{name[0]} is imported in robenv/{home} alone"
    target = room_of(name)
    if target not in ROOMS or parts[-1] == "__main__":
        return ""
    if not room:
        return f"the package itself imports nothing, and this imports {target}"
    if ROOMS.index(target) > ROOMS.index(room):
        return f"{room} may not import {target}, which stands above it"
    return ""


def _imports(tree: ast.Module, parts: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(line, dotted name) of each thing imported; ``from a import b`` gives a.b, whatever b is."""
    package = parts if parts[-1] == "__init__" else parts[:-1]
    package = tuple(part for part in package if part != "__init__")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, tuple(alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            for alias in node.names:
                yield node.lineno, (*base, alias.name)
        elif isinstance(node, ast.Call) and _called(node) in _BY_NAME and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value.strip("."):
                yield node.lineno, tuple(first.value.split("."))


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def main() -> int:
    top = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    breaches = check(top)
    for breach in breaches:
        print(breach)
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
