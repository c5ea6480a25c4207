"""Signals as events of a poll loop."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
INSIST = 1.0
_NOTED = (signal.SIGWINCH, signal.SIGCONT)


class Wakeup:
    """Inside ``with``, signals do nothing but make ``fileno()`` readable and stand in ``take()``.

    Where nothing takes them, since a call to the engine hangs, a second signal after ``INSIST`` seconds raises
    KeyboardInterrupt. A signal that was ignored before (``nohup``, a job of a script) stays ignored. Outside of the
    main thread, where Python delivers none, this does nothing.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before: dict[int, Any] = {}
        self._fd_before = -1
        self._came: list[tuple[int, float]] = []

    def __enter__(self) -> Wakeup:
        try:
            self._fd_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        except ValueError:
            return self
        for number in (*FORWARDED, *_NOTED):
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN and before is not None:  # None: not Python's, so not ours to put back
                signal.signal(number, self._note)
                self._before[number] = before
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        with suppress(ValueError):
            signal.set_wakeup_fd(self._fd_before)
        os.close(self._read)
        os.close(self._write)
        for number, _ in self._came:
            if number in FORWARDED and kind is None:  # it came after the last look: whoever comes next minds it
                signal.raise_signal(number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if number in FORWARDED and any(other in FORWARDED and now - when > INSIST for other, when in self._came):
            raise KeyboardInterrupt
        self._came.append((number, now))

    def fileno(self) -> int:
        return self._read

    def take(self) -> list[int]:
        """The signals that came since, in their order."""
        with suppress(BlockingIOError):
            os.read(self._read, 4096)
        came, self._came = self._came, []
        return [number for number, _ in came]
