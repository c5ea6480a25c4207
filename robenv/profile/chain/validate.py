"""One file against the schema: every refusal becomes a plain sentence at its exact place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from robenv.errors import Problem
from robenv.profile.chain.per_platform import KEY
from robenv.profile.schema.profile import Profile
from robenv.profile.schema.types import describe
from robenv.profile.schema.unsupported_keys import about_unknown, instead_of_mapping, meant_by
from robenv.profile.yaml.nodes import Mapping, Node, Path_, Sequence, nearest, problem_at, to_python
from robenv.profile.yaml.parse_error import BadValue, did_you_mean
from robenv.util.sanitize import show

MAX_FINDINGS = 200
"""How many wrong values of a file are told."""


def check_file(root: Mapping) -> tuple[tuple[Problem, ...], tuple[Path_, ...]]:
    """What is wrong with the values of one file, and the paths to leave out so that the rest can be used."""
    try:
        Profile.model_validate(to_python(root))
    except ValidationError as error:
        return problems_of(root, error)
    return (), ()


def problems_of(root: Mapping, error: ValidationError) -> tuple[tuple[Problem, ...], tuple[Path_, ...]]:
    """pydantic's findings in our words and at the nodes that they are about."""
    problems: dict[tuple[int, int, str], Problem] = {}
    broken: dict[Path_, None] = {}
    for number, finding in enumerate(error.errors(include_url=False)):
        path = tuple(finding["loc"])
        broken[_cut(path)] = None
        if number >= MAX_FINDINGS:
            continue
        problem = _problem(root, path, finding)
        place = problem.location
        if place:
            # A one-line form may be wrong in two of its parts for the same reason: that is one problem.
            said = problem.message.removeprefix(_where(path))
            problems.setdefault((place.line, place.column, said), problem)
    return tuple(problems.values()), tuple(broken)


def _cut(path: Path_) -> Path_:
    """What goes with a broken value: the entry of the list that it is in, else its section's key."""
    if path[:1] == (KEY,):
        return (*path[:2], *_cut(path[2:]))
    for end, step in enumerate(path, start=1):
        if isinstance(step, int):
            return path[:end]
    return path[:2]


def without(node: Node, paths: Iterable[Path_]) -> Node:
    """``node`` without what stands at ``paths``."""
    below: dict[str | int, list[Path_]] = {}
    for path in paths:
        below.setdefault(path[0], []).append(path[1:])
    gone = {step for step, rests in below.items() if () in rests}
    if isinstance(node, Mapping):
        entries = {
            key: (name, without(value, below[key]) if key in below else value)
            for key, (name, value) in node.entries.items()
            if key not in gone
        }
        return Mapping(entries, node.source, node.line, node.column, node.directive)
    if isinstance(node, Sequence):
        items = tuple(
            without(item, below[index]) if index in below else item
            for index, item in enumerate(node.items)
            if index not in gone
        )
        return Sequence(items, node.source, node.line, node.column, node.directive)
    return node


def _problem(root: Mapping, path: Path_, finding: Any) -> Problem:
    kind = finding["type"]
    if kind == "value_error" and isinstance(finding["ctx"]["error"], BadValue):
        bad = finding["ctx"]["error"]
        at = _key_node(root, path[:-1]) if path[-1:] == ("[key]",) else nearest(root, path)
        return problem_at(at, _where(path) + bad.message, bad.hint)
    if kind == "extra_forbidden":
        return _unknown_key(root, path)
    if kind == "missing":
        known = ", ".join(f"`{key}`" for key in _keys_at(path[:-1], required=True))
        return problem_at(nearest(root, path[:-1]), f"`{path[-1]}` is missing", f"required here: {known}")
    found = describe(finding["input"])
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        keys = ", ".join(_keys_at(path)[:4])
        hint = f"such as {keys}" if keys else "write `NAME: value` lines below it"
        hint = instead_of_mapping(".".join(map(str, path)), finding["input"]) or hint
        return problem_at(nearest(root, path), f"{_where(path)}expected a mapping, not {found}", hint)
    if kind in ("list_type", "tuple_type"):
        hint = "write one entry a line, each after `- `, or all in [ ]"
        return problem_at(nearest(root, path), f"{_where(path)}expected a list, not {found}", hint)
    if kind == "too_short":
        return problem_at(nearest(root, path), f"{_where(path)}expected at least one entry")
    return problem_at(nearest(root, path), f"{_where(path)}{finding['msg']}")


def _where(path: Path_) -> str:
    """The key that a message is about, for a reader who sees no excerpt."""
    named = [str(step) for step in path if not isinstance(step, int) and step != "[key]"]
    return f"{show('.'.join(named))}: " if named else ""


def _key_node(root: Mapping, path: Path_) -> Node:
    parent = nearest(root, path[:-1])
    entry = parent.entries.get(str(path[-1])) if isinstance(parent, Mapping) and path else None
    return entry[0] if entry else parent


_FEW = 12
"""How many keys a message lists."""


def _unknown_key(root: Mapping, path: Path_) -> Problem:
    key = str(path[-1])
    dotted = ".".join(str(step) for step in path if not isinstance(step, int))
    known = about_unknown(dotted if path[0] != KEY else ".".join(dotted.split(".")[2:]))
    if known:
        return problem_at(_key_node(root, path), *known)
    siblings = _keys_at(path[:-1])
    parent = ".".join(str(step) for step in path[:-1] if not isinstance(step, int))
    inside = f" in {show(parent)}" if parent else ""
    named = "known here: " + ", ".join(siblings) if len(siblings) <= _FEW else "docs/profile.md lists the keys"
    hint = meant_by(dotted) or did_you_mean(key, siblings) or _elsewhere(key) or named
    return problem_at(_key_node(root, path), f"unknown key {show(key)}{inside}", hint)


def _elsewhere(key: str) -> str:
    """Where a key belongs that stands in the wrong section; "" where no section has it."""
    for section in ("run", "image", "apt", "base", "user", "workspace"):
        if key in _keys_at((section,)):
            return f"`{key}` belongs under `{section}`"
    return f"`{key}` belongs at the top of the file" if key in _keys_at(()) else ""


def _keys_at(path: Path_, required: bool = False) -> list[str]:
    """The keys of the section at ``path`` of the schema; empty where there is none."""
    annotation: Any = Profile
    for step in path:
        annotation = _below(annotation, step)
    model = _model_in(annotation)
    if model is None:
        return []
    fields = model.model_fields.items()
    return [field.alias or name for name, field in fields if field.is_required() or not required]


def _below(annotation: Any, step: str | int) -> Any:
    for part in _parts(annotation):
        if isinstance(part, type) and issubclass(part, BaseModel):
            for name, field in part.model_fields.items():
                if (field.alias or name) == step:
                    return field.annotation
        elif get_origin(part) is dict:
            return get_args(part)[1]
        elif get_origin(part) is tuple:
            return get_args(part)[0]
    return None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    for part in _parts(annotation):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def _parts(annotation: Any) -> Iterator[Any]:
    """The annotation without Annotated, and the members of a union."""
    origin = get_origin(annotation)
    if origin in (dict, tuple) or (isinstance(annotation, type) and origin is None):
        yield annotation
    elif annotation is not None:
        for part in get_args(annotation):
            yield from _parts(part)
