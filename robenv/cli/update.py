"""`robenv update`"""

from __future__ import annotations

from typing import Annotated

import typer

from robenv.cli.common import JsonOption, ProjectOptions, note, print_json, write_new_lock
from robenv.cli.help import Command


def update(
    context: typer.Context,
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WHAT]…", help="Part of a git address or an image's name, repos or apt; default: all"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would move")] = False,
    json: JsonOption = False,
) -> None:
    """Asks git hosts and registries what tags and branches mean now, shows what moves, and writes robenv.lock."""
    where: ProjectOptions = context.obj
    named = tuple(what or ("",))
    moved = write_new_lock(where, lambda name: any(part in name for part in named), dry_run, named)
    if json:
        print_json({"changes": moved, "written": bool(moved) and not dry_run})
        return
    for line in moved:
        typer.echo(line)
    if not moved:
        note("nothing has moved")


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(update)
