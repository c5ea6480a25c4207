"""What it takes to enter a running container, as light types: the quick way in imports nothing heavier than these.

``robenv.engine.protocol`` exports them too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

KILLED = 137
"""The exit code of what SIGKILL has ended."""


class ContainerInfo(NamedTuple):
    id: str
    name: str
    image: str
    image_id: str
    labels: Mapping[str, str]
    status: str
    """created, running, paused, restarting, removing, exited or dead."""
    exit_code: int
    oom_killed: bool
    error: str
    """What the engine said when it could not start it."""
    created: str
    started_at: str
    exec_ids: tuple[str, ...]
    """Commands that run in it by ``exec``."""
    health: str = ""
    restart_policy: str = ""
    """``no``, ``always``, ``unless-stopped`` or ``on-failure``."""
    restarts: int = 0
    """How often its policy started it again since somebody last did."""
    finished_at: str = ""

    @property
    def running(self) -> bool:
        return self.status in ("running", "paused", "restarting")

    @property
    def ending(self) -> str:
        """How its main process ended, as the end of a sentence.

        Engines tell of a want of memory by an event, which containerd 1.x under cgroup v1 drops where the whole
        container ends with it: nothing but SIGKILL is left of it then.
        """
        if self.oom_killed:
            return "was killed for want of memory"
        if self.exit_code == KILLED:
            return f"was killed (exit code {KILLED}), most often for want of memory"
        return f"ended with exit code {self.exit_code}"


class ExecRequest(NamedTuple):
    container: str
    argv: tuple[str, ...]
    user: str
    """``UID:GID`` or a name."""
    working_dir: str = ""
    environment: tuple[str, ...] = ()
    """``NAME=value``"""
    tty: bool = False
    stdin: bool = True
    detach_keys: str = ""
    privileged: bool = False
    launcher: tuple[str, ...] = ()
    """What is to start ``argv``, and becomes it."""


class ProcessSession(Protocol):
    """A process's streams: one raw connection that carries stdin one way and stdout and stderr the other."""

    tty: bool
    stdin: bool
    """Whether the process has a stdin that ``send`` reaches."""

    def fileno(self) -> int:
        """The connection's file descriptor, to wait on."""

    def set_blocking(self, blocking: bool) -> None:
        """Whether ``recv`` and ``send`` wait; it does at first. Else they raise BlockingIOError."""

    def pending(self) -> bool:
        """Whether ``recv`` has bytes already that a wait on ``fileno()`` would not tell of."""

    def recv(self, size: int) -> bytes:
        """Bytes as they came: raw with a TTY, else in the Engine API's frames; b"" at the end, also where it broke."""

    def send(self, data: bytes | bytearray | memoryview) -> int:
        """Sends some of ``data``; how many bytes. Raises BrokenPipeError where the process takes no more."""

    def close_stdin(self) -> None:
        """Half-closes: the process reads an end of file, its output still comes."""

    def resize(self, rows: int, columns: int) -> None: ...

    def send_signal(self, name: str) -> int:
        """Sends ``INT``, ``TERM``, … to what this session started; how many processes it reached."""

    @property
    def detached(self) -> bool:
        """Whether the detach keys were sent."""

    def poll(self) -> int | None:
        """The exit code where the engine has one already. Raises ContainerNotFound, EngineLost."""

    def exit_code(self) -> int | None:
        """The process's exit code once the streams have ended; None: it still runs (the user detached, or it closed
        its streams). Raises ContainerNotFound, EngineLost."""

    def close(self) -> None: ...


class SessionEngine(Protocol):
    """The few calls that entering a running container takes: small enough to have a second, quick implementation."""

    endpoint: str

    def find_container(self, name: str) -> ContainerInfo | None:
        """By name or ID; None where there is none."""

    def open_exec(self, request: ExecRequest, size: tuple[int, int] | None = None) -> ProcessSession:
        """Starts a command in a running container. ``size`` is (rows, columns) of the terminal."""

    def oom_events(self, container: str, since: float, until: float) -> int:
        """How often the kernel killed something inside for want of memory, between two times (epoch seconds)."""

    def close(self) -> None: ...
