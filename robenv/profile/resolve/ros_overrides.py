"""The part of ``catalog.yaml`` that corrects what robenv's own profiles say of a ROS distribution."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from robenv.catalog.ros import DISTROS
from robenv.errors import Problem
from robenv.profile.chain.reader import ChainDocument
from robenv.profile.yaml.nodes import Mapping as Entries
from robenv.profile.yaml.nodes import Node, Scalar, find, problem_at, with_value
from robenv.profile.yaml.parse_error import did_you_mean
from robenv.util.sanitize import show

EXAMPLE = "such as `jazzy: {until: 2029-05}`"
UNTIL = "until"
FIELDS = ("package", "package_checksum", "url", "key", "key_checksum")
"""Of the repository of the distribution's packages, by the names that they have in a profile."""
_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])|never", re.ASCII)

RosCorrections = Mapping[str, Mapping[str, Scalar]]
"""By distribution and field, the value at its place in the user's file."""


def read_ros(table: Iterable[tuple[str, Scalar, Node]], problems: list[Problem]) -> dict[str, dict[str, Scalar]]:
    """``table``: (name, where it stands, what is said of it). What is wrong is left out, and told in ``problems``."""
    known = [distro.name for distro in DISTROS]
    found: dict[str, dict[str, Scalar]] = {}
    for distro, at, said in table:
        if distro not in known:
            hint = did_you_mean(distro, known) or "it has " + ", ".join(known)
            problems.append(problem_at(at, f"robenv has no ROS distribution {show(distro)}", hint))
        elif not isinstance(said, Entries):
            problems.append(problem_at(said, "expected a mapping", EXAMPLE))
        else:
            found[distro] = _fields(said, problems)
    return found


def _fields(said: Entries, problems: list[Problem]) -> dict[str, Scalar]:
    found = {}
    for field, (name, value) in said.entries.items():
        if field not in (UNTIL, *FIELDS):
            hint = did_you_mean(field, (UNTIL, *FIELDS)) or "it has " + ", ".join((UNTIL, *FIELDS))
            problems.append(problem_at(name, f"a ROS distribution has no {show(field)} here", hint))
        elif not isinstance(value, Scalar) or value.kind == "null":
            problems.append(problem_at(value, f"{show(field)}: expected one value"))
        elif field == UNTIL and not _MONTH.fullmatch(value.text):
            problems.append(problem_at(value, f"{show(value.text)} is no month", "such as 2029-05, or never"))
        elif field == "key" and not value.text.startswith("https://"):
            hint = "a file of yours goes into robenv.yaml: `apt: {repositories: {NAME: {key: …}}}`"
            problems.append(problem_at(value, "expected an address that begins with https://", hint))
        else:
            found[field] = value
    return found


def corrected(document: ChainDocument, ros: RosCorrections) -> ChainDocument:
    """One of robenv's own profiles with the user's values in the places of its own; any other file as it is."""
    distro = find(document.root, ("ros", "distro"))
    changes = ros.get(distro.text, {}) if isinstance(distro, Scalar) else {}
    if document.source.origin != "builtin" or not changes:
        return document
    root = document.root
    if UNTIL in changes:
        root = with_value(root, ("ros", "end_of_life"), changes[UNTIL])
    repositories = find(root, ("apt", "repositories"))
    for name in repositories.entries if isinstance(repositories, Entries) else ():
        for field in FIELDS:
            if field in changes:
                root = with_value(root, ("apt", "repositories", name, field), changes[field])
    return ChainDocument(document.source, root, document.variables)
