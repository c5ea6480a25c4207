"""`robenv pull`"""

from __future__ import annotations

import typer

from robenv.cli.common import (
    JsonOption,
    LockedOption,
    PlatformsOption,
    QuietOption,
    StageOption,
    Where,
    open_engine,
    print_json,
)
from robenv.cli.help import Command
from robenv.cli.registry import RegistryOption, registry_for
from robenv.cli.reporter import TerminalReporter


def pull(
    context: typer.Context,
    platforms: PlatformsOption = None,
    stage: StageOption = "dev",
    registry: RegistryOption = None,
    locked: LockedOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Gets the image of what the profile says now from the registry, and prints its name."""
    from robenv.project.image.image import pull_project

    where: Where = context.obj
    reporter = TerminalReporter(quiet)
    got = []
    with open_engine() as engine:
        for loaded in where.load_each(engine.info().platform, platforms, quiet, locked, stage=stage):
            result = pull_project(engine, loaded, registry_for(loaded, registry), reporter)
            entry = {"image": result.reference, "id": result.image.id, "platform": loaded.build.platform}
            got.append({**entry, "pulled": result.pulled})
    if json:
        print_json(got)
        return
    for one in got:
        typer.echo(one["image"])


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(pull)
