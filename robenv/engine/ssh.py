"""An engine on another machine, ``ssh://USER@HOST:PORT``, by the user's own ``ssh`` as their ssh_config says.

The docker CLI does the same: ``ssh HOST docker system dial-stdio`` is a connection to the engine there. docker-py
speaks SSH itself only with a library of its own, which knows little of ssh_config.
"""

from __future__ import annotations

import atexit
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from typing import IO, NamedTuple
from urllib.parse import unquote, urlsplit

from robenv.paths import socket_folder

_CONNECT_TIMEOUT = 30
"""Seconds, as the docker CLI has it; what a connection takes after that is the engine's own."""
_LAST_WORDS = 4096
"""Bytes of what ssh says that are kept for an error."""
_GRACE = 2.0
"""Seconds from a connection's end to the end of its ssh."""


class Target(NamedTuple):
    host: str
    user: str = ""
    port: int | None = None
    socket: str = ""
    """The engine's socket over there; "" for the one that the docker CLI over there means."""

    def login(self) -> list[str]:
        """What a person would write after ``ssh``."""
        port = ["-p", str(self.port)] if self.port else []
        return [*port, f"{self.user}@{self.host}" if self.user else self.host]

    def command(self) -> list[str]:
        """The program whose stdin and stdout are a connection to the engine."""
        options = ["-o", f"ConnectTimeout={_CONNECT_TIMEOUT}", "-T"]
        options += ["-l", self.user] if self.user else []
        options += ["-p", str(self.port)] if self.port else []
        there = ["--host", shlex.quote(f"unix://{self.socket}")] if self.socket else []
        return ["ssh", *options, "--", self.host, "docker", *there, "system", "dial-stdio"]


def target(url: str) -> Target:
    """What an ``ssh://`` URL says. Raises ValueError with a sentence about what it may not."""
    parts = urlsplit(url)
    if parts.password is not None:
        raise ValueError("a password may not stand there; ssh takes keys")
    if parts.query or parts.fragment:
        raise ValueError("only the path of a socket may stand behind the host")
    place = parts.netloc.rpartition("@")[2]
    # Not urlsplit's hostname: it makes small letters of an ssh_config's Host.
    host = place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0]
    if not host or host.startswith("-"):
        raise ValueError("it has no host")
    return Target(host, unquote(parts.username or ""), parts.port, unquote(parts.path.rstrip("/")))


class SshRelay:
    """A unix socket, ``url``, whose connections go to an engine over SSH, each by an ``ssh`` of its own.

    Raises OSError, ValueError. Close it when done.
    """

    def __init__(self, url: str) -> None:
        self._command = target(url).command()
        self._folder = socket_folder("robenv-ssh-")
        path = f"{self._folder}/engine.sock"
        self.url = f"unix://{path}"
        self._children: list[tuple[subprocess.Popen[bytes], threading.Thread]] = []
        self._complaint = ""
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        atexit.register(self.close)
        try:
            self._listener.bind(path)
            self._listener.listen()
        except OSError:
            self.close()
            raise
        threading.Thread(target=self._serve, daemon=True).start()

    def complaint(self) -> str:
        """Why the last ssh that failed did: its own words; "" where none has failed."""
        until = time.monotonic() + _GRACE
        for _, attendant in list(self._children):
            attendant.join(max(0.0, until - time.monotonic()))
        return self._complaint

    def close(self) -> None:
        """Ends every connection too."""
        atexit.unregister(self.close)
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for child, _ in list(self._children):
            child.terminate()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _serve(self) -> None:
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:  # closed
                return
            with stream:
                self._connect(stream)

    def _connect(self, stream: socket.socket) -> None:
        words = tempfile.TemporaryFile()  # noqa: SIM115 - closed by its attendant
        try:
            # In a session of its own, as the docker CLI has it: ^C is for the process inside and not for the connection
            # to it, and a question, which could not be answered while a terminal is in use, is an error instead.
            child = subprocess.Popen(
                self._command, stdin=stream.fileno(), stdout=stream.fileno(), stderr=words, start_new_session=True
            )
        except OSError as error:
            words.close()
            self._complaint = f"ssh cannot be run: {error}"
            return
        attendant = threading.Thread(target=self._attend, args=(child, words), daemon=True)
        attendant.start()
        self._children = [(one, its) for one, its in self._children if its.is_alive()] + [(child, attendant)]

    def _attend(self, child: subprocess.Popen[bytes], words: IO[bytes]) -> None:
        # A file and no pipe: the master of a shared connection that ssh leaves behind may hold it open for long.
        with words:
            if child.wait():
                words.seek(max(0, words.seek(0, 2) - _LAST_WORDS))
                said = words.read().decode(errors="replace").splitlines()
                text = "\n".join(line for line in said if line.strip())
                self._complaint = text or f"ssh ended with exit code {child.returncode}"
