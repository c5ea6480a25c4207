"""How a session is brought to its end once someone outside asked for it: pure but for the signals it sends."""

from __future__ import annotations

import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from robenv.engine.terminal.types import ProcessSession

GRACE = 3.0
"""Seconds after a first ^C from which on another one means: do not wait for it any longer."""
_HANGUP_GRACE = 2.0
"""Seconds that a process has to end after its terminal went away."""
_PIPE_GRACE = 1.0
"""Seconds that a process has to end by itself, and then by SIGTERM, once nobody reads its output."""
_TRIES, _PAUSE = 10, 0.3
"""A process that has just been started cannot be found yet."""


class SignalEscalation:
    """Says what to send when, and when to stop waiting. Times are seconds of one steady clock."""

    def __init__(self, session: ProcessSession) -> None:
        self._session = session
        self._due: list[tuple[float, int, int]] = []
        """(when, signal, tries left)"""
        self._asked_at: float | None = None
        self._give_up_at: float | None = None
        self.code: int | None = None
        """What to return where the process's own exit code is not to be had."""
        self.output_broken = False

    def ask(self, number: int, now: float) -> None:
        """A signal came that is to end the process inside."""
        self.code = 128 + number
        if self._session.tty:
            # Interactive shells take no notice of SIGTERM; that their terminal goes away they do.
            self._due += [(now, number, _TRIES), (now, signal.SIGHUP, _TRIES)]
            self._give_up_at = now + _HANGUP_GRACE
        elif self._asked_at is not None and now - self._asked_at >= GRACE:
            self._give_up_at = now
        else:
            self._due.append((now, number, _TRIES))
            if self._asked_at is None:
                self._asked_at = now

    def break_output(self, now: float) -> None:
        """Nobody reads the output any more: what SIGPIPE does to a process outside happens to the one inside."""
        if self.output_broken:
            return
        self.output_broken = True
        self.code = 128 + signal.SIGPIPE
        self._due += [(now, signal.SIGPIPE, _TRIES), (now + _PIPE_GRACE, signal.SIGTERM, _TRIES)]
        self._give_up_at = now + 3 * _PIPE_GRACE

    def send_due(self, now: float) -> None:
        """Sends the signals whose time has come."""
        due, self._due = [one for one in self._due if one[0] <= now], [one for one in self._due if one[0] > now]
        for _, number, tries in due:
            if self._reaches(number):
                continue
            if tries > 1:
                self._due.append((now + _PAUSE, number, tries - 1))
            elif self._give_up_at is None:
                self._give_up_at = now

    def _reaches(self, number: int) -> bool:
        try:
            return self._session.send_signal(signal.Signals(number).name.removeprefix("SIG")) > 0
        except Exception as error:
            from robenv.errors import RobenvError

            if not isinstance(error, RobenvError):
                raise
            return False  # No shell inside, or the container is gone: the stream tells what is left to tell.

    def given_up(self, now: float) -> bool:
        return self._give_up_at is not None and now >= self._give_up_at

    def wait_until(self) -> float | None:
        """When there is something to do next; None where nothing is due."""
        times = [one[0] for one in self._due]
        if self._give_up_at is not None:
            times.append(self._give_up_at)
        return min(times, default=None)
