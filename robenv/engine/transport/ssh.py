"""An engine on another machine, ``ssh://USER@HOST:PORT``, by the user's own ``ssh`` as their ssh_config says.

The docker CLI does the same: ``ssh HOST docker system dial-stdio`` is a connection to the engine there. docker-py
speaks SSH itself only with a library of its own, which knows little of ssh_config.
"""

from __future__ import annotations

import atexit
import re
import secrets
import select
import shlex
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import IO, NamedTuple
from urllib.parse import unquote, urlsplit

from robenv.paths import remove_socket_folder, socket_folder

_CONNECT_TIMEOUT = 30
"""Seconds, as the docker CLI has it; what a connection takes after that is the engine's own."""
_LAST_WORDS = 4096
"""Bytes of what ssh says that are kept for an error."""
_GRACE = 2.0
"""Seconds from a connection's end to the end of its ssh."""
GREETING = 64 * 1024
"""Bytes that a login shell may print before the answer begins."""
_PIECE = 64 * 1024
_ANSWER = re.compile(rb"HTTP/1\.[01] \d\d\d ")
"""How an engine's first answer on a connection begins."""

_SETTINGS = ("RemoteCommand=none", "ClearAllForwardings=yes", "PermitLocalCommand=no")
_LATER_SETTINGS = ("StdinNull=no", "ForkAfterAuthentication=no", "SessionType=default")
_LATER = (8, 7)
"""The release of OpenSSH from which ssh knows _LATER_SETTINGS; an older one refuses them."""


def ssh_argv(
    host: str, command: str = "", *, user: str = "", port: int | None = None, options: Sequence[str] = ()
) -> list[str]:
    """The argv of every connection that robenv makes: ``command`` is for the login shell of ``host``.

    The user's ssh_config decides how the host is reached. What it has for people at a terminal (a RemoteCommand such
    as tmux, forwardings, a LocalCommand, X11, the agent) is left out, as scp does: it would take the place of the
    command, or mix with its output. ``options`` may ask for it again.
    """
    settings = [word for one in (*_SETTINGS, *_later_settings()) for word in ("-o", one)]
    login = ["-l", user] if user else []
    login += ["-p", str(port)] if port else []
    return ["ssh", "-a", "-x", *settings, *options, *login, "-T", "--", host, *([command] if command else [])]


