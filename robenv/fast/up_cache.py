"""What the last `up` found out, kept with everything that went into it. Light: the quick way in imports this.

An entry holds while every file has the size and times that it had, every file that was looked for and absent is absent,
every variable has its value, the machine gives the answers that the plan was made from, and robenv, the user and the
engine are the same. It may be deleted at any time.
"""

from __future__ import annotations

import json
import os
import sys
import time
import zlib

from robenv import __version__
from robenv.engine.transport.docker_config import config_file, config_folder
from robenv.paths import BROKEN_NOTE, cache_folder, write_atomically

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_RACY_SECONDS = 1.0
"""A file written this shortly before it was read could change again without its times telling."""


def _path(directory: str) -> str:
    # A short name, not a secret: the entry itself says for which folder it is.
    return os.path.join(cache_folder(), "warm", f"{zlib.crc32(os.fsencode(directory)):08x}.json")


def _stamp(path: str) -> list[int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return [status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino]


def _same_world(entry: dict[str, object], directory: str, endpoint: str) -> bool:
    return entry["key"] == _key(directory, endpoint)


def _key(directory: str, endpoint: str) -> list[object]:
    versions = __version__, sys.version_info[:3].__repr__()
    return [directory, endpoint, *versions, os.getuid(), os.getgid(), os.getgroups(), _docker_config()]


def _docker_config() -> str:
    """The file that has the proxies of the containers that are made; it need not be there."""
    return config_file(config_folder(os.environ))


def read_entry(directory: str, endpoint: str) -> tuple[str, str] | None:
    """(container name, plan digest) for the project that ``directory`` is in; None where anything may have changed."""
    try:
        with open(_path(directory), "rb") as file:
            entry = json.load(file)
        fresh = (
            _same_world(entry, directory, endpoint)
            and all(os.environ.get(name) == value for name, value in entry["variables"].items())
            and not any(os.path.lexists(path) for path in entry["absent"])
            and all(_stamp(path) == stamp for path, stamp in entry["files"].items())
            and (entry["host"] is None or _same_host(entry["host"]))
        )
        container, plan = str(entry["container"]), str(entry["plan"])
    except BROKEN_NOTE:
        return None
    return (container, plan) if fresh else None


def _same_host(kept: dict[str, Any]) -> bool:
    """Imported only where the plan asked for anything of the host: most do not."""
    from robenv.fast.replay import answers_unchanged

    return answers_unchanged(kept)


def drop_entry(directory: str) -> None:
    """Drops the entry; nothing happens where there is none."""
    try:
        os.unlink(_path(directory))
    except OSError:
        return


def write_entry(
    directory: str,
    files: Iterable[str],
    absent: Iterable[str],
    variables: Mapping[str, str | None],
    endpoint: str,
    container: str,
    plan: str,
    host: dict[str, Any] | None,
) -> None:
    """Keeps what the next `up` from ``directory`` needs. Where that cannot be trusted or written, keeps nothing.

    ``files``: those that the plan was made from, and those that allow it its powers; ``absent``: those that were looked
    for and not there; ``host``: of ``robenv.fast.replay.recorded_answers``.
    """
    paths, missing = set(files), set(absent)
    config = _docker_config()
    (paths if os.path.lexists(config) else missing).add(config)
    stamps = {path: _stamp(path) for path in sorted(paths)}
    newest = max((stamp[1] for stamp in stamps.values() if stamp), default=0)
    # A lock that this `up` wrote was absent when it began, and would pass for absent again once it is removed.
    made = any(os.path.lexists(path) for path in missing)
    if made or None in stamps.values() or newest / 1e9 > time.time() - _RACY_SECONDS:
        drop_entry(directory)
        return
    entry = {
        "key": [*_key(directory, endpoint)],
        "files": stamps,
        "absent": sorted(missing),
        # Whose files count as the user's own depends on who called sudo.
        "variables": {**variables, "SUDO_UID": os.environ.get("SUDO_UID")},
        "host": host,
        "container": container,
        "plan": plan,
    }
    try:
        write_atomically(_path(directory), json.dumps(entry).encode())
    except OSError:
        return  # A cache that cannot be written only costs time.
