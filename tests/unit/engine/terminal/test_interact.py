"""The interactive loop between real pipes, real pseudo-terminals and the engine's end of a session."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from robenv.engine.terminal import ending
from robenv.engine.terminal.interact import Streams, interact, is_terminal, standard_streams, terminal_size
from robenv.engine.terminal.process_session import SocketSession
from robenv.errors import DiskFull, EngineLost
from tests.support.engines.sessions import Process, frame


class Begun(SocketSession):
    """``begun`` is set once the loop has the session, and with it the signals and the terminal."""

    begun: threading.Event

    def set_blocking(self, blocking: bool) -> None:
        super().set_blocking(blocking)
        self.begun.set()


class Desk:
    """A session, the engine's end of it (``far``), and pipes or a pseudo-terminal on this side."""

    def __init__(self, tty: bool = False, code: int = 0, looks: int = 0, keys: bytes = b"") -> None:
        self.near, self.far = socket.socketpair()
        self.far.settimeout(10)
        self.process = Process(code, looks)
        self.session = Begun(self.near, self.process, tty, True, b"", keys)
        self.session.begun = threading.Event()
        self._threads: list[threading.Thread] = []
        self._fds: set[int] = set()
        self.master = self.slave = -1
        if tty:
            self.master, self.slave = self.keep(*pty.openpty())
            self.streams = Streams(self.slave, self.slave, self.slave)
        else:
            self.stdin, self.user = self.keep(*os.pipe())
            self.out, stdout = self.keep(*os.pipe())
            self.err, stderr = self.keep(*os.pipe())
            self.streams = Streams(self.stdin, stdout, stderr)

    def keep(self, *fds: int) -> tuple[int, ...]:
        self._fds.update(fds)
        return fds

    def drop(self, fd: int) -> None:
        self._fds.remove(fd)
        os.close(fd)

    def meanwhile(self, work: Callable[[], object]) -> None:
        """Does this beside the loop."""
        thread = threading.Thread(target=work)
        thread.start()
        self._threads.append(thread)

    def after(self, seconds: float, work: Callable[[], object]) -> None:
        """Does this so long after the loop has begun. A signal that came before would end the tests themselves."""

        def later() -> None:
            if self.session.begun.wait(10):
                time.sleep(seconds)
                work()

        self.meanwhile(later)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(20)

    def signalled(self, times: int = 1) -> bool:
        """Whether so many signals reach the process within some seconds."""
        limit = time.monotonic() + 10
        while len(self.process.signals) < times and time.monotonic() < limit:
            time.sleep(0.005)
        return len(self.process.signals) == times

    def end(self) -> None:
        self.far.shutdown(socket.SHUT_RDWR)

    def interact(self) -> int | None:
        return interact(self.session, self.streams)

    def attributes(self) -> list[object]:
        return termios.tcgetattr(self.slave)

    def close(self) -> None:
        self.join()
        for fd in self._fds:
            os.close(fd)
        self.near.close()
        self.far.close()


@pytest.fixture
def desk() -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def made(tty: bool = False, code: int = 0, looks: int = 0, keys: bytes = b"") -> Desk:
        desks.append(Desk(tty, code, looks, keys))
        return desks[-1]

    yield made
    for one in desks:
        one.close()


Make = Callable[..., Desk]


def received(stream: socket.socket) -> bytes:
    data = b""
    while piece := stream.recv(65536):
        data += piece
    return data


# without a TTY


def test_stdout_and_stderr_go_their_own_ways(desk: Make) -> None:
    here = desk(code=5)
    here.far.sendall(frame(1, b"out\n") + frame(2, b"err\n"))
    here.end()
    assert here.interact() == 5
    assert os.read(here.out, 100) == b"out\n"
    assert os.read(here.err, 100) == b"err\n"


