"""^C while robots are at it: a release on trial is taken back over the login that is still there.

The first one asks: what waits for a release's health looks here and gives up, and its connection is not broken, as the
others' are. The second one breaks that as well; then the robot goes back by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from robenv.engine.protocol import Engine
from robenv.errors import Interrupted

_asked = threading.Event()
_handing_over: set[int] = set()


def request_interrupt() -> None:
    """From now on every trial gives up."""
    _asked.set()


def clear_interrupt() -> None:
    """For what begins anew."""
    _asked.clear()
    _handing_over.clear()


def raise_if_interrupted() -> None:
    """Raises Interrupted where the user asked for an end."""
    if _asked.is_set():
        raise Interrupted("interrupted")


@contextmanager
def handing_over(engine: Engine) -> Iterator[None]:
    """While this lasts, the first ^C leaves that engine's connection to whoever undoes what was begun there."""
    _handing_over.add(id(engine))
    try:
        yield
    finally:
        if not _asked.is_set():  # else until all is over: the robot's lock is still to be released
            _handing_over.discard(id(engine))


def is_handing_over(engine: Engine | None) -> bool:
    return id(engine) in _handing_over
