"""``run.security_opt: [seccomp=FILE]``: the Engine API wants what the file says, as docker's own client reads it."""

from __future__ import annotations

import json
from pathlib import Path

from robenv.profile.chain.reader import ChainReader
from robenv.profile.schema.run.short_syntax import SECCOMP, names_seccomp_file
from robenv.profile.yaml.files import BadFile, read_text
from robenv.profile.yaml.nodes import Mapping, Node, Scalar, Sequence, find, problem_at, scalar_like, with_value
from robenv.util.sanitize import show


def with_seccomp(root: Mapping, reader: ChainReader) -> Mapping:
    """The merged profile with the contents of its seccomp files in their options' place."""
    options = find(root, ("run", "security_opt"))
    if not isinstance(options, Sequence):
        return root
    items = tuple(_contents(item, reader) for item in options.items)
    return with_value(root, ("run", "security_opt"), Sequence(items, options.source, options.line, options.column))


def _contents(item: Node, reader: ChainReader) -> Node:
    if not isinstance(item, Scalar) or not names_seccomp_file(item.text):
        return item
    path = Path(item.text.removeprefix(SECCOMP))
    try:
        text = read_text(path)
        reader.read[str(path)] = None
        # Compact: the same profile differently laid out is no change of the container.
        return scalar_like(item, SECCOMP + json.dumps(json.loads(text), separators=(",", ":")))
    except BadFile as bad:
        (reader.absent if bad.absent else reader.read)[str(path)] = None
        reader.problems.append(problem_at(item, f"{show(str(path))}: {bad.message}", bad.hint))
    except (ValueError, RecursionError):
        reader.problems.append(problem_at(item, f"{show(str(path))} is not JSON", "a seccomp profile is a JSON file"))
    return item
