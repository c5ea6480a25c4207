"""Check the structure that docs/architecture.md describes: layers, faces, circles, and where a library is imported.

    python scripts/check_imports.py [TOP]

TOP is the checkout, by default this one. Print one line for each breach, and exit with 1 if there is any.

- A package imports itself and those before it in ``LAYERS``.
- A package is entered by its face: ``__all__`` of its ``__init__`` names the modules that others may import.
- Inside a package, no two children (modules or sub-packages) import each other, directly or in a circle.
- A library is imported only in the packages that ``LIBRARIES`` names.
- What the fast path imports comes from the standard library or from robenv.
- A module has at most ``MAX_LINES`` lines.

Every import counts: inside functions, under TYPE_CHECKING, and by name through importlib. Types alone make no circle,
and what a module imports inside its functions does not slow the fast path down unless it belongs to that path.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

LAYERS = (
    "locations",
    "errors",
    "notices",
    "resources",
    "paths",
    "util",
    "catalog",
    "engine",
    "profile",
    "lockfile",
    "host",
    "plan",
    "render",
    "export",
    "git",
    "bases",
    "fast",
    "remote",
    "transfer",
    "project",
    "bundle",
    "deploy",
    "doctor",
    "cli",
)
"""Modules and packages directly below robenv, lowest first."""

LIBRARIES = {
    "docker": ("engine",),
    "google": ("engine",),
    "h2": ("engine",),
    "jinja2": ("render",),
    "pydantic": ("profile",),
    "requests": ("engine",),
    "rich": ("cli",),
    "typer": ("cli",),
    "urllib3": ("engine",),
    "yaml": ("profile",),
    "zstandard": ("bundle", "transfer"),
}
"""The packages in which a library may be imported."""

FAST = ("robenv.cli.entry", "robenv.cli.fast", "robenv.fast")
"""The fast path: these modules, and those below the package."""

MAX_LINES = 400
_BY_NAME = "import_module", "__import__"


@dataclass(frozen=True)
class Breach:
    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Import:
    line: int
    name: str
    """Dotted; ``from a import b`` gives ``a.b``, whatever ``b`` is."""
    in_function: bool
    for_types: bool


@dataclass(frozen=True)
class Module:
    name: str
    path: Path
    lines: int
    imports: tuple[Import, ...]
    face: frozenset[str]
    """What ``__all__`` names; empty for anything but a package."""


def check(top: Path) -> list[Breach]:
    """All breaches in ``top``/robenv, in the order of files and lines."""
    modules = {module.name: module for module in map(_read, _files(top))}
    breaches: list[Breach] = []
    for module in modules.values():
        if module.lines > MAX_LINES:
            breaches.append(
                Breach(module.path, module.lines, f"{module.lines} lines; a module has at most {MAX_LINES}")
            )
        for one in module.imports:
            for message in _judge(module, one, modules):
                breaches.append(Breach(module.path, one.line, message))
    breaches += _unknown_layers(modules)
    breaches += _circles(modules)
    breaches += _slow_imports(modules)
    return sorted(set(breaches), key=lambda breach: (str(breach.path), breach.line, breach.message))


def _files(top: Path) -> Iterator[tuple[Path, Path]]:
    for path in sorted((top / "robenv").rglob("*.py")):
        yield path, path.relative_to(top)


def _read(file: tuple[Path, Path]) -> Module:
    path, relative = file
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text, filename=str(path))
    parts = relative.with_suffix("").parts
    is_package = parts[-1] == "__init__"
    package = parts[:-1]
    name = ".".join(package if is_package else parts)
    face = _face(tree) if is_package else frozenset()
    return Module(name, relative, text.count("\n"), tuple(_imports(tree, package)), face)


def _face(tree: ast.Module) -> frozenset[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "__all__" for target in node.targets):
            return frozenset(ast.literal_eval(node.value))
    return frozenset()


def _imports(
    node: ast.AST, package: tuple[str, ...], in_function: bool = False, for_types: bool = False
) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        for line, name in _names(child, package):
            yield Import(line, name, in_function, for_types)
        inside = in_function or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        types = for_types or (isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"))
        yield from _imports(child, package, inside, types)


def _names(node: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield node.lineno, alias.name
    elif isinstance(node, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else ()
        base += (node.module,) if node.module else ()
        for alias in node.names:
            yield node.lineno, ".".join((*base, alias.name))
    elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _BY_NAME and node.args:
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value.strip("."):
            yield node.lineno, first.value


def _judge(module: Module, one: Import, modules: Mapping[str, Module]) -> Iterator[str]:
    """What is wrong with one import of a module."""
    layer = _layer(module.name)
    if not one.name.startswith("robenv."):
        homes = LIBRARIES.get(one.name.partition(".")[0])
        if homes and layer not in homes:
            yield f"{one.name.partition('.')[0]} is imported only in {' and '.join(f'robenv/{home}' for home in homes)}"
        return
    target = _layer(one.name)
    if target not in LAYERS or module.name.endswith("__main__"):
        return
    if not layer:
        yield f"the package itself imports nothing, and this imports {target}"
    elif layer in LAYERS and LAYERS.index(target) > LAYERS.index(layer):
        yield f"{layer} may not import {target}, which is above it"
    yield from _past_face(module.name, one.name, modules)


def _past_face(importer: str, name: str, modules: Mapping[str, Module]) -> Iterator[str]:
    target = _module_of(name, modules)
    parts = target.split(".")
    if target in modules and target != name:  # a name that the package or module defines
        parts += [name.rpartition(".")[2]] if modules[target].path.name == "__init__.py" else []
    for depth in range(2, len(parts)):
        package = ".".join(parts[:depth])
        if f"{importer}.".startswith(f"{package}."):
            continue
        if package in modules and parts[depth] not in modules[package].face:
            yield f"{name} is private to {package}: its face does not name {parts[depth]}"
            return


def _layer(name: str) -> str:
    """Of robenv.plan.models, "plan"; of the package itself, ""."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] not in ("__init__", "__main__", "__version__") else ""


