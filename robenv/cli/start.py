"""`robenv start`"""

from __future__ import annotations

import typer

from robenv.cli.common import ProjectOptions, open_engine
from robenv.cli.help import Command
from robenv.cli.on_robots import RobotsOption, act_on_robots
from robenv.cli.robot import project_name_of
from robenv.cli.up import up


def start(context: typer.Context, robots: RobotsOption = None) -> None:
    """Starts the container that was stopped: as `robenv up -d`, where there is one. With -r: the release on robots."""
    from robenv.project.lifecycle import environments_of

    where: ProjectOptions = context.obj
    if robots:
        from robenv.deploy.lifecycle import start as start_there

        act_on_robots(where, robots, project_name_of(where), start_there())
        return
    with open_engine() as engine:
        environments_of(engine, where.place())
    up(context, detach=True)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(start)