def test_the_end_of_stdin_reaches_the_process_and_its_output_still_comes(desk: Make) -> None:
    here = desk()
    os.write(here.user, b"a line\n")
    here.drop(here.user)

    def cat() -> None:
        data = received(here.far)
        here.far.sendall(frame(1, data))
        here.end()

    here.meanwhile(cat)
    assert here.interact() == 0
    assert os.read(here.out, 100) == b"a line\n"


def test_much_goes_both_ways_at_once(desk: Make) -> None:
    here, size = desk(), 8 << 20
    sent = os.urandom(1 << 16) * (size >> 16)
    got = bytearray()

    def write() -> None:
        with memoryview(sent) as view:
            for at in range(0, size, 1 << 15):
                os.write(here.user, view[at : at + (1 << 15)])
        here.drop(here.user)

    def cat() -> None:
        while data := here.far.recv(1 << 15):
            here.far.sendall(frame(1, data))
        here.end()

    def read() -> None:
        while len(got) < size and (data := os.read(here.out, 1 << 16)):
            got.extend(data)

    for work in (write, cat, read):
        here.meanwhile(work)
    assert here.interact() == 0
    here.join()
    assert bytes(got) == sent


def poured(here: Desk, most: int) -> int:
    """How many bytes the other end takes of at most so many, when nobody reads stdout."""
    block, sent = frame(1, b"x" * 32_000), 0
    here.far.settimeout(1.2)
    with suppress(TimeoutError):
        while sent < most:
            sent += here.far.send(block)
    here.far.settimeout(10)
    return sent


def test_a_slow_reader_holds_the_process_up_and_not_memory(desk: Make) -> None:
    here, sent = desk(looks=10**6), []

    def pour() -> None:
        sent.append(poured(here, 64 << 20))
        here.drop(here.out)

    here.meanwhile(pour)
    assert here.interact() == 128 + signal.SIGPIPE
    assert 0 < sent[0] < 4 << 20


def test_the_last_output_of_a_process_is_taken_from_the_engine_whoever_reads_it(desk: Make) -> None:
    here, sent, got = desk(code=3), [], bytearray()

    def pour() -> None:
        sent.append(poured(here, 8 << 20))
        here.end()
        while data := os.read(here.out, 1 << 16):
            got.extend(data)
            if len(got) == sent[0] // 32_008 * 32_000:
                break

    here.meanwhile(pour)
    assert here.interact() == 3
    assert sent[0] >= 8 << 20
    here.join()
    assert len(got) == sent[0] // 32_008 * 32_000


def test_a_reader_that_went_away_ends_the_process_inside(desk: Make) -> None:
    here = desk(looks=10**6)
    here.drop(here.out)
    here.far.sendall(frame(1, b"nobody reads this"))
    before = time.monotonic()
    assert here.interact() == 128 + signal.SIGPIPE
    assert here.process.signals == ["PIPE", "TERM"]
    assert time.monotonic() - before < 5


def test_a_full_disk_is_said(desk: Make) -> None:
    here = desk()
    full = here.keep(os.open("/dev/full", os.O_WRONLY))[0]
    here.streams = here.streams._replace(stdout=full)
    here.far.sendall(frame(1, b"x"))
    here.after(0.2, here.end)
    with pytest.raises(DiskFull, match="could not be written"):
        here.interact()
    assert here.process.signals[0] == "PIPE"


def test_waiting_costs_no_time(desk: Make) -> None:
    here = desk()
    here.drop(here.user)  # stdin has ended, and would be readable for ever
    here.after(0.6, here.end)
    before = time.process_time()
    here.interact()
    assert time.process_time() - before < 0.3


@pytest.mark.parametrize("content", [b"", b"some input"])
def test_stdin_from_a_file(desk: Make, tmp_path: Path, content: bytes) -> None:
    here = desk()
    file = tmp_path / "input"
    file.write_bytes(content)
    here.streams = here.streams._replace(stdin=here.keep(os.open(file, os.O_RDONLY))[0])
    got = []

    def take() -> None:
        got.append(received(here.far))
        here.end()

    here.meanwhile(take)
    here.interact()
    assert got == [content]


