"""What differs between the plan that a container was made by and the one that is wanted now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from robenv.plan.models import (
    Attachment,
    Device,
    DeviceRequest,
    DiskLimit,
    Healthcheck,
    Mount,
    Network,
    Pool,
    Port,
    Ulimit,
    User,
)

Json = Mapping[str, Any]


@dataclass(frozen=True)
class PlanChange:
    """One way in which a container differs from the plan: ``path`` in the RunPlan's words, ``old`` what it has."""

    path: str
    old: Any = None
    new: Any = None


_DIGEST = "digest"
_OWN_LABELS = "robenv."
"""What these labels say about the plan is in the plan's own fields, or is the plan itself."""


_VALUES = ("environment", "logging_options")
"""Pairs whose values may be secrets. Everybody who lists containers sees their labels."""
_SECRET_OPTIONS = ("o",)
"""Of a mount: mount(8)'s own, where CIFS has its password."""


def without_values(plan: Json) -> dict[str, Any]:
    """A ``RunPlan.to_json()`` with a digest in the place of each value that may be a secret, which is enough to tell
    whether it changed. What has been through here already stays as it is."""
    salt = str(plan.get("project"))
    hidden = {key: _hidden(salt, plan[key]) for key in _VALUES if plan.get(key)}
    mounts = [
        {**mount, "options": _hidden(salt, mount["options"], _SECRET_OPTIONS)} if mount.get("options") else mount
        for mount in plan.get("mounts") or ()
    ]
    return {**plan, **hidden, **({"mounts": mounts} if mounts else {})}


def _hidden(salt: str, pairs: Iterable[Iterable[Any]], names: Container[str] | None = None) -> list[list[Any]]:
    """``names``: of those whose values are hidden; None: of all."""
    return [
        [name, value if names is not None and name not in names else _digest(salt, name, value)]
        for name, value in pairs
    ]


def _digest(salt: str, name: str, value: Any) -> Any:
    """A mapping, which no value is. It is short, so that many values have the same one."""
    if isinstance(value, Mapping):
        return value
    return {_DIGEST: hashlib.sha256(json.dumps([salt, name, value]).encode()).hexdigest()[:8]}


def diff_plans(old: Json, new: Json) -> tuple[PlanChange, ...]:
    """The changes from one ``RunPlan.to_json()`` to another, by path: ``environment.ROS_DOMAIN_ID``, ``mounts./data``.

    Lists of named things are compared thing by thing, whatever their order: pairs by their key, mounts by target,
    ports and devices by where they are inside, ulimits by name. Lists of words are compared as sets where the engine
    takes them as such. An old plan may lack what a later robenv has a field for, and the other way round; a field that
    is absent on one side and unset on the other is no change. Values that may be secrets are in no change.
    """
    old, new = without_values(old), without_values(new)
    changes: list[PlanChange] = []
    for field in dict.fromkeys((*new, *old)):
        before, after = _as_json(old.get(field)), _as_json(new.get(field))
        if field in _NAMED:
            changes += _things(field, _NAMED[field](before), _NAMED[field](after))
        elif _plain(field, before) != _plain(field, after):
            changes.append(PlanChange(field, before, after))
    return tuple(changes)


def describe(change: PlanChange) -> str:
    """One line for people: ``environment ROS_DOMAIN_ID: changed``, ``mount /data: added, volume cache``."""
    field, _, name = change.path.partition(".")
    subject = f"{_WORDS.get(field, field)} {name}".rstrip()
    if name and (change.old is None or change.new is None):
        added = change.old is None
        value = change.new if added else change.old
        # A word in a set has nothing to it but being there.
        detail = "" if value is True or _is_hidden(value) else f", {_show(value)}" if added else f", was {_show(value)}"
        return f"{subject}: {'added' if added else 'removed'}{detail}"
    if _is_hidden(change.old) and _is_hidden(change.new):
        return f"{subject}: changed"
    old, new = _show(change.old), _show(change.new)
    if field == "image" and (repository := old.rpartition(":")[0]):
        new = new.removeprefix(f"{repository}:")
    return f"{subject}: {old} → {new}"


def _is_hidden(value: Any) -> bool:
    return isinstance(value, Mapping) and _DIGEST in value


_PARTS = (User, Mount, Port, Device, Ulimit, Healthcheck, DiskLimit, DeviceRequest, Attachment, Network, Pool)
_NAMES = tuple(dict.fromkeys(field.name for part in _PARTS for field in fields(part)))
_ORDER = {name: index for index, name in enumerate(_NAMES)}


