"""What a project's files said before a container of it could write them, kept where no container reaches.

Commands inside a container own the workspace, and in it the files that say what the next container may do. Whoever
starts one notes here what those files were and which powers they gave. Where they are others later, and give more, that
may be a container's doing, and the user is asked once, whoever wrote it.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from robenv.paths import state_folder, write_atomically

_CLOCK = 20_000_000
"""Nanoseconds by which a file's time may lie behind the clock: the kernel notes ticks, of which there are 100 or more a
second."""
_MAX_BYTES = 16 << 20
"""Of a baseline's file, and of a file that one is about."""


@dataclass(frozen=True)
class Baseline:
    """``areas``: folders that a container can write. ``files``: by path, a digest of what stood there, "" for nothing;
    by the path of a link, what it led to. ``powers``: what the user's own files gave then."""

    areas: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    powers: tuple[str, ...] = ()

    def differs(self, now: Mapping[str, str]) -> tuple[str, ...]:
        """Which of the files that count now are others than they were."""
        return tuple(sorted(path for path, digest in now.items() if self.files.get(path) != digest))


@dataclass(frozen=True)
class Look:
    """One look at a project's files, so that what was read is told from what stands there by now.

    ``since``: nanoseconds since 1970, when reading began. ``read``: paths that something was read from. ``ends``: of
    paths that were looked at already, where links led to then.
    """

    since: int
    read: frozenset[str] = frozenset()
    ends: Mapping[str, str] = field(default_factory=dict)

    def digests(self, paths: Iterable[str], areas: Iterable[str]) -> dict[str, str]:
        """What stands in each file that lies in one of the areas, and when it was written there."""
        folders = tuple(areas)
        inside = (path for path in dict.fromkeys(paths) if _lies_in(path, folders))
        return {path: self._digest(path) for path in inside}

    def _digest(self, path: str) -> str:
        leads = self.ends.get(path) or os.path.realpath(path)
        try:
            with open(leads, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
                text, about = file.read(_MAX_BYTES), os.fstat(file.fileno())
        except IsADirectoryError:
            return f"folder {leads}"
        except OSError:
            return "gone since it was read" if path in self.read else ""
        if about.st_ctime_ns + _CLOCK >= self.since:
            return f"written while it was read {about.st_ctime_ns}"
        digest = hashlib.sha256(os.fsencode(leads) + b"\0" + text).hexdigest()
        return f"{about.st_ino}:{about.st_ctime_ns}:{digest}"


def _lies_in(path: str, folders: tuple[str, ...]) -> bool:
    """By its name, or by what that leads to: a container can change either."""
    places = [Path(os.path.realpath(os.path.dirname(path))), Path(os.path.realpath(path))]  # noqa: PTH120
    return any(place.is_relative_to(folder) for place in places for folder in folders)


def read_baseline(directory: str) -> Baseline | None:
    """The project's; None where no container has been started since there last was none."""
    try:
        with open(_path(directory), "rb") as file:  # noqa: PTH123
            said: dict[str, Any] = json.loads(file.read(_MAX_BYTES))
        files = {str(path): str(digest) for path, digest in said["files"].items()}
        return Baseline(tuple(map(str, said["areas"])), files, tuple(map(str, said["powers"])))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def write_baseline(directory: str, baseline: Baseline) -> None:
    """Keeps it. Raises OSError."""
    document = {"directory": directory, **asdict(baseline)}
    write_atomically(_path(directory), json.dumps(document, indent=1).encode(), mode=0o600)


def close_baseline(directory: str) -> None:
    """Forgets it, once no container of the project is left, unless its files were changed while there was one."""
    known = read_baseline(directory)
    if known is not None and not known.differs(Look(time.time_ns()).digests(known.files, known.areas)):
        Path(_path(directory)).unlink(missing_ok=True)


def _path(directory: str) -> str:
    name = hashlib.sha256(os.fsencode(os.path.realpath(directory))).hexdigest()[:32]
    return os.path.join(state_folder(), "projects", f"{name}.json")  # noqa: PTH118
