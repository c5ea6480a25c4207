"""`robenv down`"""

from __future__ import annotations

from typing import Annotated

import typer

from robenv.cli.common import AllOption, Where, note, open_engine
from robenv.cli.stop import TimeOption


def down(
    context: typer.Context,
    everything: AllOption = False,
    volumes: Annotated[
        bool, typer.Option("--volumes", "-v", help="Remove the volumes too: home folder, history, caches")
    ] = False,
    time: TimeOption = None,
) -> None:
    """Stops and removes the container. The image and, without --volumes, the home folder stay."""
    from robenv.environment.gate import leave
    from robenv.environment.lifecycle import down as take_down

    where: Where = context.obj
    root = None if everything else where.root()
    with open_engine() as engine:
        removed = take_down(engine, root, volumes, time)
        if root is not None:
            leave(engine, root)
    for name in removed:
        typer.echo(name)
    if not removed:
        note("there is nothing to remove")


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, short_help=text)(down)
