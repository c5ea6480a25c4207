"""What a project's files said before a container of it could write them, kept where no container reaches.

Commands inside a container own the workspace, and in it the files that say what the next container may do. Whoever
starts one notes here what those files were and which powers they gave. Where they are others later, and give more, that
may be a container's doing, and the user is asked once, whoever wrote it.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from robenv.paths import BROKEN_NOTE, state_folder, write_atomically

_CLOCK = 20_000_000
"""Nanoseconds by which a file's time may lie behind the clock: the kernel notes ticks, of which there are 100 or more a
second."""
_MAX_BYTES = 16 << 20
"""Of a baseline's file, and of a file that one is about."""


@dataclass(frozen=True)
class FileStamp:
    """What stands at a path; ``text`` is "" for nothing. ``time``: when it was put there, as the kernel notes it, which
    no program can have it note otherwise."""

    text: str
    time: int = 0


@dataclass(frozen=True)
class Baseline:
    """Times in nanoseconds since 1970.

    ``areas``: folders that a container can write. ``files``: by path, the text of the stamp of what counted last.
    ``powers``, ``plan``: what the user's own files gave then, and their RunPlan as JSON. ``since``, ``until``: when
    there were containers; 0 where there still are.
    """

    areas: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    powers: tuple[str, ...] = ()
    plan: str = ""
    since: int = 0
    until: int = 0
    engines: tuple[str, ...] = ()
    """The endpoints of engines on which there are containers."""

    def changed(self, now: Mapping[str, FileStamp]) -> tuple[str, ...]:
        """Which of the files that count now a container may have put there."""
        return tuple(sorted(path for path, stamp in now.items() if self._may_have(path, stamp)))

    def _may_have(self, path: str, stamp: FileStamp) -> bool:
        if not lies_in(path, self.areas):
            return False
        if path not in self.files:
            return bool(stamp.text) and self._was_there(stamp.time)
        return stamp.text != self.files[path] and (not stamp.text or self._was_there(stamp.time))

    def _was_there(self, time: int) -> bool:
        """Whether there was a container then."""
        return time + _CLOCK >= self.since and (not self.until or time <= self.until)


