"""`robenv logs`"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from robenv.cli.common import Where, open_engine
from robenv.cli.help import Command
from robenv.cli.output import raw
from robenv.cli.robot import RobotOption, on_robot
from robenv.errors import ContainerNotFound

if TYPE_CHECKING:
    from robenv.engine.protocol import Engine


def logs(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more is written")] = False,
    tail: Annotated[int | None, typer.Option("--tail", "-n", metavar="N", help="Only the last N lines")] = None,
    timestamps: Annotated[bool, typer.Option("--timestamps", "-t", help="When each line was written")] = False,
    robot: RobotOption = "",
) -> None:
    """Shows what the container's main process wrote: its stdout on stdout, its stderr on stderr."""
    from robenv.environment.lifecycle import containers_of

    where: Where = context.obj

    def show(engine: Engine, container: str) -> None:
        # A program's output as it is, colours and all: this is what was asked for.
        streams = {"stdout": raw(sys.stdout).buffer, "stderr": raw(sys.stderr).buffer}
        for stream, data in engine.logs(container, follow=follow, tail=tail, timestamps=timestamps):
            streams[stream].write(data)
            streams[stream].flush()

    if robot:
        with on_robot(where, robot) as (engine, release):
            show(engine, release.id)
        return
    with open_engine() as engine:
        containers = containers_of(engine, where.place())
        if not containers:
            raise ContainerNotFound("this project has no container", hint="`robenv up` makes it")
        show(engine, containers[0].id)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(logs)
