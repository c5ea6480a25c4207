"""A pseudo-terminal of a test's own."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pexpect.fdpexpect


class Terminal:
    """A pseudo-terminal in which a process runs as in a terminal window: it controls the process's session."""

    def __init__(self, rows: int = 30, columns: int = 100) -> None:
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.screen = pexpect.fdpexpect.fdspawn(self.master, timeout=20)
        self.process: subprocess.Popen[bytes] | None = None

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def start(
        self, command: list[str], root: Path, environ: Mapping[str, str] = os.environ, cwd: Path | None = None
    ) -> subprocess.Popen[bytes]:
        self.process = subprocess.Popen(
            command,
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            cwd=cwd,
            env={**environ, "PYTHONPATH": str(root), "PS1": "outside> "},
        )
        return self.process

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def see(self, pattern: str) -> None:
        """Waits until this was shown."""
        self.screen.expect(pattern.encode())

    def ends(self, seconds: float = 20) -> int:
        """The exit code; what was shown meanwhile is read, so that nothing waits for it."""
        assert self.process
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, "it did not end"
            with suppress(pexpect.TIMEOUT, pexpect.EOF):
                self.screen.expect("nothing that is ever shown", timeout=0.1)
        return self.process.returncode

    def attributes(self) -> list[Any]:
        return termios.tcgetattr(self.slave)

    def close(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        with suppress(OSError):
            os.close(self.master)
        with suppress(OSError):
            os.close(self.slave)
