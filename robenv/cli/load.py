"""`robenv load`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robenv.cli.common import JsonOption, PlatformOption, ProjectOptions, QuietOption, note, open_engine, print_json
from robenv.cli.help import Command
from robenv.cli.reporter import TerminalReporter


def load(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `robenv save` wrote")],
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Write the project's files into this new folder")
    ] = None,
    platform: PlatformOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Brings FILE's image to the engine and its commits from git into the cache; with --to, the project with its
    repositories into a new folder. Asks no network."""
    from robenv.bundle.bundle import load_archive
    from robenv.bundle.verify import differences_from_saved
    from robenv.catalog.platforms import normalize

    where: ProjectOptions = context.obj
    wanted = normalize(platform) if platform is not None else None
    with open_engine() as engine:
        arrived = load_archive(
            engine, where.directory / file, where.directory / to if to else None, wanted, TerminalReporter(quiet)
        )
    for remark in differences_from_saved(arrived.project, arrived.contents):
        note(remark)
    images = [image.wanted.reference for image in arrived.contents.images]
    if json:
        print_json({"images": images, "project": str(arrived.project) if arrived.project else None})
        return
    for image in images:
        typer.echo(image)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(load)
