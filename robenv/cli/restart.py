"""`robenv restart`"""

from __future__ import annotations

import typer

from robenv.cli.common import Where, open_engine
from robenv.cli.help import Command
from robenv.cli.on_robots import RobotsOption, act_on_robots
from robenv.cli.robot import project_of
from robenv.cli.stop import TimeOption


def restart(context: typer.Context, robots: RobotsOption = None, time: TimeOption = None) -> None:
    """Stops the container and starts it again, as it was; one that is stopped is started."""
    from robenv.environment.lifecycle import environments_of

    where: Where = context.obj
    if robots:
        from robenv.deploy.upkeep import restart as restart_there

        act_on_robots(where, robots, project_of(where), restart_there(time))
        return
    with open_engine() as engine:
        for one in environments_of(engine, where.place()):
            engine.restart(one.id, time)
            typer.echo(one.name)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(restart)
