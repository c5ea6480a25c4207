"""``run.env_file``: the variables of those files, below what ``run.environment`` says."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from robenv.errors import Problem
from robenv.profile.chain.extends import display_path
from robenv.profile.chain.reader import ChainReader
from robenv.profile.merge.dotenv import Variable, parse_dotenv
from robenv.profile.merge.variables import nothing
from robenv.profile.yaml.files import BadFile, read_text
from robenv.profile.yaml.nodes import Mapping, Node, Scalar, Sequence, SourceFile, find, problem_at, with_value
from robenv.profile.yaml.parse_error import BadValue
from robenv.util.sanitize import safe, show

if TYPE_CHECKING:
    from robenv.profile.resolve.resolved import Resolved


def env_files(resolved: Resolved) -> frozenset[str]:
    return frozenset(str(one.path) for one in resolved.profile.run.env_file)


def hidden_text(source: SourceFile) -> str:
    """What is shown in the place of a value of a file of variables, which is in no git and may have secrets."""
    return f"(hidden, from {source.display})"


def hidden_variables(resolved: Resolved) -> dict[str, str]:
    """The variables whose values stand in such a file, with what is shown in their place."""
    files = env_files(resolved)
    found = find(resolved.root, ("run", "environment"))
    entries = found.entries if isinstance(found, Mapping) else {}
    return {name: hidden_text(key.source) for name, (key, _) in entries.items() if str(key.source.path) in files}


def with_env_files(root: Mapping, reader: ChainReader) -> Mapping:
    """The merged profile with the variables of its env_file entries in run.environment, each at its own place."""
    files = find(root, ("run", "env_file"))
    if not isinstance(files, Sequence):
        return root
    variables: dict[str, tuple[Scalar, Node]] = {}
    for entry in files.items:
        if isinstance(entry, Mapping):
            variables.update(_read(entry, reader))
    own = find(root, ("run", "environment"))
    if isinstance(own, Mapping):
        variables.update(own.entries)
    at = own or files
    return with_value(root, ("run", "environment"), Mapping(variables, at.source, at.line, at.column))


def _read(entry: Mapping, reader: ChainReader) -> dict[str, tuple[Scalar, Node]]:
    named, required, form = entry.get("path"), entry.get("required"), entry.get("format")
    if not isinstance(named, Scalar):
        return {}
    path = Path(named.text)
    try:
        text = read_text(path)
    except BadFile as bad:
        (reader.absent if bad.absent else reader.read)[str(path)] = None
        optional = bad.absent and isinstance(required, Scalar) and required.text.lower() == "false"
        if not optional:
            reader.problems.append(problem_at(named, f"{show(named.text)}: {bad.message}", bad.hint))
        return {}
    reader.read[str(path)] = None
    display = safe(display_path(path, reader.project_root))
    above = named.source
    source = SourceFile(path, display, display, above.origin, above.root, (*above.chain, above.display), text)
    raw = isinstance(form, Scalar) and form.text == "raw"
    return _variables(source, reader, raw)


def _variables(source: SourceFile, reader: ChainReader, raw: bool) -> dict[str, tuple[Scalar, Node]]:
    lookup = nothing if source.foreign else reader.variables.lookup
    if raw:
        return dict(_raw_lines(source))
    variables, bad_lines = parse_dotenv(source.text, lookup, partial(reader.unset, source))
    for bad in bad_lines:
        reader.problems.append(Problem(bad.message, source.location(bad.line, bad.column), bad.hint))
    found: dict[str, tuple[Scalar, Node]] = {}
    for variable in variables:
        try:
            value = lookup(variable.name) if variable.value is None else variable.value
        except BadValue as error:
            reader.problems.append(Problem(error.message, source.location(variable.line, variable.column), error.hint))
            continue
        if value is not None:
            found[variable.name] = _pair(source, variable, value)
    return found


def _raw_lines(source: SourceFile) -> list[tuple[str, tuple[Scalar, Node]]]:
    """``format: raw``: everything after the first ``=`` as it stands."""
    found: list[tuple[str, tuple[Scalar, Node]]] = []
    for number, line in enumerate(source.lines, start=1):
        name, equals, value = line.partition("=")
        if equals and not line.lstrip().startswith("#"):
            found.append((name.strip(), _pair(source, Variable(name.strip(), value, number, 1), value)))
    return found


def _pair(source: SourceFile, at: Variable, value: str) -> tuple[Scalar, Node]:
    return (
        Scalar(at.name, "str", source, at.line, at.column),
        Scalar(value, "str", source, at.line, at.column),
    )
