"""Device nodes by name, pattern and class. Pure."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterable
from typing import TYPE_CHECKING

from robenv.catalog.devices import CLASSES, DeviceClass

if TYPE_CHECKING:
    from robenv.host.facts import DeviceNode


def tidy(path: str) -> str:
    """One spelling for each path."""
    return posixpath.normpath("/" + path.lstrip("/"))


def is_pattern(path: str) -> bool:
    return any(character in path for character in "*?[")


def matches(path: str, pattern: str) -> bool:
    """As a shell does: ``*``, ``?`` and ``[…]`` stay in one folder."""
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


def nodes_of_class(kind: DeviceClass, nodes: Iterable[DeviceNode]) -> list[DeviceNode]:
    """The nodes of a class, and its stable names for them."""
    patterns = (*kind.nodes, *kind.links)
    return [node for node in nodes if any(matches(node.path, pattern) for pattern in patterns)]


def class_of(path: str) -> str:
    """The class that a device of this path or pattern is of, by its name; "" for none."""
    for name, kind in CLASSES.items():
        if any(matches(path, pattern) or path == pattern for pattern in (*kind.nodes, *kind.links)):
            return name
    # A stable name's folder says it too, though what is asked for there may be a pattern of its own.
    folders = {path, posixpath.dirname(path)} - {"/dev"}
    patterns = ((name, pattern) for name, kind in CLASSES.items() for pattern in (*kind.links, *kind.nodes))
    return next((name for name, pattern in patterns if posixpath.dirname(pattern) in folders), "")
