"""`robenv down`"""

from __future__ import annotations

from typing import Annotated

import typer

from robenv.cli.common import AllOption, Where, note, open_engine
from robenv.cli.help import Command
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
    from robenv.environment.identity import forget_homes
    from robenv.environment.lifecycle import down as take_down
    from robenv.environment.lifecycle import others_in

    where: Where = context.obj
    place = None if everything else where.place()
    with open_engine() as engine:
        removed = take_down(engine, place, volumes, time)
        others = others_in(engine, place)
        if place is not None:
            leave(engine, place)
            forget_homes(place, removed)
    for name in removed:
        typer.echo(name)
    if not removed:
        note("there is nothing of yours to remove" + (f"; left alone: {', '.join(others)}" if others else ""))


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(down)
