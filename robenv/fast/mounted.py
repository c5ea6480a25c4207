"""Whether a running container still shows the folders of this machine that it was started with. Light: the quick way in
imports this.

A bind mount is an inode, not a path: where a folder was moved away and another one put in its place, the container goes
on showing the old one.
"""

from __future__ import annotations

import json
import os
import stat

from robenv.paths import BROKEN_NOTE, state_folder, write_atomically

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from robenv.engine.terminal.types import ContainerInfo

_MAX_BYTES = 1 << 20


def read_inodes(sources: Iterable[str]) -> dict[str, tuple[int, bool]]:
    """The inode of each path, links followed, and whether it is a folder; without those that are not there."""
    found = {}
    for source in sources:
        try:
            about = os.stat(source)
        except (OSError, ValueError):
            continue  # ValueError: what can be no path, in a note that is broken
        found[source] = (about.st_ino, stat.S_ISDIR(about.st_mode))
    return found


def record_inodes(container: ContainerInfo, inodes: dict[str, tuple[int, bool]]) -> None:
    """Notes what a container has just been started with. Where that cannot be written, nothing will be noticed."""
    entry = {"container": container.id, "started": container.started_at, "inodes": inodes}
    try:
        write_atomically(_path(container.name), json.dumps(entry).encode(), mode=0o600)
    except OSError:
        return


def forget_inodes(name: str) -> None:
    try:
        os.unlink(_path(name))
    except OSError:
        return


def replaced_paths(container: ContainerInfo, folders: bool) -> list[str]:
    """The paths at which something else is now than what the running container shows: folders, or files and sockets.

    Empty where robenv did not start it: the engine looks at the paths anew at each start.
    """
    try:
        with open(_path(container.name), "rb") as file:
            entry = json.loads(file.read(_MAX_BYTES))
        if (entry["container"], entry["started"]) != (container.id, container.started_at):
            return []
        then = {str(path): (int(inode), bool(folder)) for path, (inode, folder) in entry["inodes"].items()}
    except BROKEN_NOTE:
        return []
    asked = {path: inode for path, (inode, folder) in then.items() if folder is folders}
    now = read_inodes(asked)
    # Where nothing is, there is nothing to take for it: the folder may only have been moved.
    return [path for path, inode in asked.items() if path in now and now[path][0] != inode]


def _path(name: str) -> str:
    return os.path.join(state_folder(), "mounted", f"{name}.json")
