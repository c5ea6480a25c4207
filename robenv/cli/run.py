"""`robenv run`"""

from __future__ import annotations

import typer

from robenv.cli.ask import asker
from robenv.cli.common import LockedOption, NoAccelOption, PlatformOption, QuietOption, StageOption, Where, open_engine
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

    where: Where = context.obj
    with open_engine() as engine:
        loaded = where.load(engine.info().platform, platform, quiet, locked, pin=True, stage=stage)
        options = ImageOptions(accelerate=not no_accel)
        code = run_command(engine, loaded, TerminalReporter(quiet), asker(), options, tuple(command or ()))
    raise typer.Exit(code)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text, context_settings={"allow_interspersed_args": False})(run)
