"""`robenv restart`"""

from __future__ import annotations

import typer

from robenv.cli.common import ProjectOptions, open_engine
from robenv.cli.help import Command
from robenv.cli.on_robots import RobotsOption, act_on_robots
from robenv.cli.robot import project_name_of
from robenv.cli.stop import TimeOption
from robenv.cli.up import up


def restart(context: typer.Context, robots: RobotsOption = None, time: TimeOption = None) -> None:
    """Stops the container and starts it again, as `robenv up -d` does. With -r: the release on robots."""
    from robenv.project.lifecycle import environments_of
    from robenv.project.lifecycle import stop_containers as stop_containers

    where: ProjectOptions = context.obj
    if robots:
        from robenv.deploy.lifecycle import restart as restart_there

        act_on_robots(where, robots, project_name_of(where), restart_there(time))
        return
    with open_engine() as engine:
        stop_containers(engine, environments_of(engine, where.place()), time)
    up(context, detach=True)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(restart)
