"""`robenv ps`"""

from __future__ import annotations

import typer

from robenv.cli.common import AllOption, JsonOption, ProjectOptions, note, open_engine, print_json, table
from robenv.cli.help import Command


def ps(context: typer.Context, everything: AllOption = False, json: JsonOption = False) -> None:
    """Lists this project's containers, or with --all those of every project."""
    from robenv.project.containers.leftovers import tell_leftovers
    from robenv.project.lifecycle import container_row, containers_in

    where: ProjectOptions = context.obj
    place = None if everything else where.place()
    with open_engine() as engine:
        found = containers_in(engine, place)
        for container in found:
            tell_leftovers(engine, container, note)
    rows = [container_row(container) for container in found]
    if json:
        print_json([entry.to_json() for entry in rows])
        return
    header = ("CONTAINER", "USER", "STATUS", "FOLDER")
    cells = [
        (
            entry.container,
            entry.user,
            " ".join(filter(None, (entry.status, entry.health))),
            entry.directory,
        )
        for entry in rows
    ]
    typer.echo(table(header, cells))


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(ps)
