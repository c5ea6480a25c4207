"""`robenv plan`"""

from __future__ import annotations

import json as json_module
from typing import TYPE_CHECKING, Any

import typer

from robenv.cli.common import JsonOption, PlatformOption, Where, note, open_engine, own_platform, print_json
from robenv.errors import EngineUnreachable
from robenv.profile.excerpt import safe

if TYPE_CHECKING:
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
    if outlook.powers:
        lines.append("takes over the host:")
        lines.extend(f"  {power.text}" for power in outlook.powers)
    lines.extend(
        f"not allowed yet: {len(claim.powers)} of these, asked for by {claim.name} ({claim.why}); see `robenv trust`"
        for claim in outlook.not_allowed
    )
    if outlook.udev:
        lines.append("udev rules for the host (`robenv doctor --fix` installs them):")
        lines.extend(f"  {safe(line)}" for line in outlook.udev)
    return "\n".join(lines)


def plan(context: typer.Context, platform: PlatformOption = None, json: JsonOption = False) -> None:
    """Shows what `up` would do: the image, the container's create request, and why it differs from what runs."""
    from robenv.environment.outlook import look_ahead

    where: Where = context.obj
    try:
        with open_engine() as engine:
            outlook = look_ahead(engine, where.load(engine.info().platform, platform))
    except EngineUnreachable as error:
        note(f"{error}; planned without an engine")
        outlook = look_ahead(None, where.load(own_platform(), platform))
    document: dict[str, Any] = outlook.to_json()
    if json:
        print_json(document)
        return
    typer.echo(_text(outlook))
    typer.echo("create request:")
    typer.echo(json_module.dumps(document["create_request"], indent=2, ensure_ascii=False))


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, short_help=text)(plan)
