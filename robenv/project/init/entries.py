"""Findings as lines of YAML: those that are taken, and those that stand in comments for the user to allow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robenv.profile.chain.validate import check_file
from robenv.profile.merge.normalize import Normalizer
from robenv.profile.merge.rules import PROFILE
from robenv.profile.yaml.loader import core_kind, load_yaml
from robenv.profile.yaml.nodes import Mapping, SourceFile
from robenv.project.init.findings import LISTS, MAPPINGS, InitFinding, given_by
from robenv.util.sanitize import safe

_PLAIN = re.compile(r"[A-Za-z0-9_/][\w./@+=-]*(?::[\w./@+=-]+)*")
_TEXT = ("environment", "run.storage_opt", "run.sysctls")
"""Keys whose values are text also where they look like numbers."""
_PLACE = Path("/project")
"""Where a project would be, for a look at its values alone."""
_OF_SHELL = re.compile(r"\$[(\d@*#?!]|`")
_STRICT_WORDS = ("yes", "no", "on", "off", "y", "n", "null", "~")


@dataclass(frozen=True)
class ProfileEntry:
    path: tuple[str, ...]
    """The keys down to it: two entries at one path say the same thing twice."""
    text: str
    finding: InitFinding
    active: bool


def entries_of(taken: Sequence[InitFinding], asked: Sequence[InitFinding]) -> list[ProfileEntry]:
    """Of several that are about the same the first; what is taken goes before what is asked for."""
    found: dict[tuple[str, ...], ProfileEntry] = {}
    for active, findings in ((True, taken), (False, asked)):
        for finding in findings:
            entry = _entry(finding, active)
            found.setdefault(entry.path, entry)
    return list(found.values())


def _entry(finding: InitFinding, active: bool) -> ProfileEntry:
    keys = tuple(finding.key.split("."))
    if finding.key in LISTS:
        text = _flow(finding.value)
        same = _target(finding)
        return ProfileEntry((*keys, same), f"- {text}", finding, active)
    if finding.key in MAPPINGS:
        name, _, value = finding.value.partition("=")
        return ProfileEntry((*keys, name), f"{name}: {_scalar(value, finding.key)}", finding, active)
    return ProfileEntry(keys, f"{keys[-1]}: {_scalar(finding.value, finding.key)}", finding, active)


def _target(finding: InitFinding) -> str:
    """What makes two entries of a list the same: the place inside for volumes and devices, else all of it."""
    if finding.key == "devices":
        said = json.loads(finding.value) if finding.value.startswith("{") else {"by": finding.value}
        return str(said.get("target") or said.get("by") or said.get("class"))
    if finding.key == "run.volumes":
        parts = re.findall(r"(?:\$\{[^}]{0,300}\}|[^:])+", finding.value)
        return parts[1] if len(parts) > 1 else finding.value
    return finding.value


def _flow(value: str) -> str:
    if value.startswith("{"):
        try:
            said = json.loads(value)
        except ValueError:
            return json.dumps(value, ensure_ascii=False)
        return "{" + ", ".join(f"{key}: {_inline(one)}" for key, one in said.items()) + "}"
    return _scalar(value, "")


def _inline(value: Any) -> str:
    return _scalar(value, "") if isinstance(value, str) and "," not in value else json.dumps(value, ensure_ascii=False)


def _scalar(value: str, key: str) -> str:
    """Plain where YAML takes it for what it is; numbers and booleans too, but for text that looks like one."""
    if value.startswith("{") and key not in _TEXT:
        return _flow(value)
    kind = core_kind(value)
    if kind in ("bool", "int") and key not in _TEXT and value:
        return value
    if kind == "str" and _PLAIN.fullmatch(value) and value.lower() not in _STRICT_WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def lines(entries: Sequence[ProfileEntry]) -> list[str]:
    """The YAML of entries below one top-level key, or of that key itself."""
    return list(_branch(entries, 0, -1))


def _branch(entries: Sequence[ProfileEntry], depth: int, active_depth: int) -> Iterator[str]:
    """``active_depth``: how far the keys above are active; what is deeper stands in one comment with its keys."""
    for key in dict.fromkeys(entry.path[depth] for entry in entries):
        own = [entry for entry in entries if entry.path[depth] == key]
        is_item = depth + 1 == len(own[0].path)
        if is_item:
            yield _written(own[0], depth, active_depth)
            continue
        active = any(entry.active for entry in own)
        yield _indented(f"{key}:", depth, active, active_depth)
        ordered = sorted(own, key=lambda entry: not entry.active)
        yield from _branch(ordered, depth + 1, depth if active else active_depth)


def _written(entry: ProfileEntry, depth: int, active_depth: int) -> str:
    text = _indented(safe(entry.text), depth, entry.active, active_depth)
    why = entry.finding.source
    if not entry.active:
        why += f"; gives {given_by(entry.finding)}: uncomment to allow"
    return commented(text, why)


def _indented(text: str, depth: int, active: bool, active_depth: int) -> str:
    if active:
        return "  " * depth + text
    above = active_depth + 1
    return "  " * above + "# " + "  " * (depth - above) + text


def commented(text: str, why: str) -> str:
    return f"{text}  # {safe(why)}" if why else text


def refusal(finding: InitFinding) -> str:
    """Why the finding cannot stand in a profile, in the schema's words; "" where it can, or where variables decide."""
    if _OF_SHELL.search(finding.value):
        return "only the shell that runs it knows the value"
    if "$" in finding.value:
        return ""
    text = "\n".join(lines(entries_of([finding], []))) + "\n"
    source = SourceFile(_PLACE / "robenv.yaml", "robenv.yaml", "", "project", _PLACE, (), text)
    root, problems = load_yaml(source)
    if isinstance(root, Mapping) and not problems:
        normalizer = Normalizer(source, lambda name: str(_PLACE))
        shaped = normalizer.run(root, PROFILE)
        problems = tuple(normalizer.problems)
        problems += check_file(shaped)[0] if isinstance(shaped, Mapping) else ()
    return problems[0].message if problems else "" if isinstance(root, Mapping) else "it is no value"
