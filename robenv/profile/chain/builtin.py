"""The catalogue of built-in profiles: cheap to list, whatever state a profile is in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from robenv.profile.chain.extends import builtin_files
from robenv.profile.yaml.files import BadFile, read_text
from robenv.profile.yaml.loader import load_yaml
from robenv.profile.yaml.nodes import Mapping, Scalar, SourceFile


@dataclass(frozen=True)
class BuiltinProfile:
    name: str
    description: str
    path: Path
    problem: str = ""
    """Why it cannot be read; "" where it can."""


def list_builtin() -> tuple[BuiltinProfile, ...]:
    """All built-in profiles by name. Only parses the files: what they extend and mean is not looked at."""
    return tuple(_describe(name, path) for name, path in builtin_files())


def _describe(name: str, path: Path) -> BuiltinProfile:
    try:
        text = read_text(path)
    except BadFile as bad:
        return BuiltinProfile(name, "", path, bad.message)
    root, problems = load_yaml(SourceFile(path, str(path), name, "builtin", path.parent, (), text))
    problem = problems[0].message if problems else "" if isinstance(root, Mapping) else "it is no mapping"
    description = root.get("description") if isinstance(root, Mapping) else None
    return BuiltinProfile(name, description.text if isinstance(description, Scalar) else "", path, problem)
