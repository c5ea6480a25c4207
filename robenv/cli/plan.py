"""`robenv plan`"""

from __future__ import annotations

import json as json_module
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import typer

from robenv.cli.common import JsonOption, PlatformOption, Where, note, open_engine, own_platform, print_json
from robenv.cli.robot import RobotOption, open_robot
from robenv.errors import EngineUnreachable
from robenv.profile.excerpt import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from robenv.deploy.outlook import Outlook as RobotOutlook
    from robenv.environment.outlook import Outlook


def _text(outlook: Outlook) -> str:
    state = {True: "there", False: "to be built", None: "not known: no engine answers"}[outlook.image_there]
    lines = [
        f"image      {outlook.image}  ({state})",
        f"hash       {outlook.content_hash}",
        f"platform   {outlook.platform}",
        f"container  {outlook.container}  ({outlook.container_state})",
    ]
    if outlook.changes:
        lines.append("changed since it was created:")
        lines.extend(f"  {change}" for change in outlook.changes)
    lines.append(f"then       {outlook.action}")
    lines.extend(f"note       {text}" for text in outlook.notes)
    lines.extend(_powers(outlook, "the host"))
    if outlook.udev:
        lines.append("udev rules for the host (`robenv doctor --fix` installs them):")
        lines.extend(f"  {safe(line)}" for line in outlook.udev)
    return "\n".join(lines)


def _powers(outlook: Outlook | RobotOutlook, place: str) -> Iterator[str]:
    if outlook.powers:
        yield f"takes over {place}:"
        yield from (f"  {power.text}" for power in outlook.powers)
    told = {power.text for power in outlook.powers}
    how = "see `robenv trust`" if place == "the host" else "`robenv deploy` asks"
    for claim in outlook.not_allowed:
        yield f"not allowed yet: {len(claim.powers)}, asked for by {safe(claim.name)} ({safe(claim.why)}); {how}"
        yield from (f"  {power}" for power in claim.powers if power.removeprefix("on the robot: ") not in told)


def _text_of_robot(outlook: RobotOutlook) -> str:
    here = "here" if outlook.image_here else "to be built"
    there = "on the robot too" if outlook.image_there else "not on the robot"
    now = f"{outlook.running[:12]}  (image {outlook.running_hash[:12]})" if outlook.running else "none"
    lines = [
        f"robot      {outlook.robot}",
        f"image      {outlook.image}  ({here}, {there})",
        f"hash       {outlook.content_hash}",
        f"platform   {outlook.platform}",
        f"release    {outlook.release or 'known once the image is built'}",
        f"runs now   {safe(now)}",
    ]
    if outlook.changes:
        lines.append("changed since that release:")
        lines.extend(f"  {change}" for change in outlook.changes)
    lines.append(f"then       {outlook.action}")
    lines.extend(f"note       {text}" for text in outlook.notes)
    lines.extend(_powers(outlook, "the robot"))
    for problem in outlook.problems:
        place = f"{problem['place']}: " if problem["place"] else ""
        lines.append(f"problem    {place}{problem['message']}")
        lines.extend([f"           {problem['hint']}"] if problem["hint"] else [])
    return "\n".join(lines)


def _for_robot(where: Where, name: str, platform: str | None) -> RobotOutlook:
    from robenv.deploy.outlook import look_ahead

    with ExitStack() as stack:
        connection = stack.enter_context(open_robot(where, name))
        loaded = where.load_for_robots(connection.engine.info().platform, platform)
        here = None
        try:
            here = stack.enter_context(open_engine())
        except EngineUnreachable as error:
            note(f"{error}; planned without the engine of this machine")
        return look_ahead(here, connection, loaded)


def plan(
    context: typer.Context, platform: PlatformOption = None, json: JsonOption = False, robot: RobotOption = ""
) -> None:
    """Shows what `up` would do: the image, the container's create request, and why it differs from what runs.

    With -r what a deploy to that robot would do."""
    from robenv.environment.outlook import look_ahead

    where: Where = context.obj
    if robot:
        there = _for_robot(where, robot, platform)
        _print(_text_of_robot(there), there.to_json(), json)
        return
    try:
        with open_engine() as engine:
            outlook = look_ahead(engine, where.load(engine.info().platform, platform))
    except EngineUnreachable as error:
        note(f"{error}; planned without an engine")
        outlook = look_ahead(None, where.load(own_platform(), platform))
    _print(_text(outlook), outlook.to_json(), json)


def _print(text: str, document: dict[str, Any], json: bool) -> None:
    if json:
        print_json(document)
        return
    typer.echo(text)
    typer.echo("create request:")
    typer.echo(json_module.dumps(document["create_request"], indent=2, ensure_ascii=False))


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, short_help=text)(plan)
