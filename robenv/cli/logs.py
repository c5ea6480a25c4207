"""`robenv logs`"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from robenv.cli.common import ProjectOptions, note, open_engine
from robenv.cli.help import Command
from robenv.cli.output import raw_stream
from robenv.cli.robot import RobotOption, on_robot
from robenv.errors import ContainerNotFound

if TYPE_CHECKING:
    from robenv.engine.protocol import Engine


def logs(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more is written")] = False,
    tail: Annotated[int | None, typer.Option("--tail", "-n", metavar="N", help="Only the last N lines")] = None,
    timestamps: Annotated[bool, typer.Option("--timestamps", "-t", help="When each line was written")] = False,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="From then on: 90s, 10m, 3h, 2d, or 2026-08-01T10:00")
    ] = "",
    robot: RobotOption = "",
) -> None:
    """Shows what the container's main process wrote: its stdout on stdout, its stderr on stderr."""
    from robenv.project.containers.times import since_moment
    from robenv.project.lifecycle import containers_of

    where: ProjectOptions = context.obj

    def show(engine: Engine, container: str) -> None:
        # A program's output as it is, colours and all: this is what was asked for.
        begin = since_moment(since, str(engine.info().raw.get("SystemTime") or "")) if since else None
        streams = {"stdout": raw_stream(sys.stdout).buffer, "stderr": raw_stream(sys.stderr).buffer}
        for stream, data in engine.logs(container, follow=follow, tail=tail, timestamps=timestamps, since=begin):
            streams[stream].write(data)
            streams[stream].flush()

    if robot:
        with on_robot(where, robot, ended=True) as (engine, release):
            if not release.running:
                note(f"{robot}: {release.name} does not run ({release.status}, exit code {release.exit_code})")
            show(engine, release.id)
        return
    with open_engine() as engine:
        containers = containers_of(engine, where.place())
        if not containers:
            raise ContainerNotFound("this project has no container", hint="`robenv up` makes it")
        show(engine, containers[0].id)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(logs)
