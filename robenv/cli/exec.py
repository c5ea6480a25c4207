"""`robenv exec`"""

from __future__ import annotations

from typing import Annotated

import typer

from robenv.cli.common import Where, open_engine
from robenv.cli.robot import RobotOption, on_robot
from robenv.cli.up import DetachKeysOption


def enter_running(where: Where, command: tuple[str, ...], detach_keys: str, robot: str = "") -> int:
    """Runs a command, or a shell, in the project's running container, or in its release on a robot; its exit code."""
    from robenv.environment.enter import enter, here
    from robenv.environment.lifecycle import running_container

    if robot:
        with on_robot(where, robot) as (engine, release):
            return enter(engine, release, command, "", detach_keys)  # no folder of this machine shows there
    root = where.root()
    with open_engine() as engine:
        return enter(engine, running_container(engine, root), command, here(), detach_keys)


def exec_(
    context: typer.Context,
    command: Annotated[list[str], typer.Argument(metavar="[--] CMD…")],
    detach_keys: DetachKeysOption = "",
    robot: RobotOption = "",
) -> None:
    """Runs CMD in the running container, as the user, in the folder that shows this one; with CMD's exit code."""
    raise typer.Exit(enter_running(context.obj, tuple(command), detach_keys, robot))


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, short_help=text, context_settings={"allow_interspersed_args": False})(exec_)
