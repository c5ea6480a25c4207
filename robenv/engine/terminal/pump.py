"""Moves bytes between a session and this process's streams, whichever is ready, with bounded memory."""

from __future__ import annotations

import errno
import os
import select
import signal
import stat
import time
from typing import NamedTuple

from robenv.engine.terminal.console import in_foreground, terminal_size
from robenv.engine.terminal.ending import SignalEscalation
from robenv.engine.terminal.process_session import STDERR, STDOUT, demultiplexer
from robenv.engine.terminal.wakeup import FORWARDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from robenv.engine.terminal.console import RawTerminal
    from robenv.engine.terminal.types import ProcessSession
    from robenv.engine.terminal.wakeup import Wakeup

_CHUNK = 64 * 1024
_HELD = 256 * 1024
"""Bytes of output held back at most for a slow reader; then nothing more is taken from the engine."""
_HELD_AT_THE_END = 64 * _HELD
"""The same once the process has ended or is being ended. What it wrote last is little more than the megabyte that an
engine buffers, and while that is unread, Docker Engine 20.10 tells of no other command's end in the same container."""
_SURE = 4096
"""What a pipe that is ready to be written takes without blocking: PIPE_BUF. Setting O_NONBLOCK on it instead would
change it for every other process that has it, such as the user's shell."""
_LOOK_AGAIN = 0.5
"""Seconds after which to look whether this job is in the foreground now, or the process has ended."""
_END_OF_FILE = b"\x04"
_READABLE = select.POLLIN | select.POLLHUP | select.POLLERR | select.POLLNVAL
_GONE = (errno.EIO, errno.EBADF)


class Streams(NamedTuple):
    """File descriptors; None: there is none, input ends at once and output is dropped."""

    stdin: int | None = 0
    stdout: int | None = 1
    stderr: int | None = 2


class _Output:
    """One of this process's outputs, and what waits for it."""

    def __init__(self, fd: int | None) -> None:
        self.fd = fd
        self.waiting = bytearray()
        self._sure = _CHUNK if fd is None or stat.S_ISREG(os.fstat(fd).st_mode) else _SURE

    def put(self, data: bytes) -> None:
        if self.fd is not None:
            self.waiting += data

    def write(self) -> None:
        """Writes what it takes without waiting. Raises OSError; then it takes nothing any more."""
        if self.fd is None:
            return
        try:
            with memoryview(self.waiting)[: self._sure] as part:
                written = os.write(self.fd, part)
        except BlockingIOError:
            return
        except OSError:
            self.fd = None
            self.waiting.clear()
            raise
        del self.waiting[:written]


