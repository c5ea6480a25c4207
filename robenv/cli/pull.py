"""`robenv pull`"""

from __future__ import annotations

import typer

from robenv.cli.common import (
    JsonOption,
    LockedOption,
    PlatformsOption,
    ProjectOptions,
    QuietOption,
    StageOption,
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

    where: ProjectOptions = context.obj
    reporter = TerminalReporter(quiet)
    got = []
    with open_engine() as engine:
        for planned in where.load_each(engine.info().platform, platforms, quiet, locked, stage=stage):
            result = pull_project(engine, planned, registry_for(planned, registry), reporter)
            entry = {"image": result.reference, "id": result.image.id, "platform": planned.build.platform}
            got.append({**entry, "pulled": result.pulled})
    if json:
        print_json(got)
        return
    for one in got:
        typer.echo(one["image"])


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(pull)
