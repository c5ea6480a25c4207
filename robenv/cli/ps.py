"""`robenv ps`"""

from __future__ import annotations

import typer

from robenv.cli.common import AllOption, JsonOption, Where, open_engine, print_json, table


def ps(context: typer.Context, everything: AllOption = False, json: JsonOption = False) -> None:
    """Lists this project's containers, or with --all those of every project."""
    from robenv.environment.lifecycle import containers_of, row

    where: Where = context.obj
    root = None if everything else where.root()
    with open_engine() as engine:
        rows = [row(container) for container in containers_of(engine, root)]
    if json:
        print_json([entry.to_json() for entry in rows])
        return
    header = ("PROJECT", "CONTAINER", "STATUS", "IMAGE", "FOLDER")
    cells = [
        (
            entry.project,
            entry.container,
            " ".join(filter(None, (entry.status, entry.health))),
            entry.image,
            entry.directory,
        )
        for entry in rows
    ]
    typer.echo(table(header, cells))


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, short_help=text)(ps)