def _as_json(value: Any) -> Any:
    """As it would come back from JSON: an old plan does, and a new one has tuples. With its fields in one order, for
    those of an old plan stand in the alphabet's."""
    if isinstance(value, Mapping):
        names = sorted(value, key=lambda name: (_ORDER.get(name, len(_ORDER)), name))
        return {name: _as_json(value[name]) for name in names}
    return [_as_json(one) for one in value] if isinstance(value, (list, tuple)) else value


def _things(field: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterable[PlanChange]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield PlanChange(f"{field}.{name}", before.get(name), after.get(name))


def _pairs(value: Any) -> dict[str, Any]:
    return {str(name): one for name, one in value or ()}


def _labels(value: Any) -> dict[str, Any]:
    return {name: one for name, one in _pairs(value).items() if not name.startswith(_OWN_LABELS)}


def _by(*keys: str) -> Callable[[Any], dict[str, Any]]:
    """Things by those of their keys that name them, each as the text of the rest."""

    def index(value: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for thing in value or ():
            name = " ".join(str(thing.get(key)) for key in keys)
            # Two of one name (a port published twice) are one entry with both.
            rest = _rest(thing, keys)
            found[name] = f"{found[name]}, {rest}" if name in found else rest
        return found

    return index


def _rest(thing: Json, keys: tuple[str, ...]) -> str:
    """``{"kind": "bind", "source": "/a", "read_only": True}`` → ``bind /a read_only``."""
    words = []
    for key, value in thing.items():
        if key == "options":
            words += [f"{name}={_shown_option(one)}" for name, one in value]
        elif value is True:
            words.append(key)
        elif key not in keys and value not in ("", None) and value is not False:
            words.append(value if isinstance(value, str) else f"{key} {value}")
    return " ".join(words) or "default"


def _shown_option(value: Any) -> Any:
    return f"(hidden, {value[_DIGEST]})" if _is_hidden(value) else value


def _networks(value: Any) -> dict[str, Any]:
    """By name on the engine, each with what it is made by and how the container is on it."""
    found = {}
    for one in value or ():
        said = {**one["network"], **one}
        said["pools"] = " ".join(str(text) for pool in said["pools"] for text in pool.values() if text)
        shown = {key: part for key, part in said.items() if part and key != "network"}
        found[str(said["name"])] = _rest(shown, ("name", "key"))
    return found


def _each(value: Any) -> dict[str, Any]:
    return {str(one): True for one in value or ()}


def _fields(thing: Any) -> dict[str, Any]:
    """A thing with fields of its own, such as the user, field by field."""
    return dict(thing or {})


def _set_fields(thing: Any) -> dict[str, Any]:
    """The same where 0 and empty mean the engine's default."""
    return {name: value for name, value in (thing or {}).items() if value}


_NAMED: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "environment": _pairs,
    "labels": _labels,
    "sysctls": _pairs,
    "logging_options": _pairs,
    "storage_opt": _pairs,
    "mounts": _by("target"),
    "ports": _by("container"),
    "devices": _by("container"),
    "ulimits": _by("name"),
    "networks": _networks,
    "blkio_limits": _by("path", "kind"),
    "user": _fields,
    "healthcheck": _set_fields,
    "cap_add": _each,
    "cap_drop": _each,
    "security_opt": _each,
    "group_add": _each,
    "device_cgroup_rules": _each,
    "extra_hosts": _each,
    "expose": _each,
}

_WORDS = {
    "mounts": "mount",
    "ports": "port",
    "devices": "device",
    "ulimits": "ulimit",
    "sysctls": "sysctl",
    "labels": "label",
    "extra_hosts": "extra host",
    "networks": "network",
    "blkio_limits": "disk limit",
    "device_cgroup_rules": "device cgroup rule",
    "working_dir": "working directory",
}


def _plain(field: str, value: Any) -> Any:
    """A value with absent, unset and empty made the same."""
    if value == [] and field == "entrypoint":
        return value  # [] takes the image's own away, None leaves it
    return None if value is False or value in ("", []) else value


def _show(value: Any) -> str:
    if value is None:
        return "unset"
    if value is True or value is False:
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(_show(one) for one in value) or "none"
    text = str(value) or '""'
    # One line, and no escape sequences of somebody's on the user's terminal.
    return text if text.isprintable() else json.dumps(text)
