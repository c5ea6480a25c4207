"""One robenv at a time for one thing. The lock dies with its holder, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from robenv.paths import cache_folder


@contextmanager
def locked(name: str, waiting: Callable[[str], None]) -> Iterator[bool]:
    """Holds the lock called ``name``. Where another holds it, says so through ``waiting`` and waits.

    Yields True if it had to wait: what it wanted to do may have been done meanwhile.
    """
    path = Path(cache_folder()) / "locks" / f"{name}.lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        waited = False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = True
            file.seek(0)
            holder = file.read().strip()
            waiting(f"another robenv{f' (process {holder})' if holder else ''} is at work here; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield waited
        finally:
            # Emptied, not removed: removing a lock file lets a third one lock a file that no longer has a name.
            file.truncate(0)
