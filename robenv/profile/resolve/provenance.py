"""Where every value of a resolved profile was written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from robenv.errors import Location
from robenv.profile.resolve.env_files import env_files, hidden_text
from robenv.profile.resolve.resolved import Resolved
from robenv.profile.yaml.nodes import Node, Scalar, Sequence, place_of

_BARE = re.compile(r"[A-Za-z0-9_/-]+", re.ASCII)


def provenance(resolved: Resolved) -> list[tuple[str, str, Location, str]]:
    """(dotted path, value as text, place, name of the level) of every value written, in the order of the profile. Of a
    file of variables, which may have secrets, no value is shown."""
    files = env_files(resolved)
    return [
        (path, hidden_text(node.source) if str(node.source.path) in files else text, place_of(node), node.source.name)
        for path, text, node in _leaves("", resolved.root)
    ]


def _leaves(path: str, node: Node) -> Iterator[tuple[str, str, Node]]:
    if isinstance(node, Scalar):
        yield path, node.text, node
    elif isinstance(node, Sequence):
        if not node.items:
            yield path, "[]", node
        for index, item in enumerate(node.items):
            yield from _leaves(f"{path}[{index}]", item)
    else:
        if not node.entries and path:
            yield path, "{}", node
        for key, value in node.values():
            step = key if _BARE.fullmatch(key) else '"' + key.replace('"', '\\"') + '"'
            yield from _leaves(f"{path}.{step}" if path else step, value)
