"""The typer application: the root options, and the one module that the command line asks for."""

from __future__ import annotations

import difflib
import os
import signal
from importlib import import_module
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from robenv.cli.commands import COMMANDS, OTHER_NAMES, command_of
from robenv.cli.errors import print_error, print_unexpected
from robenv.cli.output import safe_output
from robenv.errors import Interrupted, RobenvError, UsageError
from robenv.util import log


def _version(asked: bool) -> None:
    if asked:
        from robenv import __version__

        typer.echo(f"robenv {__version__}")
        raise typer.Exit


def root(
    context: typer.Context,
    directory: Annotated[
        Path | None, typer.Option("-C", "--directory", metavar="DIR", help="Work as if started in DIR")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", metavar="FILE", help="The project's file, instead of robenv.yaml")
    ] = None,
    verbose: Annotated[
        int,
        typer.Option("-v", "--verbose", count=True, help="Show decisions and commands; -vv: engine requests too"),
    ] = 0,
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version")
    ] = False,
) -> None:
    """Robotics development environments from one YAML file."""
    from robenv.cli.common import ProjectOptions

    _start_log(verbose)
    if directory is not None and not directory.is_dir():
        raise UsageError(f"{directory} is not a folder")
    context.obj = ProjectOptions(directory=Path(os.path.realpath(directory or Path())), file=file)


def _start_log(verbosity: int) -> None:
    file = os.environ.get(log.VARIABLE, "")
    try:
        log.start(verbosity, file)
    except OSError as error:
        raise UsageError(f"the log {file} cannot be written: {error.strerror} ({log.VARIABLE})") from error


def application(commands: tuple[str, ...]) -> typer.Typer:
    """The application with only these commands loaded."""
    app = typer.Typer(
        name="robenv",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    for name, module, text in COMMANDS:
        if name in commands:
            import_module(f"robenv.cli.{module}").register(app, name, text)
    return app


def _unknown(name: str) -> UsageError:
    close = difflib.get_close_matches(name, [known for known, _, _ in COMMANDS], n=1, cutoff=0.6)
    near = OTHER_NAMES.get(name.lower()) or next(iter(close), "")
    meant = f"did you mean `robenv {near}`? " if near else ""
    return UsageError(f"there is no command `{name}`", hint=f"{meant}`robenv --help` lists the commands")


def _end(number: int, frame: object) -> NoReturn:
    """Unwinds, so that whatever is under way is cancelled and cleaned up, and exits as the shell names the signal."""
    raise SystemExit(128 + number)


def run(arguments: list[str]) -> int:
    """Runs a command line to its exit code. Every error ends here, printed."""
    with safe_output():
        return _run(arguments)


def _run(arguments: list[str]) -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    names = tuple(name for name, _, _ in COMMANDS)
    asked = command_of(arguments)
    try:
        if asked and asked not in names:
            raise _unknown(asked)  # noqa: TRY301
        completing = "_ROBENV_COMPLETE" in os.environ
        application((asked,) if asked and not completing else names)(args=arguments, prog_name="robenv")
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else int(bool(leave.code))
    except RobenvError as error:
        return print_error(error)
    except KeyboardInterrupt:
        return print_error(Interrupted("interrupted"))
    except BrokenPipeError:
        return 141
    except Exception as error:
        return print_unexpected(error)
    return 0
