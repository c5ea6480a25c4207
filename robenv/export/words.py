"""What the forms share: paths that hold on other machines, values that come from each machine's own environment."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from robenv.plan.models import Mount, Network, RunPlan

_BY_CHANCE = 3
"""Characters."""
OWN = "\uffff"
"""The dollar sign of a variable that robenv itself names, until ``escape_document`` has escaped all others. No text of
a plan has that character (``forms`` refuses it)."""


def escape_document(value: Any, escape: Callable[[str], str]) -> Any:
    """A document with each of its strings escaped, whichever field it stands in, but for the variables that are meant.
    Keys stay as they are: nothing replaces variables in those."""
    if isinstance(value, str):
        return escape(value).replace(OWN, "$")
    if isinstance(value, dict):
        return {key: escape_document(one, escape) for key, one in value.items()}
    return [escape_document(one, escape) for one in value] if isinstance(value, (list, tuple)) else value


def document_strings(value: Any) -> Iterator[str]:
    """All strings of a document, its keys among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from document_strings(pair)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from document_strings(one)


@dataclass(frozen=True)
class Wording:
    """How a form says things. ``root``: the project's folder. ``folder``: where the form is written, absolute.

    ``variables``: of this environment, as the profile had them, with their values. ``value``: how a variable of the
    environment is named, with ``OWN`` for its dollar sign where the document is escaped. ``escape``: a text that is to
    stay as it is. ``inside``: how a path below the project's folder is written, relative to that.
    """

    root: str
    folder: str
    home: str
    variables: tuple[tuple[str, str], ...]
    value: Callable[[str], str]
    escape: Callable[[str], str]
    inside: Callable[[str], str]
    baked: list[str] = field(default_factory=list)
    """Variables whose values stand in what was written."""

    def environment(self, plan: RunPlan) -> dict[str, str]:
        """A variable that only passes through stays one, so that nobody's own values, or secrets, are written down."""
        passing = self.passing(plan)
        return {name: self.value(name) if name in passing else self.text(value) for name, value in plan.environment}

    def passing(self, plan: RunPlan) -> frozenset[str]:
        """The container's variables that are this environment's own, unchanged."""
        known = dict(self.variables)
        return frozenset(name for name, value in plan.environment if known.get(name) == value)

    def text(self, value: str) -> str:
        """A text as it is; what of it comes from a variable is noted."""
        self.note(value)
        return self.escape(value)

    def note(self, text: str) -> None:
        """Notes which variables a text has the values of; shorter ones are in every text by chance."""
        found = (name for name, known in self.variables if len(known) > _BY_CHANCE and known in text)
        self.baked.extend([name for name in found if name not in self.baked])

    def is_inside(self, source: str) -> bool:
        """Whether it is below the project's folder."""
        return _is_in(source, self.root)

    def path(self, source: str) -> str:
        """A file or folder of the host. One in somebody's home is in everybody's own."""
        if self.is_inside(source):
            return self.inside(posixpath.relpath(source, self.root))
        if self.home and _is_in(source, self.home):
            below = posixpath.relpath(source, self.home)
            return self.value("HOME") + ("" if below == "." else f"/{self.escape(below)}")
        return self.escape(source)


def relative_path(root: str, folder: str, below: str) -> str:
    """A path below the project's folder as seen from ``folder``; it begins with a dot."""
    found = os.path.relpath(f"{root}/{below}", folder)
    return found if found.startswith("..") or found == "." else f"./{found}"


def local_bind_mounts(plan: RunPlan, words: Wording) -> Iterator[str]:
    """The bind mounts that another machine may have none of."""
    for mount in plan.mounts:
        known = (words.root, words.home, "/dev", "/proc", "/sys", "/etc", "/run", "/tmp", "/var/run")  # noqa: S108
        if mount.kind == "bind" and not any(one and _is_in(mount.source, one) for one in known):
            yield mount.source


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def with_profile_names(plan: RunPlan) -> RunPlan:
    """Volumes and networks by the names that the profile gives them, without robenv's prefix for a folder."""
    front = plan.prefix

    def named(text: str) -> str:
        return text.removeprefix(f"{front}_").removeprefix(f"{front}-") if text.startswith(front) else text

    def mount(one: Mount) -> Mount:
        if one.kind != "volume" or not one.source:
            return one
        return replace(one, source="home" if one.source == plan.home_volume else named(one.source))

    def network(one: Network) -> Network:
        return one if one.external else replace(one, name=one.key)

    attached = tuple(replace(one, network=network(one.network)) for one in plan.networks)
    mounts = tuple(map(mount, plan.mounts))
    return replace(plan, mounts=mounts, networks=attached, home_volume="home" if plan.home_volume else "")
