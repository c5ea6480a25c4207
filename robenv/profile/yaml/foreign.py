"""YAML of other tools, such as a Compose file: anchors and merge keys are resolved, tags passed over. Profiles go
through ``robenv.profile.yaml.loader``, which is strict."""

from __future__ import annotations

from typing import Any

import yaml

MAX_NODES = 20_000
"""With everything that aliases stand for: a small file could stand for gigabytes."""


class ForeignText(str):
    """A scalar as it is written, with its line."""

    line: int

    @classmethod
    def at(cls, text: str, line: int) -> ForeignText:
        made = cls(text)
        made.line = line
        return made


def load_foreign(text: str) -> Any:
    """Mappings as dict, lists as list, every scalar as ``ForeignText``; None where it is no YAML that can be read."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        return _EventReader().value(root) if root is not None else None
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError):
        return None


class _EventReader:
    def __init__(self) -> None:
        self._count = 0

    def value(self, node: Any) -> Any:
        self._count += 1
        if self._count > MAX_NODES:
            raise ValueError("too large")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item) for item in node.value]
        return ForeignText.at(node.value, node.start_mark.line + 1)

    def _mapping(self, node: Any) -> dict[Any, Any]:
        merged: dict[Any, Any] = {}
        own: dict[Any, Any] = {}
        for key, value in node.value:
            name = self.value(key) if isinstance(key, yaml.ScalarNode) else ""
            read = self.value(value)
            if name != "<<":
                own[name] = read
                continue
            for one in read if isinstance(read, list) else [read]:
                merged = {**(one if isinstance(one, dict) else {}), **merged}
        return {**merged, **own}
