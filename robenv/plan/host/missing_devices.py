"""What to say where a device is not there: what there is instead. Pure."""

from __future__ import annotations

import difflib
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from robenv.catalog.devices import CLASSES
from robenv.plan.host.device_nodes import class_of, is_pattern, nodes_of_class, tidy

if TYPE_CHECKING:
    from robenv.host.facts import DeviceNode, Facts

_NAMED_AT_MOST = 6


@dataclass(frozen=True)
class MissingDevice:
    message: str
    hint: str


def missing_class(name: str) -> MissingDevice:
    what = "CAN interface" if name == "can" else f"{name} device"
    return MissingDevice(f"there is no {what} on this machine", CLASSES[name].to_get)


def missing_device(by: str, facts: Facts) -> MissingDevice:
    path = tidy(by)
    if is_pattern(path):
        return MissingDevice(f"no device matches {path}", _instead(path, facts))
    if path in facts.not_devices:
        return MissingDevice(f"{path} is no device but a plain file or a socket", _instead(path, facts))
    below = [node.path for node in facts.devices if node.path.startswith(f"{path}/")]
    if below or f"{path}/" in facts.not_devices:
        return _folder(path, below)
    return MissingDevice(f"there is no device {path}", _instead(path, facts))


def _folder(path: str, below: list[str]) -> MissingDevice:
    message = f"{path} is a folder, not a device"
    if not below:
        return MissingDevice(message, "there is no device in it")
    depth = max(node.count("/") for node in below) - path.count("/")
    pattern = path + "/*" * depth
    return MissingDevice(message, f"write {pattern} for those in it: {_list(below)}")


def _instead(path: str, facts: Facts) -> str:
    """The nearest name, and what there is of the same class."""
    parts = []
    near = _nearest(path, [node.path for node in facts.devices])
    if near:
        parts.append(f"there is {near}")
    kind = class_of(path) or class_of(near) or _class_by_likeness(path)
    if kind:
        there = nodes_of_class(CLASSES[kind], facts.devices)
        parts.append(_of_class(kind, there) if there else f"no {kind} device is there: {CLASSES[kind].to_get}")
    return "; ".join(parts) or "`ls /dev` shows what there is; with `optional: true` it comes up without it"


def _nearest(path: str, names: list[str]) -> str:
    """The nearest by its own name in the same folder, else by its whole path; "" where none is near."""
    folder, name = posixpath.split(path)
    same = {posixpath.basename(name): name for name in names if posixpath.dirname(name) == folder}
    lower = next((one for key, one in same.items() if key.lower() == name.lower()), "")
    if lower:
        return lower
    if near := difflib.get_close_matches(name, same, n=1, cutoff=0.7):
        return same[near[0]]
    return next(iter(difflib.get_close_matches(path, names, n=1, cutoff=0.85)), "")


def _class_by_likeness(path: str) -> str:
    """``/dev/ttyUBS0`` is meant to be a serial port."""
    stems = {pattern.split("*")[0].split("[")[0]: name for name, kind in CLASSES.items() for pattern in kind.nodes}
    stems = {stem: name for stem, name in stems.items() if not stem.endswith("/")}
    near = difflib.get_close_matches(path.rstrip("0123456789*"), stems, n=1, cutoff=0.75)
    return stems[near[0]] if near else ""


def _of_class(kind: str, nodes: list[DeviceNode]) -> str:
    """Each device once, by its stable name where it has one."""
    stable = {node.target: node.path for node in reversed(nodes) if node.target}
    names = dict.fromkeys(stable.get(node.path, node.path) for node in nodes if not node.target)
    return f"{kind} devices here: {_list(list(names) or [node.path for node in nodes])}"


def _list(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED_AT_MOST])
    more = len(names) - _NAMED_AT_MOST
    return f"{shown} and {more} more" if more > 0 else shown
