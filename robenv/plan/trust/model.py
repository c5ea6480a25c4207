"""What a power over the host is, and what a plan alone cannot know of that host. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TypeVar

from robenv.plan.models import RunPlan

T = TypeVar("T")


@dataclass(frozen=True, order=True)
class HostAccess:
    """``kind`` sorts and groups; ``text`` is one plain line."""

    kind: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class HostPlaces:
    """What a plan alone cannot know of the host: folders, all absolute, and who the user is there."""

    home: str = ""
    """The user's home folder."""
    own: tuple[str, ...] = ()
    """Folders besides the project's that a profile may use: its own."""
    uid: int | None = None
    gid: int | None = None
    """The user's own numbers on the host; None where they are not known: then any number is somebody else's."""
    groups: tuple[tuple[int, str], ...] = field(default=())
    """Names of the host's groups, by number."""
    restarts: bool = False
    """Whether containers are started again there, whatever they say of it."""

    def group(self, gid: int) -> str:
        """``the group 105 (docker)``"""
        name = dict(self.groups).get(gid, "")
        return f"the host's group {gid}" + (f" ({name})" if name else "")


Teller = Callable[[RunPlan, HostPlaces], Iterable[str]]


def is_one(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path is what one of the patterns names."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def normal(path: str) -> str:
    """With no ``//``, ``.`` or trailing slash; ``..`` cannot be taken away without looking at the links."""
    return str(PurePosixPath("/" + path.lstrip("/")))


def within(path: str, folder: str) -> bool:
    return PurePosixPath(path).is_relative_to(normal(folder))