def test_without_any_streams_input_ends_and_output_is_dropped(desk: Make) -> None:
    here = desk(code=4)
    here.streams = Streams(None, None, None)

    def take() -> None:
        assert received(here.far) == b""
        here.far.sendall(frame(1, b"x" * 1_000_000))
        here.end()

    here.meanwhile(take)
    assert here.interact() == 4


def test_a_process_that_takes_no_more_input_is_no_error(desk: Make) -> None:
    here = desk(code=3)
    os.write(here.user, b"x" * 60_000)
    here.far.shutdown(socket.SHUT_RD)
    here.after(0.2, here.end)
    assert here.interact() == 3


def test_a_stream_that_breaks_inside_a_frame_is_a_lost_engine(desk: Make) -> None:
    here = desk()
    here.far.sendall(frame(1, b"whole") + frame(1, b"broken")[:-2])
    here.end()
    with pytest.raises(EngineLost):
        here.interact()
    assert os.read(here.out, 100) == b"wholebrok"[:9]


def test_a_process_that_closed_its_streams_is_waited_for(desk: Make) -> None:
    here = desk(code=6, looks=12)
    here.end()
    assert here.interact() == 6


# signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_signals_are_sent_on_and_the_end_is_waited_for(desk: Make, number: signal.Signals) -> None:
    here = desk(code=128 + number)
    handlers = [signal.getsignal(one) for one in signal.valid_signals()]

    def ask() -> None:
        os.kill(os.getpid(), number)
        here.signalled()
        here.end()

    here.after(0.1, ask)
    assert here.interact() == 128 + number
    assert here.process.signals == [number.name.removeprefix("SIG")]
    assert [signal.getsignal(one) for one in signal.valid_signals()] == handlers
    assert signal.set_wakeup_fd(-1) == -1


def test_who_insists_does_not_wait_for_ever(desk: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "GRACE", 0.5)
    here = desk()

    def insist() -> None:
        for times in (1, 2):
            os.kill(os.getpid(), signal.SIGINT)
            if not here.signalled(times):
                here.end()
                return
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGINT)

    here.after(0.1, insist)
    assert here.interact() == 130
    assert here.process.signals == ["INT", "INT"]


def test_a_signal_that_was_ignored_stays_ignored(desk: Make) -> None:
    here = desk()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        here.after(0.1, lambda: os.kill(os.getpid(), signal.SIGHUP))
        here.after(0.3, here.end)
        assert here.interact() == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert here.process.signals == []


