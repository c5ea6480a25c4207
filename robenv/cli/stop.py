"""`robenv stop`"""

from __future__ import annotations

from typing import Annotated

import typer

from robenv.cli.common import AllOption, Where, note, open_engine

TimeOption = Annotated[
    float | None,
    typer.Option("--time", "-t", metavar="SECONDS", help="How long to wait before the processes are killed"),
]


def stop(context: typer.Context, everything: AllOption = False, time: TimeOption = None) -> None:
    """Stops the container. `robenv up` starts it again as it was."""
    from robenv.environment.lifecycle import containers_of
    from robenv.environment.lifecycle import stop as stop_containers

    where: Where = context.obj
    root = None if everything else where.root()
    with open_engine() as engine:
        stopped = stop_containers(engine, containers_of(engine, root), time)
    for container in stopped:
        typer.echo(container)
    if not stopped:
        note("nothing runs")


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, short_help=text)(stop)
