"""`stop`, `start`, `restart` and `down` with -r: the same on several robots, and how it went."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from robenv.cli.common import ProjectOptions, confirm, note, table
from robenv.cli.deploy import exit_by, in_order, print_errors
from robenv.cli.fleet_view import FleetView
from robenv.cli.robot import inventory_of
from robenv.errors import UsageError

if TYPE_CHECKING:
    from robenv.deploy.fleet import RobotSession
    from robenv.deploy.lifecycle import Act

RobotsOption = Annotated[
    list[str] | None,
    typer.Option("--robot", "-r", metavar="ROBOT", help="On this robot or group of robots.yaml; may be given again"),
]
_HEADER = ("ROBOT", "STATE", "RELEASE", "TIME")


def act_on_robots(
    where: ProjectOptions,
    names: Sequence[str],
    project: str,
    act: Act,
    ask: Callable[[list[RobotSession]], str] | None = None,
) -> None:
    """Does ``act`` to the project on each, and prints how it went. ``ask``: the question to answer with yes before.

    Exits as `deploy` does: with 7 where some were not reached or refused, with 1 where one failed.
    """
    from robenv.deploy import fleet

    chosen = inventory_of(where).select(names)
    view = FleetView([robot.name for robot in chosen], quiet=False)
    with view, fleet.connected_robots(chosen, project, view) as (reached, missed):
        if ask is not None and reached:
            with view.aside():
                _require_yes(ask(reached))
        done = fleet.act_on_all(reached, project, act, view)
    outcomes = in_order(chosen, [*done, *missed])
    typer.echo(
        table(
            _HEADER,
            [
                (outcome.robot, outcome.state, outcome.release[:8] or "-", f"{outcome.seconds:.1f} s")
                for outcome in outcomes
            ],
        )
    )
    print_errors(outcomes)
    exit_by(outcomes)


def _require_yes(question: str) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("nothing was removed, since nobody can be asked here", details=question, hint="say --yes")
    if not confirm(question):
        note("nothing was removed")
        raise typer.Exit(1)
