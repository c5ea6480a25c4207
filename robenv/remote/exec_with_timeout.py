"""A command inside a container of a robot, run to its end or until its time is over."""

from __future__ import annotations

import select
import time
from collections.abc import Callable

from robenv.engine.protocol import ContainerInfo, Engine, ExecRequest
from robenv.fast.entry import ContainerEntry

_LOOK = 0.5
"""Seconds between two looks."""
_MOST = 64 * 1024
"""Bytes of a command's output that are kept."""


def run_inside(
    engine: Engine,
    container: ContainerInfo,
    argv: tuple[str, ...],
    timeout: float,
    user: str = "",
    look: Callable[[], object] = lambda: None,
) -> tuple[int | None, str]:
    """(exit code, last output) of a command run as ``user``, by default the container's own; None where it took longer
    than ``timeout`` seconds. ``look`` is called meanwhile, and may raise. Raises ContainerNotFound, EngineLost."""
    request = ExecRequest(container.id, argv, user or ContainerEntry(container.labels).user, tty=True, stdin=False)
    until = time.monotonic() + timeout
    output = bytearray()
    session = engine.open_exec(request)
    try:
        session.set_blocking(False)
        while True:
            look()
            left = until - time.monotonic()
            if left <= 0:
                return None, _text(output)
            if not session.pending() and not select.select([session.fileno()], [], [], min(left, _LOOK))[0]:
                continue
            try:
                data = session.recv(_MOST)
            except BlockingIOError:
                continue
            if not data:
                break
            output += data
            del output[:-_MOST]
        session.set_blocking(True)
        return session.exit_code(), _text(output)
    finally:
        session.close()


def _text(output: bytearray) -> str:
    return output.decode("utf-8", "replace").replace("\r\n", "\n").strip()
