"""`robenv plan`"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robenv.cli.common import JsonOption, PlatformOption, ProjectOptions, local_platform, note, open_engine, print_json
from robenv.cli.help import Command
from robenv.cli.plan_text import text_of, text_of_robot
from robenv.cli.robot import RobotOption, open_robot
from robenv.errors import EngineUnreachable

if TYPE_CHECKING:
    from robenv.deploy.preview import RobotPreview


def _for_robot(where: ProjectOptions, name: str, platform: str | None) -> RobotPreview:
    from robenv.deploy.preview import preview_release

    with ExitStack() as stack:
        connection = stack.enter_context(open_robot(where, name))
        planned = where.load_for_robots(connection.engine.info().platform, platform)
        here = None
        try:
            here = stack.enter_context(open_engine())
        except EngineUnreachable as error:
            note(f"{str(error).rstrip('.')}; planned without the engine of this machine")
        return preview_release(here, connection, planned)


def plan(
    context: typer.Context,
    platform: PlatformOption = None,
    json: JsonOption = False,
    request: Annotated[
        bool, typer.Option("--request", help="Only the JSON by which the engine would be told to create the container")
    ] = False,
    robot: RobotOption = "",
) -> None:
    """Show what `up` would do without doing it: the image, the container, its access to this machine, and why it would
    be replaced.

    With -r, what a deploy to that robot would do."""
    from robenv.project.preview import preview_up

    where: ProjectOptions = context.obj
    if robot:
        there = _for_robot(where, robot, platform)
        _print(text_of_robot(there), there.to_json(), json, request)
        return
    try:
        with open_engine() as engine:
            preview = preview_up(engine, where.load(engine.info().platform, platform))
    except EngineUnreachable as error:
        note(f"{str(error).rstrip('.')}; planned without an engine")
        preview = preview_up(None, where.load(local_platform(), platform))
    _print(text_of(preview), preview.to_json(), json, request)


def _print(text: str, document: dict[str, Any], json: bool, request: bool) -> None:
    if json:
        print_json(document)
    elif request:
        print_json(document["create_request"])
    else:
        typer.echo(text)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(plan)
