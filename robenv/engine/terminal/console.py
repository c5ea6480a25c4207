"""The user's terminal: raw while a session with a TTY has it, and put back whatever happens."""

from __future__ import annotations

import os
import signal
import termios
import tty
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any


def is_terminal(fd: int) -> bool:
    """Whether ``fd`` is a terminal; False where it is closed."""
    return os.isatty(fd)


def terminal_size(fd: int) -> tuple[int, int] | None:
    """(rows, columns); None where ``fd`` is no terminal, or one that does not know."""
    try:
        columns, rows = os.get_terminal_size(fd)
    except OSError:
        return None
    return (rows, columns) if rows and columns else None


class RawTerminal:
    """Puts a terminal into raw mode inside ``with``. Does nothing for an ``fd`` that is None or no terminal."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd if fd is not None and os.isatty(fd) else None
        self._before: list[Any] | None = None

    def __enter__(self) -> RawTerminal:
        self.make_raw()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd is None or self._before is None or not in_foreground(self._fd):
            return
        # Whoever takes the terminal away in this moment must not stop robenv for giving it back.
        before = _handle(signal.SIGTTOU, signal.SIG_IGN)
        try:
            with suppress(termios.error, OSError):  # it is gone
                termios.tcsetattr(self._fd, termios.TCSANOW, self._before)
        finally:
            _handle(signal.SIGTTOU, before)

    def make_raw(self) -> None:
        """Also again, after a shell has stopped robenv and put its own settings there. Keeps what was typed ahead."""
        if self._fd is None or not in_foreground(self._fd):
            return
        with suppress(termios.error, OSError):
            if self._before is None:
                self._before = termios.tcgetattr(self._fd)
            tty.setraw(self._fd, termios.TCSANOW)


def in_foreground(fd: int) -> bool:
    """Whether this process may read from the terminal ``fd``: a job in the background is stopped for it."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:  # not the terminal that controls this process: no rule of jobs holds
        return True


def _handle(number: int, handler: Any) -> Any:
    try:
        return signal.signal(number, handler)
    except ValueError:  # only the main thread may
        return handler
