"""Who leads to whom in a chain, and what a profile would be if only some of its files were there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from robenv.profile.chain.extends import find_source, refuse_remote
from robenv.profile.chain.reader import ChainDocument, ChainReader
from robenv.profile.merge.merge import merge
from robenv.profile.merge.rules import PROFILE
from robenv.profile.merge.variables import Variables
from robenv.profile.resolve.seccomp import with_seccomp
from robenv.profile.schema.profile import Profile
from robenv.profile.yaml.nodes import Mapping, Scalar, to_python
from robenv.profile.yaml.parse_error import BadValue

if TYPE_CHECKING:
    from robenv.profile.resolve.resolved import Resolved

Links = dict[ChainDocument, tuple[ChainDocument, ...]]


def links_of(documents: Sequence[ChainDocument]) -> Links:
    """By document, those that its ``extends`` names. A file is one document, however often it is named.

    A second mention of a profile from git is left out: only the resolver that was asked knows what it named.
    """
    by_path = {os.path.realpath(document.source.path): document for document in documents}
    by_place = {document.source.chain[-1]: document for document in documents if document.source.chain}

    def target(entry: Scalar) -> ChainDocument | None:
        first = by_place.get(f"{entry.source.display}:{entry.line}:{entry.column}")
        if first is not None:
            return first
        try:
            return by_path.get(os.path.realpath(find_source(entry.text, entry.source).path))
        except BadValue:
            return None

    return {document: tuple(found for entry in document.extends if (found := target(entry))) for document in documents}


def reach(
    links: Links, starts: Iterable[ChainDocument], through: Callable[[ChainDocument], bool]
) -> set[ChainDocument]:
    """The documents that ``starts`` lead to, with themselves; what ``through`` refuses is neither in it nor passed."""
    found: set[ChainDocument] = set()
    waiting = [start for start in starts if through(start)]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += [below for below in links[one] if through(below)]
    return found


def part_of(resolved: Resolved, documents: set[ChainDocument]) -> Profile | None:
    """The profile that these documents alone come to, merged in the order of the chain; None where they make none.

    Without the variables of ``run.env_file``. Each document is checked already: only the whole could lack something.
    """
    roots = [_inheritable(document.root) for document in resolved.documents if document in documents]
    merged = merge(roots, PROFILE) if roots else None
    files = resolved.files
    if not isinstance(merged, Mapping) or files is None:
        return None
    reader = ChainReader(files.root, Variables({}), refuse_remote)
    data: dict[str, Any] = to_python(with_seccomp(merged, reader))
    data["name"] = resolved.profile.name
    data["workspace"] = {"source": str(files.root), **data.get("workspace", {})}
    try:
        return Profile.model_validate(data)
    except ValidationError:
        return None


def _inheritable(root: Mapping) -> Mapping:
    # A key that nobody knows is there where `!reset` takes it away again.
    known = {key: entry for key, entry in root.entries.items() if key in PROFILE.keys}
    entries = {key: entry for key, entry in known.items() if PROFILE.keys[key].how != "own"}
    return Mapping(entries, root.source, root.line, root.column)
