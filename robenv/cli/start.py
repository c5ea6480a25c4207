"""`robenv start`"""

from __future__ import annotations

import typer

from robenv.cli.common import Where, note, open_engine
from robenv.cli.help import Command
from robenv.cli.on_robots import RobotsOption, act_on_robots
from robenv.cli.robot import project_of


def start(context: typer.Context, robots: RobotsOption = None) -> None:
    """Starts the container that `stop` stopped, as it was. `robenv up` also looks whether it is still up to date."""
    from robenv.environment.lifecycle import environments_of

    where: Where = context.obj
    if robots:
        from robenv.deploy.upkeep import start as start_there

        act_on_robots(where, robots, project_of(where), start_there())
        return
    with open_engine() as engine:
        stopped = [one for one in environments_of(engine, where.place()) if not one.running]
        for one in stopped:
            engine.start(one.id)
            typer.echo(one.name)
    if not stopped:
        note("it runs already")


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(start)
