"""`robenv profiles`"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from robenv.cli.common import JsonOption, Where, print_json, table


def _list(json: bool) -> None:
    from robenv.profile.resolve import list_builtin

    profiles = list_builtin()
    if json:
        print_json([{"name": profile.name, "description": profile.description} for profile in profiles])
    else:
        typer.echo(table(("PROFILE", "WHAT IT IS"), [(profile.name, profile.description) for profile in profiles]))


def _one_line(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    first, _, rest = text.partition("\n")
    return first + (" …" if rest else "")


def _show(context: typer.Context, name: str, json: bool) -> None:
    from robenv.profile.provenance import provenance
    from robenv.profile.resolve import resolve_builtin

    where: Where = context.obj
    resolved = where.resolve(quiet=True).resolved if name == "." else resolve_builtin(name)
    rows = list(provenance(resolved))
    if json:
        values = [
            {"path": path, "value": value, "profile": level, "location": str(location) if location else None}
            for path, value, location, level in rows
        ]
        print_json({"levels": [level.name for level in resolved.levels], "values": values})
        return
    typer.echo("levels: " + " ← ".join(level.name for level in reversed(resolved.levels)))
    cells = [(path, _one_line(value), str(location or level)) for path, value, location, level in rows]
    typer.echo(table(("KEY", "VALUE", "FROM"), cells))


def profiles(
    context: typer.Context,
    action: Annotated[str, typer.Argument(metavar="[list|show]")] = "list",
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="A built-in profile, or . for this project")] = ".",
    json: JsonOption = False,
) -> None:
    """Lists the built-in profiles; `show NAME` prints one resolved, with the place that each value came from."""
    if action == "list":
        _list(json)
    elif action == "show":
        _show(context, name, json)
    else:
        raise typer.BadParameter(f"`{action}` is neither `list` nor `show`")


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, short_help=text)(profiles)