def test_a_signal_drops_what_nobody_reads_of_a_process_that_has_ended(desk: Make) -> None:
    here = desk(code=2)
    here.far.sendall(frame(1, b"x" * 100_000))
    here.end()
    here.after(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    assert here.interact() == 2


# with a TTY


def test_the_terminal_is_raw_meanwhile_and_as_before_afterwards(desk: Make) -> None:
    here = desk(tty=True, code=1)
    before, during = here.attributes(), []

    def look() -> None:
        during.append(here.attributes())
        here.end()

    here.after(0.2, look)
    assert here.interact() == 1
    assert here.attributes() == before
    local, output = during[0][3], during[0][1]
    assert isinstance(local, int)
    assert isinstance(output, int)
    assert not local & (termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN)
    assert not output & termios.OPOST


class _Boom(Exception):
    pass


@pytest.mark.parametrize("error", [_Boom, KeyboardInterrupt, EngineLost("gone")])
def test_the_terminal_is_as_before_after_any_error(
    desk: Make, monkeypatch: pytest.MonkeyPatch, error: type[BaseException] | BaseException
) -> None:
    here = desk(tty=True)
    before = here.attributes()

    def fail(size: int) -> bytes:
        assert here.attributes() != before
        raise error

    monkeypatch.setattr(here.session, "recv", fail)
    here.far.sendall(b"x")
    with pytest.raises(error if isinstance(error, type) else type(error)):
        here.interact()
    assert here.attributes() == before


def test_every_key_goes_through_as_it_is(desk: Make) -> None:
    here = desk(tty=True)
    keys = bytes(range(256))
    got = bytearray()

    def type_() -> None:
        os.write(here.master, keys)
        while len(got) < len(keys):
            got.extend(here.far.recv(1000))
        here.end()

    here.after(0.2, type_)
    assert here.interact() == 0
    assert bytes(got) == keys


def test_what_was_typed_ahead_is_kept(desk: Make) -> None:
    here = desk(tty=True)
    os.write(here.master, b"typed ahead\n")
    got = []

    def take() -> None:
        got.append(here.far.recv(100))
        here.end()

    here.meanwhile(take)
    here.interact()
    assert got == [b"typed ahead\n"]


def test_the_window_is_told_at_once_and_when_it_changes(desk: Make) -> None:
    here = desk(tty=True)
    fcntl.ioctl(here.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))

    def change() -> None:
        fcntl.ioctl(here.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
        os.kill(os.getpid(), signal.SIGWINCH)

    here.after(0.2, change)
    here.after(0.5, here.end)
    here.interact()
    assert here.process.sizes == [(30, 100), (50, 120)]


def test_a_shell_that_took_the_terminal_back_does_not_keep_it(desk: Make) -> None:
    here = desk(tty=True)
    before, during = here.attributes(), []

    def stop_and_go_on() -> None:
        termios.tcsetattr(here.slave, termios.TCSANOW, before)  # type: ignore[arg-type]
        os.kill(os.getpid(), signal.SIGCONT)
        time.sleep(0.2)
        during.append(here.attributes())
        here.end()

    here.after(0.2, stop_and_go_on)
    here.interact()
    assert during[0] != before
    assert here.attributes() == before


def test_the_user_detaches(desk: Make) -> None:
    here = desk(tty=True, looks=10**6, keys=b"\x10\x11")

    def detach() -> None:
        os.write(here.master, b"\x10\x11")
        here.far.recv(10)
        here.end()

    here.after(0.2, detach)
    assert here.interact() is None


def test_a_terminal_that_vanishes_hangs_up_inside(desk: Make) -> None:
    here = desk(tty=True, looks=10**6)
    here.after(0.2, lambda: here.drop(here.master))
    before = time.monotonic()
    assert here.interact() == 128 + signal.SIGHUP
    assert "HUP" in here.process.signals
    assert time.monotonic() - before < 6


def test_a_signal_ends_a_session_whose_shell_takes_no_notice(desk: Make) -> None:
    here = desk(tty=True, looks=10**6)
    before = here.attributes()
    here.after(0.1, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert here.interact() == 128 + signal.SIGTERM
    assert here.process.signals == ["TERM", "HUP"]
    assert here.attributes() == before


def test_input_from_a_pipe_ends_a_tty_as_a_user_does(desk: Make) -> None:
    here = desk(tty=True)
    stdin, user = here.keep(*os.pipe())
    here.streams = here.streams._replace(stdin=stdin)
    os.write(user, b"exit 3\n")
    here.drop(user)
    got = bytearray()

    def take() -> None:
        while not got.endswith(b"\x04"):
            got.extend(here.far.recv(100))
        here.end()

    here.meanwhile(take)
    here.interact()
    assert bytes(got) == b"exit 3\n\x04"


# terminals as such


def test_what_is_a_terminal_and_how_large(desk: Make) -> None:
    here = desk(tty=True)
    fcntl.ioctl(here.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    assert is_terminal(here.slave)
    assert terminal_size(here.slave) == (30, 100)
    fcntl.ioctl(here.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
    assert terminal_size(here.slave) is None
    read, _ = here.keep(*os.pipe())
    assert not is_terminal(read)
    assert terminal_size(read) is None
    assert not is_terminal(10**6)


def test_a_stream_that_is_closed_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = os.dup(1)
    os.close(closed)
    real = os.fstat
    monkeypatch.setattr(os, "fstat", lambda fd: real(closed if fd == 1 else fd))
    assert standard_streams() == Streams(0, None, 2)