def _module_of(name: str, modules: Mapping[str, Module]) -> str:
    """The module that has the imported thing."""
    return name if name in modules else name.rpartition(".")[0]


def _unknown_layers(modules: Mapping[str, Module]) -> Iterator[Breach]:
    for module in modules.values():
        if _layer(module.name) not in (*LAYERS, ""):
            yield Breach(module.path, 1, f"{_layer(module.name)} is no layer: add it to docs/architecture.md and here")


def _circles(modules: Mapping[str, Module]) -> Iterator[Breach]:
    """Children of one package that lead back to themselves, each told once."""
    edges: dict[str, dict[str, list[tuple[str, Breach]]]] = {}
    for module in modules.values():
        for one in module.imports:
            target = _module_of(one.name, modules)
            if one.for_types or target not in modules:
                continue
            package, here, there = _part(module.name, target)
            if package and here and there:
                breach = Breach(module.path, one.line, "")
                edges.setdefault(package, {}).setdefault(here, []).append((there, breach))
    for package, graph in edges.items():
        told: set[str] = set()
        for start in sorted(graph):
            way = _way_back(start, graph)
            if way and not told & set(way):
                told |= set(way)
                breach = next(breach for there, breach in graph[start] if there == way[1])
                yield Breach(breach.path, breach.line, f"circle in {package}: {' → '.join(way)}")


def _part(importer: str, target: str) -> tuple[str, str, str]:
    """(package, child, child): where two modules part."""
    here, there = importer.split("."), target.split(".")
    depth = 0
    while depth < min(len(here), len(there)) and here[depth] == there[depth]:
        depth += 1
    if depth < 2 or depth == len(here) or depth == len(there):
        return "", "", ""
    return ".".join(here[:depth]), here[depth], there[depth]


def _way_back(start: str, graph: Mapping[str, Iterable[tuple[str, Breach]]]) -> list[str]:
    """The shortest way from ``start`` to itself; empty if there is none."""
    ways, seen = [[start]], set()
    while ways:
        way = ways.pop(0)
        for there, _ in graph.get(way[-1], ()):
            if there == start:
                return [*way, there]
            if there not in seen:
                seen.add(there)
                ways.append([*way, there])
    return []


def _slow_imports(modules: Mapping[str, Module]) -> Iterator[Breach]:
    """What is neither robenv's nor the standard library's, and imported on the fast path."""
    known = {name for name in modules if any(f"{name}.".startswith(f"{fast}.") for fast in FAST)}
    own = set(known)
    todo = list(known)
    while todo:
        module = modules[todo.pop()]
        for one in module.imports:
            if one.for_types or (one.in_function and module.name not in own):
                continue
            if module.name == "robenv.cli.entry" and one.in_function and not one.name.startswith("robenv.cli.fast"):
                continue  # the whole command line, or the help
            top = one.name.partition(".")[0]
            if top != "robenv" and top not in sys.stdlib_module_names:
                yield Breach(
                    module.path, one.line, f"{top} is imported on the fast path, which has the standard library"
                )
            target = _module_of(one.name, modules)
            packages = {target.rsplit(".", depth)[0] for depth in range(target.count(".") + 1)}
            todo += [name for name in packages if name in modules and name not in known]
            known |= packages & set(modules)


def main() -> int:
    top = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    breaches = check(top)
    for breach in breaches:
        print(breach)
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