@lru_cache(maxsize=1)
def _later_settings() -> tuple[str, ...]:
    try:
        done = subprocess.run(
            ["ssh", "-V"], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=10, text=True
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()  # whoever runs it next says why
    match = re.search(r"OpenSSH_(?:for_Windows_)?(\d+)\.(\d+)", done.stderr)
    return _LATER_SETTINGS if match and (int(match[1]), int(match[2])) >= _LATER else ()


class MarkedCommand(NamedTuple):
    """A command for a login shell, and the line that it prints before its own output.

    What comes before that line the shell's startup files have printed: a greeting in ~/.bashrc. The words are those
    that sh, bash, tcsh and fish have in common.
    """

    command: str
    line: bytes

    def split(self, output: bytes) -> tuple[bytes, bytes | None]:
        """(greeting, the command's own output); None where the line did not come: something else ran."""
        before, found, after = output.partition(self.line)
        return before, after if found else None


def mark_command(command: str) -> MarkedCommand:
    word = f"robenv-{secrets.token_hex(8)}"
    return MarkedCommand(f"echo {word}; {command}", f"{word}\n".encode())


def read_greeting(stream: IO[bytes] | None, line: bytes) -> bytes | None:
    """Reads up to a mark's line, and returns what has come after it; None where it did not come."""
    begun = bytearray()
    while stream is not None and (data := stream.read1(_PIECE)):  # type: ignore[attr-defined]
        begun += data
        _, found, rest = bytes(begun).partition(line)
        if found:
            return rest
        if len(begun) > GREETING:
            break
    return None


class SshTarget(NamedTuple):
    host: str
    user: str = ""
    port: int | None = None
    socket: str = ""
    """The engine's socket over there; "" for the one that the docker CLI over there means."""

    def login(self) -> list[str]:
        """What a person would write after ``ssh``."""
        port = ["-p", str(self.port)] if self.port else []
        return [*port, f"{self.user}@{self.host}" if self.user else self.host]

    def argv(self, command: str, *options: str) -> list[str]:
        """The ssh that has the login shell over there run ``command``."""
        return ssh_argv(self.host, command, user=self.user, port=self.port, options=options)

    def dial(self) -> list[str]:
        """The program whose stdin and stdout are a connection to the engine."""
        return self.argv(dial_command(self.socket), "-o", f"ConnectTimeout={_CONNECT_TIMEOUT}")


def dial_command(path: str = "") -> str:
    """What the docker CLI of the other machine is told: to be a connection to its engine, at the socket ``path``."""
    there = ["--host", f"unix://{path}"] if path else []
    return shlex.join(["docker", *there, "system", "dial-stdio"])


def parse_ssh_url(url: str) -> SshTarget:
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
    return SshTarget(host, unquote(parts.username or ""), parts.port, unquote(parts.path.rstrip("/")))


class SshRelay:
    """A unix socket, ``url``, whose connections go to an engine over SSH, each by an ``ssh`` of its own, ``argv``.

    What the login shell prints before the engine's answer is dropped. Raises OSError. Close it when done.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = list(argv)
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
        remove_socket_folder(self._folder)

    def _serve(self) -> None:
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:  # closed
                return
            self._connect(stream)

    def _connect(self, stream: socket.socket) -> None:
        words = tempfile.TemporaryFile()  # noqa: SIM115 - closed by its attendant
        try:
            # In a session of its own, as the docker CLI has it: ^C is for the process inside and not for the connection
            # to it, and a question, which could not be answered while a terminal is in use, is an error instead.
            child = subprocess.Popen(
                self._argv, stdin=stream.fileno(), stdout=subprocess.PIPE, stderr=words, start_new_session=True
            )
        except OSError as error:
            words.close()
            self._complaint = f"ssh cannot be run: {error}"
            stream.close()
            return
        attendant = threading.Thread(target=self._attend, args=(child, stream, words), daemon=True)
        attendant.start()
        self._children = [(one, its) for one, its in self._children if its.is_alive()] + [(child, attendant)]

    def _attend(self, child: subprocess.Popen[bytes], stream: socket.socket, words: IO[bytes]) -> None:
        # A file and no pipe: the master of a shared connection that ssh leaves behind may hold it open for long.
        # A connection without an answer is closed last: whoever uses it asks for the complaint as soon as it ends.
        with words, stream:
            greeting = b""
            with suppress(OSError):  # whoever uses the connection may have left
                greeting = _pass_on(child, stream)
            if child.stdout is not None:
                child.stdout.close()
            code = child.wait()
            words.seek(max(0, words.seek(0, 2) - _LAST_WORDS))
            said = _lines(words.read())
            if code or greeting:
                self._complaint = said or _instead(greeting) or f"ssh ended with exit code {code}"


def _pass_on(child: subprocess.Popen[bytes], stream: socket.socket) -> bytes:
    """Carries an engine's answers to ``stream``. Returns what came instead, where no answer of an engine did."""
    begun, answered = bytearray(), False
    while child.stdout is not None and (data := child.stdout.read1(_PIECE)):  # type: ignore[attr-defined]
        if answered:
            _send(stream, data)
            continue
        begun += data
        if match := _ANSWER.search(begun):
            answered = True
            _send(stream, bytes(begun[match.start() :]))
        elif len(begun) > GREETING:
            child.terminate()
            break
    if not answered:
        return bytes(begun)
    with suppress(OSError):
        stream.shutdown(socket.SHUT_RDWR)
    return b""


def _send(stream: socket.socket, data: bytes) -> None:
    """ssh makes its stdin, which is this very socket, one that does not wait."""
    left = memoryview(data)
    while left:
        try:
            left = left[stream.send(left) :]
        except BlockingIOError:
            ready = select.poll()
            ready.register(stream, select.POLLOUT)
            ready.poll()


def _lines(said: bytes) -> str:
    return "\n".join(line for line in said.decode(errors="replace").splitlines() if line.strip())


def _instead(greeting: bytes) -> str:
    text = _lines(greeting[:_LAST_WORDS])
    return f"instead of the engine's answer the login there printed:\n{text}" if text else ""


def over_ssh(url: str, words: str) -> list[str]:
    """The argv that has a builder's shell run ``words``."""
    return parse_ssh_url(url).argv(words, "-o", "BatchMode=yes")
