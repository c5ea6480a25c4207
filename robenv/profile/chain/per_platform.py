"""``per_platform``: what a profile says for one platform alone, put over what the same file says for all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from robenv.profile.merge.merge import Rule
from robenv.profile.merge.rules import PROFILE
from robenv.profile.yaml.nodes import Mapping, Node, Sequence

KEY = "per_platform"


def parts_of(root: Node) -> dict[str, Mapping]:
    """By platform, what one file says for it alone."""
    parts = root.get(KEY) if isinstance(root, Mapping) else None
    if not isinstance(parts, Mapping):
        return {}
    return {platform: part for platform, part in parts.values() if isinstance(part, Mapping)}


def platforms_of(roots: Iterable[Node]) -> tuple[str, ...]:
    """Those that some file has a part for, each once, in the order of the chain."""
    return tuple(dict.fromkeys(platform for root in roots for platform in parts_of(root)))


def for_platform(root: Mapping, platform: str) -> Mapping:
    """One file as it is for ``platform``; its ``!override`` and ``!reset`` are still for the levels below it."""
    part = parts_of(root).get(platform)
    stacked = root if part is None else _stack(root, part, PROFILE)
    return stacked if isinstance(stacked, Mapping) else root


def _stack(low: Node, high: Node, rule: Rule) -> Node:
    """Two values that one level gives to a key, as one: nothing of either is carried out yet."""
    if high.directive or rule.how not in ("append", "mapping"):
        return high
    if low.directive == "reset":
        return replace(high, directive="override")
    if isinstance(low, Sequence) and isinstance(high, Sequence):
        return replace(high, items=(*low.items, *high.items), directive=low.directive)
    if isinstance(low, Mapping) and isinstance(high, Mapping):
        entries = dict(low.entries)
        for key, (name, value) in high.entries.items():
            below = rule.below(key)
            both = key in entries and below is not None
            entries[key] = (name, _stack(entries[key][1], value, below) if both and below else value)
        return replace(high, entries=entries, directive=low.directive)
    return high
