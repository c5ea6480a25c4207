"""`robenv robots`"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from robenv.cli import complete
from robenv.cli.common import JsonOption, ProjectOptions, human_size, note, print_json, table
from robenv.cli.errors import error_text
from robenv.cli.help import Command
from robenv.cli.robot import InventoryOption, inventory_of, project_name_of
from robenv.errors import ProfileError, RobotUnreachable, UsageError
from robenv.plan.names import LABEL_HASH, LABEL_RELEASE
from robenv.util.sanitize import safe

if TYPE_CHECKING:
    from robenv.deploy.status import RobotStatus

_HEADER = (
    "ROBOT",
    "STATE",
    "PLATFORM",
    "BOARD",
    "ENGINE",
    "DISK FREE",
    "RELEASE",
    "ROLLBACK",
    "IMAGE",
    "SINCE",
    "HEALTH",
)


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

    Exits with 7 where some were not reached; the others are shown. With 1 where all were, and a release on one of them
    does not run, is unhealthy or crashes."""
    from robenv.deploy.status import read_statuses

    where: ProjectOptions = context.obj
    chosen = inventory_of(where, inventory).select(names or (), all_=not names)
    answers = read_statuses(chosen, _project(where))
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
    if not all(answer.robot_info.condition.well for answer in answers if answer.robot_info is not None):
        raise typer.Exit(1)


def _project(where: ProjectOptions) -> str:
    """The project's name; "" where there is none here, or none that can be read: the robots are there all the same."""
    try:
        return project_name_of(where)
    except UsageError:
        return ""
    except ProfileError as error:
        note(f"{error}; shown without releases")
        return ""


def _row(answer: RobotStatus) -> tuple[str, ...]:
    found = answer.robot_info
    if found is None:
        return (answer.robot.name, answer.state, *[""] * (len(_HEADER) - 2))
    l4t = f"L4T {safe(found.l4t)}" if found.l4t else ""
    board = f"{safe(found.board)} ({l4t})" if found.board and l4t else safe(found.board) or l4t
    free = human_size(found.disk_free) if found.disk_free is not None else "?"
    engine = f"{found.engine.product.removeprefix('Docker Engine').strip()} {found.engine.version}".strip()
    how = found.condition
    last: tuple[str, ...] = ("",) * 5
    if how.release is not None:
        labels, since = how.release.labels, how.release.started_at if how.release.running else how.release.finished_at
        release, image = (safe(labels.get(label, "")) for label in (LABEL_RELEASE, LABEL_HASH))
        last = (release[:8], safe(how.rollback)[:8] or "-", image[:12], local_time(since), safe(how.words))
    return (answer.robot.name, answer.state, found.engine.platform, board, safe(engine), free, *last)


def local_time(moment: str) -> str:
    """An engine's moment by this machine's clock, to the minute; "" for one that never was."""
    from robenv.project.containers.times import parse_moment

    parsed = parse_moment(moment)
    return parsed.astimezone().strftime("%Y-%m-%d %H:%M") if parsed is not None and parsed.year > 1 else ""


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(robots)
