"""The log: engine requests, external commands, and decisions with their reasons; never a secret.

Not the standard library's ``logging``, whose import alone takes as long as the fast path. Nothing is recorded until
``start``. After it the last records are kept in memory for the report of an unexpected error; `-v` shows decisions and
commands on stderr, `-vv` engine requests too, and ROBENV_LOG=FILE appends all of it to a file.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from robenv.util.sanitize import safe

VARIABLE = "ROBENV_LOG"
_KEPT = 2000
"""Records that are kept in memory."""
_LONGEST = 4000
"""Characters of a record."""
DETAIL, NOTABLE = 2, 1
"""From which number of ``-v`` a record is shown."""

_USERINFO = re.compile(r"(?<=://)[^/\s@'\"]+(?=@)")
_CREDENTIAL = re.compile(
    r"""(?ix)\b((?:proxy-)?authorization|x-registry-auth|[\w.-]*(?:password|passwd|secret|token|api[_-]?key))
    (["']?\s*[=:]\s*["']?(?:(?:basic|bearer)\s+)?)[^\s"',;&]+"""
)
_ASSIGNMENT = re.compile(r"(?<![\w./-])([A-Za-z_]\w*)=(?!\*\*\*)[^\s'\"]+")
HIDDEN = "***"

_lines: deque[str] = deque(maxlen=_KEPT)
_began = time.monotonic()
_started = False
_verbosity = 0
_file: int | None = None
_paused = 0


def redact(text: str) -> str:
    """Return the text without what may be a secret: logins in URLs, and values that are named as one."""
    return _CREDENTIAL.sub(rf"\1\2{HIDDEN}", _USERINFO.sub(HIDDEN, text))


def command_text(arguments: Iterable[object]) -> str:
    """Return a command line for the log: quoted, and with the values of NAME=VALUE left out, which may be anything."""
    words = (os.fsdecode(word) if isinstance(word, bytes | str | os.PathLike) else str(word) for word in arguments)
    return redact(shlex.join(_ASSIGNMENT.sub(rf"\1={HIDDEN}", word) for word in words))


def start(verbosity: int = 0, file: str = "") -> None:
    """Record from now on. ``verbosity``: how many ``-v`` there were. Raises OSError where ``file`` cannot be opened."""
    global _started, _verbosity, _file
    if file:
        _file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    _verbosity = verbosity
    if not _started:
        _started = True
        sys.addaudithook(_audit)


def decision(text: str) -> None:
    """Record what was decided, and why."""
    _record(NOTABLE, text)


def detail(text: str) -> None:
    """Record a request, or another step that only a developer asks for."""
    _record(DETAIL, text)


def is_verbose() -> bool:
    """Whether records are shown on stderr, where a live picture would be in their way."""
    return _verbosity > 0


@contextmanager
def timed(text: str) -> Iterator[list[str]]:
    """Record a request when it begins, and with its time when its answer has begun. What the block appends to the list
    is the answer's own, such as a status."""
    if not _started:
        yield []
        return
    detail(f"{text} …")
    began, answer = time.monotonic(), list[str]()
    try:
        yield answer
    except BaseException as error:
        answer.append(type(error).__name__)
        raise
    finally:
        detail(f"{text}: {' '.join(answer)} {(time.monotonic() - began) * 1000:.1f} ms")


@contextmanager
def terminal_taken() -> Iterator[None]:
    """While this lasts, a program inside a container has the terminal, and nothing is shown there."""
    global _paused
    _paused += 1
    try:
        yield
    finally:
        _paused -= 1


def last_records() -> str:
    """Return what is kept in memory, a record a line."""
    return "".join(f"{line}\n" for line in _lines)


def path_of(url: str) -> str:
    """Return a URL's path for the log, with the names in its query and none of their values."""
    path, _, query = url.partition("?")
    names = "&".join(part.partition("=")[0] for part in query.split("&") if part)
    return f"{path}?{names}" if names else path


def _record(level: int, text: str) -> None:
    if not _started:
        return
    line = safe(redact(text))[:_LONGEST]
    stamp = time.time()
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp)) + f".{int(stamp % 1 * 1000):03}Z"
    whole = f"{moment} {os.getpid()} {line}"
    _lines.append(whole)
    with suppress(OSError, ValueError):  # a full disk or a stream that is closed must not end what is logged
        if _file is not None:
            os.write(_file, f"{whole}\n".encode(errors="backslashreplace"))
        if level <= _verbosity and not _paused:
            sys.stderr.write(f"[{time.monotonic() - _began:8.3f}] {line}\n")
            sys.stderr.flush()


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    """Record each program that is run, whoever runs it."""
    if event in ("subprocess.Popen", "os.posix_spawn"):
        with suppress(Exception):  # an error here would be raised where the program is run
            command = arguments[1]
            if isinstance(command, list | tuple):
                decision(f"run {command_text(command)}")
            elif isinstance(command, str):
                decision(f"run {redact(command)}")
