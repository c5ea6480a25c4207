"""`robenv run`"""

from __future__ import annotations

import typer

from robenv.cli.ask import approval_prompt
from robenv.cli.common import (
    LockedOption,
    NoAccelOption,
    PlatformOption,
    ProjectOptions,
    QuietOption,
    StageOption,
    open_engine,
)
from robenv.cli.help import Command
from robenv.cli.reporter import TerminalReporter
from robenv.cli.up import CommandArgument


def run(
    context: typer.Context,
    command: CommandArgument = None,
    platform: PlatformOption = None,
    stage: StageOption = "dev",
    no_accel: NoAccelOption = False,
    locked: LockedOption = False,
    quiet: QuietOption = False,
) -> None:
    """Runs CMD, or a shell, in a container of its own that is removed afterwards; with CMD's exit code."""
    from robenv.project.up import ImageOptions, run_command

    where: ProjectOptions = context.obj
    with open_engine() as engine:
        planned = where.load(engine.info().platform, platform, quiet, locked, pin=True, stage=stage)
        options = ImageOptions(accelerate=not no_accel)
        code = run_command(engine, planned, TerminalReporter(quiet), approval_prompt(), options, tuple(command or ()))
    raise typer.Exit(code)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text, context_settings={"allow_interspersed_args": False})(run)
