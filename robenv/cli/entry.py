"""Where `robenv` begins. Light on purpose: a warm `up` and `--help` end here, before anything heavy is imported."""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """The console script: runs the command line, prints errors, sets the exit code."""
    arguments = sys.argv[1:]
    try:
        code = _light(arguments) if "_ROBENV_COMPLETE" not in os.environ else None
        sys.stdout.flush()
    except BrokenPipeError:
        code = 141
    if code is None:
        from robenv.cli.app import run

        code = run(arguments)
    _leave(code)


def _light(arguments: list[str]) -> int | None:
    if not arguments or arguments in (["--help"], ["-h"], ["help"]):
        from robenv.cli.commands import root_help

        print(root_help())
        return 0
    if arguments in (["--version"], ["-V"]):
        from robenv import __version__

        print(f"robenv {__version__}")
        return 0
    if arguments[0] in ("up", "exec", "shell", "-C"):
        from robenv.cli.fast import enter

        return enter(arguments)
    return None


def _leave(code: int) -> NoReturn:
    """Ends without the interpreter's tear-down, which takes as long as a call to the engine."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        # The reader of a pipe is gone; a second flush at exit would print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = code or 141
    os._exit(code)
