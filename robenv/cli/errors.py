"""The one place that prints errors. Plain text and a little colour; nothing heavy is imported.

Their texts may come from outside: a line break in one must not begin a line that looks like robenv's own.
"""

from __future__ import annotations

import errno
import os
import sys
import time
import traceback
from collections.abc import Iterable

from robenv import __version__
from robenv.cli.output import paint, safe_stream
from robenv.errors import OperationFailed, Problem, RobenvError
from robenv.paths import cache_folder, write_atomically
from robenv.util import log

EXIT_BUG = 70


def _indent(text: str, by: str) -> str:
    lines = (line.removesuffix("\r") for line in text.rstrip("\n").split("\n"))
    return "\n".join(by + line if line else line for line in lines)


def hanging_indent(text: str) -> str:
    """``text`` with all lines but the first one indented."""
    return _indent(text, "  ").removeprefix("  ")


def problem_text(problem: Problem) -> str:
    """A problem as a person reads it: place, sentence, excerpt, the chain of profiles, a way out."""
    place = f"{problem.location}: " if problem.location else ""
    lines = [paint(place, "1") + hanging_indent(problem.message)]
    if problem.location and problem.location.excerpt:
        lines.append(_indent(problem.location.excerpt, "  "))
    if problem.location and problem.location.chain:
        lines.append(_indent("extended by " + " ← ".join(problem.location.chain), "  "))
    if problem.hint:
        lines.append(_indent(problem.hint, "  "))
    return "\n".join(lines)


def error_text(error: RobenvError) -> str:
    lines = [paint("error:", "1;31") + " " + hanging_indent(error.message)]
    if error.details:
        lines.append(_indent(error.details, "  "))
    lines.extend("\n" + problem_text(problem) for problem in error.problems)
    if error.hint:
        lines.append(("\n" if error.problems else "") + paint("hint:", "1;36") + " " + hanging_indent(error.hint))
    if error.docs_url:
        lines.append(f"see {error.docs_url}")
    return "\n".join(lines)


def print_error(error: RobenvError) -> int:
    print(error_text(error), file=safe_stream(sys.stderr))
    return error.exit_code


def print_warnings(problems: Iterable[Problem]) -> None:
    for problem in problems:
        print(paint("warning:", "1;33") + " " + problem_text(problem), file=safe_stream(sys.stderr))


_NO_BUGS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EIO)
"""What a file or its disk refuses, wherever in robenv that is met."""


def print_unexpected(error: Exception) -> int:
    """Print an error that nothing in robenv has expected, and return the exit code."""
    if isinstance(error, OSError) and error.errno in _NO_BUGS and isinstance(error.filename, str | bytes):
        place = os.fsdecode(error.filename)
        return print_error(OperationFailed(f"{place}: {error.strerror}", hint="see its owner, permissions and disk"))
    return _print_bug(error)


def _print_bug(error: Exception) -> int:
    """A bug of robenv's own: the traceback goes to a log, its path to the user."""
    path = os.path.join(cache_folder(), "logs", time.strftime("bug-%Y%m%d-%H%M%S") + f"-{os.getpid()}.log")
    text = log.redact("".join(traceback.format_exception(type(error), error, error.__traceback__)))
    text = f"robenv {__version__}, Python {sys.version.split()[0]}\n\n{text}\nBefore it:\n{log.last_records()}"
    try:
        write_atomically(path, text.encode(errors="backslashreplace"))
        where = f"the details are in {path}"
    except OSError as failure:
        where = f"its log could not be written ({failure})"
    summary = f"{type(error).__name__}: {error}".splitlines()[0]
    stream = safe_stream(sys.stderr)
    print(paint("error:", "1;31") + f" this is a bug in robenv ({summary}); {where}", file=stream)
    hint = "report it with that file and the archive of `robenv doctor --report`; look into both before you send them"
    print(paint("hint:", "1;36") + f" {hint}", file=stream)
    return EXIT_BUG
