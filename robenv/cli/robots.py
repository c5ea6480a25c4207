"""`robenv robots`"""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

import typer

from robenv.cli import complete
from robenv.cli.common import JsonOption, Where, human_size, note, print_json, table
from robenv.cli.errors import error_text
from robenv.cli.help import Command
from robenv.cli.robot import InventoryOption, inventory_of, project_of
from robenv.errors import ProfileError, RobotUnreachable, UsageError
from robenv.plan.names import LABEL_HASH, LABEL_RELEASE
from robenv.profile.excerpt import safe

if TYPE_CHECKING:
    from robenv.deploy.roster import Answer

_HEADER = ("ROBOT", "STATE", "PLATFORM", "BOARD", "ENGINE", "DISK FREE", "RELEASE", "IMAGE", "SINCE", "HEALTH")


def robots(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ROBOT…]", help="Robots or groups; default: all", autocompletion=complete.robots),
    ] = None,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Lists the robots of robots.yaml, or those named: what each is, and what of this project runs there.

    Exits with 7 where some were not reached; the others are shown."""
    from robenv.deploy.roster import ask_all

    where: Where = context.obj
    chosen = inventory_of(where, inventory).select(names or (), all_=not names)
    answers = ask_all(chosen, _project(where))
    if json:
        print_json([answer.to_json() for answer in answers])
    else:
        typer.echo(table(_HEADER, [_row(answer) for answer in answers]))
        sys.stdout.flush()
        for answer in answers:
            if answer.error is not None:
                print("\n" + error_text(answer.error), file=sys.stderr)
    if any(answer.error is not None for answer in answers):
        raise typer.Exit(RobotUnreachable.exit_code)


def _project(where: Where) -> str:
    """The project's name; "" where there is none here, or none that can be read: the robots are there all the same."""
    try:
        return project_of(where)
    except UsageError:
        return ""
    except ProfileError as error:
        note(f"{error}; shown without releases")
        return ""


def _row(answer: Answer) -> tuple[str, ...]:
    found = answer.survey
    if found is None:
        return (answer.robot.name, answer.state, *[""] * (len(_HEADER) - 2))
    l4t = f"L4T {safe(found.l4t)}" if found.l4t else ""
    board = f"{safe(found.board)} ({l4t})" if found.board and l4t else safe(found.board) or l4t
    free = human_size(found.disk_free) if found.disk_free is not None else "?"
    engine = f"{found.engine.product.removeprefix('Docker Engine').strip()} {found.engine.version}".strip()
    running = found.running
    last: tuple[str, ...] = ("",) * 4
    if running is not None:
        health = running.health if running.health not in ("", "none") else running.status
        release, image = (safe(running.labels.get(label, "")) for label in (LABEL_RELEASE, LABEL_HASH))
        last = (release[:8], image[:12], local_time(running.started_at), health)
    return (answer.robot.name, answer.state, found.engine.platform, board, safe(engine), free, *last)


def local_time(moment: str) -> str:
    """The engine's ``2026-08-01T10:00:00.123456789Z`` by this machine's clock, to the minute."""
    try:
        parsed = datetime.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError:
        return ""
    return parsed.astimezone().strftime("%Y-%m-%d %H:%M")


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(robots)
