"""Values as YAML, for people and for programs that read YAML 1.1 too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Lists stand below their key, further in, as people write them; nothing is an alias."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def dump_yaml(*documents: Any, comment: Iterable[str] = ()) -> str:
    """The documents, in the order of their keys. ``comment``: lines in front. What a reader might take for another
    type (``no``, ``22:22``) is in quotes."""
    front = "".join(f"# {line}".rstrip() + "\n" for line in comment)
    texts = (
        yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)
        for document in documents
    )
    return front + "---\n".join(texts)