class Pump:
    """One session, from when it is open until its process has ended. ``session`` must not block."""

    def __init__(self, session: ProcessSession, streams: Streams, wakeup: Wakeup, terminal: RawTerminal) -> None:
        self._session = session
        self._wakeup = wakeup
        self._terminal = terminal
        self._stdin = streams.stdin if session.stdin else None
        self._stdin_is_terminal = self._stdin is not None and os.isatty(self._stdin)
        self._foreground = True
        self._window = [fd for fd in streams if fd is not None and os.isatty(fd)] if session.tty else []
        self._input = bytearray()
        self._input_ends = session.stdin and streams.stdin is None
        self._outputs = {STDOUT: _Output(streams.stdout), STDERR: _Output(streams.stderr)}
        self._demux = demultiplexer(session.tty)
        self._ended = False
        self._limit = _HELD
        self._ending = SignalEscalation(session)
        self._failure: OSError | None = None

    def run(self) -> int | None:
        """The exit code; None where the user detached. Raises robenv's errors."""
        self._follow_window()
        self._end_input()
        while not self._ended or self._held():
            if self._ending.given_up(time.monotonic()):
                return self._given_up()
            self._step()
        if self._failure is not None:
            raise _unwritable(self._failure)
        return self._exit_code()

    def _given_up(self) -> int | None:
        if self._failure is not None:
            raise _unwritable(self._failure)
        return self._ending.code

    def _exit_code(self) -> int | None:
        """Waits on for a process that has closed its streams and runs."""
        while (code := self._session.exit_code()) is None and not self._session.detached:
            if self._ending.given_up(time.monotonic()):
                return self._ending.code
            self._wait({}, _LOOK_AGAIN)
            self._mind_signals()
        if code is not None and not self._demux.whole:
            from robenv.errors import EngineLost

            raise EngineLost("The connection to the engine broke in the middle of the output.")
        return self._ending.code if self._ending.output_broken else code

    def _held(self) -> int:
        return sum(len(output.waiting) for output in self._outputs.values())

    def _drop_output(self) -> None:
        for output in self._outputs.values():
            output.waiting.clear()

    # one round

    def _step(self) -> None:
        ready = self._wait(self._interests(), self._patience())
        self._mind_signals()
        if not ready and self._session.detached:
            self._ended = True  # Podman keeps the stream open until the process has ended
            return
        if not ready and self._full() and self._limit == _HELD and self._session.poll() is not None:
            self._limit = _HELD_AT_THE_END
        session = ready.get(self._session.fileno(), 0)
        if self._session.pending() or session & _READABLE:
            self._receive()
        if session & select.POLLOUT:
            self._send()
        if self._stdin is not None and ready.get(self._stdin, 0) & _READABLE:
            self._read(self._stdin)
        for output in self._outputs.values():
            if output.waiting and ready.get(-1 if output.fd is None else output.fd, 0):
                self._write(output)

    def _full(self) -> bool:
        return self._held() >= self._limit

    def _interests(self) -> dict[int, int]:
        """What to wait for."""
        wanted: dict[int, int] = {}
        if not self._ended:
            events = (0 if self._full() else select.POLLIN) | (select.POLLOUT if self._input else 0)
            if events:  # an end that is not to be taken yet would wake this up again and again
                wanted[self._session.fileno()] = events
            if self._stdin is not None and not self._input and self._may_read():
                wanted[self._stdin] = select.POLLIN
        for output in self._outputs.values():
            if output.waiting and output.fd is not None:
                wanted[output.fd] = wanted.get(output.fd, 0) | select.POLLOUT
        return wanted

    def _patience(self) -> float | None:
        """For how long to wait at most; None: for ever."""
        if self._session.pending() and not self._full():
            return 0.0
        return _LOOK_AGAIN if self._full() or not self._foreground or self._session.detached else None

    def _wait(self, wanted: dict[int, int], limit: float | None) -> dict[int, int]:
        """What of it is ready, by file descriptor; signals and what is due to be sent end the wait too."""
        until = self._ending.wait_until()
        if until is not None:
            left = max(0.0, until - time.monotonic())
            limit = left if limit is None else min(limit, left)
        poll = select.poll()
        poll.register(self._wakeup, select.POLLIN)
        for fd, events in wanted.items():
            poll.register(fd, events)
        return dict(poll.poll(None if limit is None else limit * 1000))

    def _may_read(self) -> bool:
        """A job in the background that read from its terminal would be stopped."""
        if not self._stdin_is_terminal or self._stdin is None:
            return True
        before, self._foreground = self._foreground, in_foreground(self._stdin)
        if self._foreground and not before:
            self._terminal.make_raw()
        return self._foreground

    def _mind_signals(self) -> None:
        now = time.monotonic()
        for number in self._wakeup.take():
            if number in FORWARDED:
                self._ending.ask(number, now)
                self._limit = _HELD_AT_THE_END
                if self._ended:  # only a slow reader of the output is waited for
                    self._drop_output()
            elif number == signal.SIGCONT:
                self._terminal.make_raw()
                self._follow_window()
            else:
                self._follow_window()
        self._ending.send_due(now)

    def _follow_window(self) -> None:
        size = next((size for fd in self._window if (size := terminal_size(fd))), None)
        if size is not None:
            self._session.resize(*size)

    # one direction each

    def _receive(self) -> None:
        try:
            data = self._session.recv(_CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._ended = True
            return
        for stream, piece in self._demux.feed(data):
            self._outputs[stream].put(piece)

    def _write(self, output: _Output) -> None:
        try:
            output.write()
        except OSError as error:
            if error.errno in _GONE:
                self._hang_up()
                return
            if error.errno != errno.EPIPE:
                self._failure = error
            self._ending.break_output(time.monotonic())

    def _read(self, fd: int) -> None:
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno in _GONE and self._stdin_is_terminal:
                self._hang_up()
            data = b""
        self._input += data
        if data:
            return
        if self._session.tty and self._stdin_is_terminal:  # raw, it gives no end of file but this one
            self._hang_up()
        self._stdin = None
        self._input_ends = True
        self._end_input()

    def _send(self) -> None:
        try:
            with memoryview(self._input) as waiting:
                sent = self._session.send(waiting)
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._input.clear()
            self._stdin = None
            return
        del self._input[:sent]
        self._end_input()

    def _end_input(self) -> None:
        if not self._input_ends or self._input:
            return
        self._input_ends = False
        if self._session.tty:
            self._input += _END_OF_FILE  # half-closing a session with a TTY would end it
        else:
            self._session.close_stdin()

    def _hang_up(self) -> None:
        """The terminal is gone; its SIGHUP goes to the session's leader, which need not be this process."""
        self._stdin = None
        if self._ending.code is None:
            self._ending.ask(signal.SIGHUP, time.monotonic())


def _unwritable(error: OSError) -> Exception:
    from robenv.errors import DiskFull, OperationFailed

    kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else OperationFailed
    return kind("The command's output could not be written.", details=str(error))
