"""What a robenv that was killed has left running. Light: the quick way in imports this.

While a command runs, its robenv holds a lock on a file that says which: the kernel drops the lock however robenv ends,
and only one that ends by itself removes the file.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager, suppress

from robenv.paths import BROKEN_NOTE, state_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_BYTES = 1 << 20


@contextmanager
def record_client(container: str, argv: tuple[str, ...]) -> Iterator[None]:
    """While this lasts, somebody waits for ``argv`` in the container of that name. Where there is no place to note it,
    nothing will be told."""
    path = os.path.join(_folder(container), f"{os.getpid()}-{os.urandom(4).hex()}.json")
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError:
        yield
        return
    with open(opened, "w", encoding="utf-8", errors="surrogateescape") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump({"argv": argv, "since": time.time()}, file)
        file.flush()
        yield
        with suppress(OSError):
            os.unlink(path)
            os.rmdir(os.path.dirname(path))  # unless others are at work there


def has_abandoned_commands(container: str) -> bool:
    """Whether a robenv was killed while a command of its ran in the container of that name."""
    return bool(abandoned_commands(container))


def abandoned_commands(container: str) -> dict[str, tuple[tuple[str, ...], float]]:
    """The commands whose robenv was killed, and since when they run, by the file that says so."""
    found = {}
    folder = _folder(container)
    try:
        names = os.listdir(folder)
    except OSError:
        return {}
    for name in names:
        path = os.path.join(folder, name)
        try:
            with open(path, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                said = json.loads(file.read(_MAX_BYTES) or b"{}")
                since = float(said["since"])
                time.localtime(since)  # raises where it is no time
                found[path] = (tuple(map(str, said["argv"])), since)
        except BROKEN_NOTE:
            continue  # it is waited for; or only just being written
    return found


def forget_clients(paths: list[str]) -> None:
    for path in paths:
        with suppress(OSError):
            os.unlink(path)


def _folder(container: str) -> str:
    return os.path.join(state_folder(), "running", container)
