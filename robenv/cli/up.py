"""`robenv up`"""

from __future__ import annotations

from typing import Annotated

import typer

from robenv.cli.ask import approval_prompt
from robenv.cli.builders import BuilderOption, named_builders
from robenv.cli.common import (
    LockedOption,
    NoAccelOption,
    PlatformOption,
    ProjectOptions,
    QuietOption,
    open_engine,
)
from robenv.cli.help import Command
from robenv.cli.reporter import TerminalReporter

CommandArgument = Annotated[list[str] | None, typer.Argument(metavar="[-- CMD…]", help="Default: a shell")]
DetachKeysOption = Annotated[
    str, typer.Option("--detach-keys", metavar="KEYS", help="Leave the command running; default ctrl-p,ctrl-q")
]


def up(
    context: typer.Context,
    command: CommandArgument = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Only start the container")] = False,
    recreate: Annotated[
        bool, typer.Option("--recreate", help="Replace the container even if something runs in it")
    ] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Build every layer anew")] = False,
    platform: PlatformOption = None,
    no_accel: NoAccelOption = False,
    builders: BuilderOption = None,
    locked: LockedOption = False,
    quiet: QuietOption = False,
    detach_keys: DetachKeysOption = "",
) -> None:
    """Builds the image if there is none for what the profile says now, starts the container or joins the one that
    runs, and enters a shell or runs CMD, with CMD's exit code."""
    from robenv.fast.enter import run_in_container, working_directory
    from robenv.project.up import ImageOptions, ensure_running

    where: ProjectOptions = context.obj
    with open_engine() as engine, named_builders(builders) as assign:
        planned = where.load(engine.info().platform, platform, quiet, locked, pin=True)
        builder = assign([planned.build.platform]).get(planned.build.platform)
        result = ensure_running(
            engine,
            planned,
            TerminalReporter(quiet),
            approval_prompt(),
            ImageOptions(no_cache, not no_accel, builder),
            remember_for=where.directory if where.file is None and platform is None else None,
            recreate=recreate,
        )
        if detach:
            typer.echo(result.container.name)
            return
        code = run_in_container(engine, result.container, tuple(command or ()), working_directory(), detach_keys)
    raise typer.Exit(code)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text, context_settings={"allow_interspersed_args": False})(up)