@dataclass(frozen=True)
class TrustSnapshot:
    """One look at a project's files, which distinguishes what was read from what stands there now.

    ``since``: nanoseconds since 1970, when reading began. ``read``: paths that something was read from. ``ends``: of
    paths that were looked at already, where links led to then.
    """

    since: int
    read: frozenset[str] = frozenset()
    ends: Mapping[str, str] = field(default_factory=dict)

    def stamps(self, paths: Iterable[str]) -> dict[str, FileStamp]:
        return {path: self._stamp(path) for path in dict.fromkeys(paths)}

    def _stamp(self, path: str) -> FileStamp:
        leads = self.ends.get(path) or os.path.realpath(path)
        linked = _link_time(path)
        try:
            with open(leads, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
                text, about = file.read(_MAX_BYTES), os.fstat(file.fileno())
        except IsADirectoryError:
            return FileStamp(f"folder {leads}", linked)
        except (FileNotFoundError, NotADirectoryError):
            return FileStamp("gone since it was read", time.time_ns()) if path in self.read else FileStamp("")
        except OSError as error:
            return _unread(leads, linked, error)
        written = max(about.st_ctime_ns, linked)
        if about.st_ctime_ns + _CLOCK >= self.since:
            return FileStamp(f"written while it was read {about.st_ctime_ns}", written)
        digest = hashlib.sha256(os.fsencode(leads) + b"\0" + text).hexdigest()
        return FileStamp(f"{about.st_ino}:{about.st_ctime_ns}:{digest}", written)


def _unread(leads: str, linked: int, error: OSError) -> FileStamp:
    """Of a socket, say, or of what this user may not read."""
    try:
        about = Path(leads).stat()
    except OSError:
        return FileStamp(f"unknown {leads} {error.errno}", time.time_ns())
    text = f"other {leads} {about.st_mode} {about.st_ino} {about.st_ctime_ns}"
    return FileStamp(text, max(about.st_ctime_ns, linked))


def _link_time(path: str) -> int:
    """When the last link on the way was made; 0 where there is none."""
    here, found = "/", 0
    for part in path.split("/"):
        here = os.path.normpath(os.path.join(here, part))  # noqa: PTH118
        try:
            about = os.lstat(here)
        except OSError:
            return found
        if stat.S_ISLNK(about.st_mode):
            found, here = max(found, about.st_ctime_ns), os.path.realpath(here)
    return found


def lies_in(path: str, areas: Iterable[str]) -> bool:
    """Whether a container can change it: what it leads to, or any name on the way there."""
    folders = [str(area) for area in areas]
    return any(Path(place).is_relative_to(folder) for place in _way(path) for folder in folders)


def _way(path: str) -> Iterator[str]:
    """The folders in which the names of a path stand, links followed, and what it leads to at the end."""
    here = "/"
    for part in path.split("/"):
        if part:
            yield here
            here = os.path.realpath(os.path.join(here, part))  # noqa: PTH118
    yield here


def read_baseline(directory: str) -> Baseline | None:
    """The project's; None where no container of it has been started yet."""
    return _read(_path(directory))


def others(directory: str) -> list[Baseline]:
    """Those of the user's other projects: a container of one may have written into another one's folder, or have put a
    project where none was."""
    own = _path(directory)
    try:
        paths = sorted(Path(own).parent.glob("*.json"))
    except OSError:
        return []
    found = (_read(str(path)) for path in paths if str(path) != own)
    return [replace(one, files={}, powers=(), plan="") for one in found if one is not None]


def _read(path: str) -> Baseline | None:
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW)) as file:
            said: dict[str, Any] = json.loads(file.read(_MAX_BYTES))
        return Baseline(
            tuple(map(str, said["areas"])),
            {str(name): str(text) for name, text in said["files"].items()},
            tuple(map(str, said["powers"])),
            str(said["plan"]),
            int(said["since"]),
            int(said["until"]),
            tuple(map(str, said["engines"])),
        )
    except BROKEN_NOTE:
        return None


def write_baseline(directory: str, baseline: Baseline) -> None:
    """Keeps it. Raises OSError."""
    document = {"directory": directory, **asdict(baseline)}
    write_atomically(_path(directory), json.dumps(document, indent=1).encode(), mode=0o600)


def open_baseline(directory: str, endpoint: str) -> None:
    """Notes that a container of the project is about to be started on an engine. Raises OSError."""
    known = read_baseline(directory)
    if known is not None and (known.until or endpoint not in known.engines):
        engines = dict.fromkeys((*(() if known.until else known.engines), endpoint))
        write_baseline(directory, replace(known, until=0, engines=tuple(engines)))


def close_baseline(directory: str, endpoint: str) -> None:
    """Notes that no container of the project is left on an engine: where it was the last one that had any, what is
    written from now on is no container's doing."""
    known = read_baseline(directory)
    if known is not None and not known.until:
        left = tuple(engine for engine in known.engines if engine != endpoint)
        write_baseline(directory, replace(known, until=0 if left else time.time_ns(), engines=left))


def move_baseline(old: str, new: str) -> None:
    """Takes along what is noted of a folder that was moved. Raises OSError."""
    known = read_baseline(old)
    if known is None or read_baseline(new) is not None:
        return

    def there(path: str) -> str:
        return new + path[len(old) :] if path == old or path.startswith(f"{old}/") else path

    files = {there(path): text for path, text in known.files.items()}
    write_baseline(new, replace(known, areas=tuple(map(there, known.areas)), files=files))
    Path(_path(old)).unlink()


def _path(directory: str) -> str:
    name = hashlib.sha256(os.fsencode(os.path.realpath(directory))).hexdigest()[:32]
    return os.path.join(state_folder(), "projects", f"{name}.json")  # noqa: PTH118
