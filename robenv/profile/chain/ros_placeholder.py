"""``${ros.distro}``: the ROS distribution that a whole chain comes to, for names of packages such as those of mixins.

It is no variable: no environment sets it, and it is put in once all files of the chain are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from robenv.errors import Problem
from robenv.profile.chain.reader import ChainDocument
from robenv.profile.merge.merge import merge
from robenv.profile.merge.rules import PROFILE
from robenv.profile.merge.variables import KEPT
from robenv.profile.yaml.nodes import Mapping, Node, Scalar, Sequence, find, problem_at

_DISTRO = re.compile("[a-z][a-z0-9]{1,31}")
SPELLED = "${ros.distro}"
_STAND_IN = "jazzy"


def distro_of(documents: Iterable[ChainDocument]) -> str:
    """``ros.distro`` of a chain; "" where nothing says it, or nothing that could be one."""
    sections = [node for document in documents if (node := document.root.get("ros")) is not None]
    merged = merge(sections, PROFILE.keys["ros"])
    value = merged.get("distro") if isinstance(merged, Mapping) else None
    return value.text if isinstance(value, Scalar) and _DISTRO.fullmatch(value.text) else ""


def fill(documents: list[ChainDocument], is_project: bool) -> tuple[list[ChainDocument], list[Problem]]:
    """The documents with the distribution put in, and what is wrong where there is none.

    A file whose ``fits.ros`` says what it is for gets its last one there: that it does not fit is told elsewhere, and
    by itself, as ``profiles show`` prints it, it is shown for that one.
    """
    if not any(SPELLED in document.source.text for document in documents):
        return documents, []
    distro = distro_of(documents)
    filled, problems = [], []
    for document in documents:
        if SPELLED not in document.source.text:
            filled.append(document)
            continue
        own = last_fit(document.root)
        missing: list[Scalar] = []
        root = _put(document.root, distro or own or _STAND_IN, missing)
        filled.append(replace(document, root=root) if isinstance(root, Mapping) else document)
        if is_project and not distro and not own:
            problems += [_no_distro(node) for node in missing]
    return filled, problems


def last_fit(root: Mapping) -> str:
    """The last distribution that a file says it fits; "" where it says nothing of them."""
    listed = find(root, ("fits", "ros"))
    texts = [item.text for item in listed.items if isinstance(item, Scalar)] if isinstance(listed, Sequence) else []
    return texts[-1] if texts and _DISTRO.fullmatch(texts[-1]) else ""


def _no_distro(node: Scalar) -> Problem:
    hint = "extend a target of ROS such as ros/jazzy, or write `ros: {distro: jazzy}`"
    return problem_at(node, f"`{SPELLED}` is the ROS distribution, and this profile has none", hint)


def _put(node: Node, distro: str, met: list[Scalar]) -> Node:
    if isinstance(node, Scalar):
        if KEPT not in node.text:
            return node
        met.append(node)
        return replace(node, text=node.text.replace(KEPT, distro))
    if isinstance(node, Sequence):
        return replace(node, items=tuple(_put(item, distro, met) for item in node.items))
    entries = {key: (name, _put(value, distro, met)) for key, (name, value) in node.entries.items()}
    return replace(node, entries=entries)
