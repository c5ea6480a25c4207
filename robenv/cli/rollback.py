"""`robenv rollback`"""

from __future__ import annotations

from typing import Annotated

import typer

from robenv.cli.common import JsonOption, ProjectOptions, QuietOption
from robenv.cli.deploy import AllRobotsOption, RobotsArgument, in_order, report
from robenv.cli.fleet_view import FleetView
from robenv.cli.help import Command
from robenv.cli.robot import InventoryOption, inventory_of


def rollback(
    context: typer.Context,
    robots: RobotsArgument = None,
    every: AllRobotsOption = False,
    to: Annotated[
        str, typer.Option("--to", metavar="RELEASE", help="The first digits of a kept release; default: the one before")
    ] = "",
    inventory: InventoryOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Goes back to a release that is still on the robot; nothing is sent. It is on trial as a new one is."""
    from robenv.deploy import fleet

    where: ProjectOptions = context.obj
    chosen = inventory_of(where, inventory).select(robots or (), every)
    profile = where.resolve(quiet=True).resolved.profile
    view = FleetView([robot.name for robot in chosen], quiet or json)
    with view, fleet.connected_robots(chosen, profile.name, view) as (reached, missed):
        done = fleet.roll_back_all(reached, profile.name, to, profile.deploy.keep, view)
    report(in_order(chosen, [*done, *missed]), json)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(rollback)
