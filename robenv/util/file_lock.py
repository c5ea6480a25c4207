"""One robenv at a time for one thing. The lock dies with its holder, however it ends."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from robenv.paths import cache_folder


@contextmanager
def locked(name: str, waiting: Callable[[str], None], shared: bool = False) -> Iterator[bool]:
    """Holds the lock called ``name``. Where another holds it, says so through ``waiting`` and waits. ``shared``: beside
    all others that hold it so.

    Yields True if it had to wait: what it wanted to do may have been done meanwhile.
    """
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    path = Path(cache_folder()) / "locks" / f"{name}.lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        waited = False
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = True
            file.seek(0)
            holder = file.read().strip()
            waiting(f"another robenv{f' (process {holder})' if holder else ''} is at work here; waiting for it")
            fcntl.flock(file, how)
        if shared:
            yield waited
            return
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield waited
        finally:
            # Emptied, not removed: removing a lock file lets a third one lock a file that no longer has a name.
            file.truncate(0)


@contextmanager
def sharing_caches(bases: Mapping[str, str], note: Callable[[str], None]) -> Iterator[None]:
    """While this lasts, a build on ``bases`` is under way: its steps have the package caches of their base for
    themselves, one after another. Says so where this user has such a build under way already. ``bases``: names for
    people, by what tells bases of one engine, and engines, apart."""
    with ExitStack() as stack:
        busy = [name for what, name in bases.items() if _is_shared(stack, what)]
        if busy:
            names = ", ".join(dict.fromkeys(busy))
            note(f"another build on {names} is under way: steps that use its package cache wait for each other")
        yield


def _is_shared(stack: ExitStack, what: str) -> bool:
    """Takes a share in the lock of ``what`` until the stack ends; whether another has one."""
    name = hashlib.sha256(what.encode()).hexdigest()[:16]
    path = Path(cache_folder()) / "locks" / f"caches-{name}.lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = stack.enter_context(path.open("a"))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    except BlockingIOError:
        alone = False
    fcntl.flock(file, fcntl.LOCK_SH)
    return not alone


def using_images(waiting: Callable[[str], None]) -> AbstractContextManager[bool]:
    """While this lasts, no `robenv clean` of this user takes away what is built and not in use yet."""
    return locked("images", waiting, shared=True)


def clearing_images(waiting: Callable[[str], None]) -> AbstractContextManager[bool]:
    """While this lasts, nobody of this user is under way to an image or a container."""
    return locked("images", waiting)
