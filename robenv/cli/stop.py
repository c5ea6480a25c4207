"""`robenv stop`"""

from __future__ import annotations

from typing import Annotated

import typer

from robenv.cli.common import AllOption, ProjectOptions, note, open_engine
from robenv.cli.help import Command
from robenv.cli.on_robots import RobotsOption, act_on_robots
from robenv.cli.robot import project_name_of

TimeOption = Annotated[
    float | None,
    typer.Option("--time", "-t", metavar="SECONDS", help="How long to wait before the processes are killed"),
]


def stop(
    context: typer.Context, everything: AllOption = False, time: TimeOption = None, robots: RobotsOption = None
) -> None:
    """Stops the container. `robenv up` starts it again as it was.

    With -r: the release on robots, until `robenv start -r`, or until the robot boots."""
    from robenv.project.lifecycle import containers_of, containers_of_others
    from robenv.project.lifecycle import stop_containers as stop_containers

    where: ProjectOptions = context.obj
    if robots:
        from robenv.deploy.lifecycle import stop as stop_there

        act_on_robots(where, robots, project_name_of(where), stop_there(time))
        return
    place = None if everything else where.place()
    with open_engine() as engine:
        others = containers_of_others(engine, place)
        stopped = stop_containers(engine, containers_of(engine, place), time)
    for container in stopped:
        typer.echo(container)
    if not stopped:
        note("nothing of yours runs" + (f"; left alone: {', '.join(others)}" if others else ""))


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(stop)
