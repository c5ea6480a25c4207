"""Ties a process inside a container to this process's streams: the terminal, signals, and all."""

from __future__ import annotations

import os
import stat
import time

from robenv.engine.terminal.console import RawTerminal, is_terminal, terminal_size
from robenv.engine.terminal.pump import Pump, Streams
from robenv.engine.terminal.wakeup import Wakeup
from robenv.errors import RobenvError
from robenv.util.if_logged import terminal_taken

__all__ = ["HUNG_UP", "Streams", "interact", "interact_exec", "is_terminal", "standard_streams", "terminal_size"]

_NULL = os.makedev(1, 3)
"""/dev/null, by Linux's Documentation/admin-guide/devices.txt."""

HUNG_UP = 128 + 1
"""As a shell names the end by SIGHUP."""
_TIME_TO_HANG_UP = 0.3
"""Seconds."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from robenv.engine.terminal.types import ExecRequest, ProcessSession, SessionEngine


def standard_streams() -> Streams:
    """stdin, stdout and stderr of this process, without those that it was started with closed."""
    return Streams(*(fd if _is_open(fd) else None for fd in (0, 1, 2)))


def interact_exec(engine: SessionEngine, request: ExecRequest, streams: Streams | None = None) -> int | None:
    """Runs a command in a running container with this process's streams; its exit code, None where it was detached and
    runs on, HUNG_UP where it was detached and ended with its terminal, which some engines close then.

    As ``interact``, but signals are minded from before the command starts, so that none leaves it running unseen. A
    stdin that has nothing is not passed on: the command's own has nothing either, and there is no end to tell of.
    """
    streams = streams or standard_streams()
    if not request.tty and (streams.stdin is None or _is_null(streams.stdin)):
        request = request._replace(stdin=False)
    with Wakeup() as wakeup:
        session = engine.open_exec(request, _size(streams) if request.tty else None)
        try:
            code = _interact(session, streams, wakeup)
            return HUNG_UP if code is None and session.detached and not _runs_on(session) else code
        finally:
            session.close()


def _runs_on(session: ProcessSession) -> bool:
    """Whether a command that was just detached is still there: only asking inside tells, for Docker Engine 20.10 has it
    down as failed in either case. SIGCONT does nothing to what runs."""
    time.sleep(_TIME_TO_HANG_UP)
    try:
        return session.send_signal("CONT") > 0
    except RobenvError:
        return True


def interact(session: ProcessSession, streams: Streams | None = None) -> int | None:
    """Ties a session to this process's streams until it ends; the exit code of the process inside, None where the user
    detached and it runs on.

    With a TTY, what the user types goes through as it is, ^C too, and the window's size follows. Without, SIGINT,
    SIGTERM, SIGHUP and SIGQUIT are sent on to what runs inside, and its end is waited for. Where it is not to be
    reached, or does not end and the user insists, 128 and the signal's number is returned. A reader of stdout that went
    away ends the process inside and gives 141. The session stays open: its owner closes it.

    Raises EngineLost, ContainerNotFound, DiskFull (stdout's disk), OperationFailed.
    """
    with Wakeup() as wakeup:
        return _interact(session, streams or standard_streams(), wakeup)


def _interact(session: ProcessSession, streams: Streams, wakeup: Wakeup) -> int | None:
    with RawTerminal(streams.stdin if session.tty else None) as terminal, terminal_taken():
        session.set_blocking(False)
        return Pump(session, streams, wakeup, terminal).run()


def _size(streams: Streams) -> tuple[int, int] | None:
    return next((size for fd in streams if fd is not None and (size := terminal_size(fd))), None)


def _is_null(fd: int) -> bool:
    """Whether it is /dev/null."""
    about = os.fstat(fd)
    return stat.S_ISCHR(about.st_mode) and about.st_rdev == _NULL


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
