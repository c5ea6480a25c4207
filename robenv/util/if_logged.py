"""The log as the fast path uses it: nothing is imported, and nothing recorded, where nobody has started the log."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext


def timed_request(whom: str, method: str, path: str) -> AbstractContextManager[list[str]]:
    """As ``log.timed``, for a request whose path may have a query."""
    log = sys.modules.get("robenv.util.log")
    return nullcontext([]) if log is None else log.timed(f"{whom} {method} {log.path_of(path)}")


def terminal_taken() -> AbstractContextManager[None]:
    """As ``log.terminal_taken``."""
    log = sys.modules.get("robenv.util.log")
    return nullcontext() if log is None else log.terminal_taken()
