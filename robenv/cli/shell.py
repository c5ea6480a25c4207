"""`robenv shell`"""

from __future__ import annotations

import typer

from robenv.cli.exec import OfPlatformOption, enter_running
from robenv.cli.help import Command
from robenv.cli.robot import RobotOption
from robenv.cli.up import DetachKeysOption


def shell(
    context: typer.Context,
    detach_keys: DetachKeysOption = "",
    robot: RobotOption = "",
    platform: OfPlatformOption = None,
) -> None:
    """Opens another shell in the running container."""
    raise typer.Exit(enter_running(context.obj, (), detach_keys, robot, platform))


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(shell)
