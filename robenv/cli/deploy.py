"""`robenv deploy`"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robenv.cli import complete
from robenv.cli.ask import approval_prompt
from robenv.cli.common import (
    JsonOption,
    LockedOption,
    ProjectOptions,
    QuietOption,
    note,
    open_engine,
    print_json,
    table,
)
from robenv.cli.errors import error_text
from robenv.cli.fleet_view import FleetView, outcome_rows
from robenv.cli.help import Command
from robenv.cli.reporter import TerminalReporter
from robenv.cli.robot import InventoryOption, inventory_of
from robenv.errors import RobotUnreachable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from robenv.deploy.fleet import ImageSource, RobotOutcome
    from robenv.engine.protocol import Engine, ImageInfo
    from robenv.host.facts import Facts
    from robenv.profile.resolve.resolved import Resolved
    from robenv.project.lock_policy import LockedProject
    from robenv.project.planned import PlannedProject

RobotsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ROBOT…]", help="Robots or groups of robots.yaml", autocompletion=complete.robots),
]
AllRobotsOption = Annotated[bool, typer.Option("--all", help="Every robot of robots.yaml")]
_HEADER = ("ROBOT", "STATE", "RELEASE", "BEFORE", "SENT", "TIME")


def deploy(
    context: typer.Context,
    robots: RobotsArgument = None,
    every: AllRobotsOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge everything, send nothing")] = False,
    inventory: InventoryOption = None,
    locked: LockedOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Brings robots to the present state of the project: builds, checks every robot before a byte is sent, sends what
    each lacks, starts the new release behind the old one, and keeps it only if it is healthy.

    Exit code 7 where some were not reached or refused, 1 where a release failed; the others are done."""
    from robenv.deploy import fleet

    where: ProjectOptions = context.obj
    chosen = inventory_of(where, inventory).select(robots or (), every)
    view = FleetView([robot.name for robot in chosen], quiet or json)
    with open_engine() as engine, view:
        # A profile with problems is told before anybody is asked.
        found = where.settle(where.resolve(quiet, locked), quiet, locked)
        if (unnamed := name_note(found.resolved)) and not quiet:
            with view.aside():
                note(unnamed)
        source = _source(found, engine, view, quiet, locked)
        with fleet.connected_robots(chosen, found.resolved.profile.name, view) as (reached, missed):
            done = fleet.preview(source, reached, view) if dry_run else fleet.deploy(source, reached, view)
    report(in_order(chosen, [*done, *missed]), json)


def _source(found: LockedProject, engine: Engine, view: FleetView, quiet: bool, locked: bool) -> ImageSource:
    from robenv.deploy.fleet import ImageSource
    from robenv.plan.image.run_image import deploy_purpose
    from robenv.project.gate import ApprovedProject, approve_releases
    from robenv.project.image.image import ensure_image
    from robenv.project.lock_policy import require_locked
    from robenv.project.planned import choose_platform, plan_project

    plans: dict[str, PlannedProject] = {}
    images: dict[str, ImageInfo] = {}

    def planned(platform: str) -> PlannedProject:
        chosen = choose_platform(found.resolved, platform, platform)
        if locked:
            require_locked(found, chosen)
        if chosen not in plans:
            plans[chosen] = plan_project(found.resolved, chosen, deploy_purpose(found.resolved.on(chosen).profile))
        return plans[chosen]

    def admit(wanted: Sequence[tuple[PlannedProject, Facts]]) -> list[ApprovedProject]:
        with view.aside():
            return approve_releases(wanted, approval_prompt(), note)

    def image(approved: ApprovedProject) -> ImageInfo:
        name = approved.planned.image
        if name not in images:
            there = engine.find_image(name) is not None
            with nullcontext() if there else view.aside():
                images[name] = ensure_image(engine, approved, TerminalReporter(quiet)).image
        return images[name]

    return ImageSource(engine, planned, admit, image, found.resolved.profile.deploy.keep)


def name_note(resolved: Resolved) -> str:
    """Where robots know the project by its folder's name, which is another one in another clone."""
    if resolved.locate(("name",)) is not None:
        return ""
    name = resolved.profile.name
    return (
        f"robots know this project as {name}, after its folder: deployed from a folder of another name it would be a "
        f"second project beside this one; `name: {name}` in robenv.yaml keeps it one"
    )


def in_order(chosen: Any, outcomes: list[RobotOutcome]) -> list[RobotOutcome]:
    order = {robot.name: number for number, robot in enumerate(chosen)}
    return sorted(outcomes, key=lambda one: order.get(one.robot, 0))


def report(outcomes: list[RobotOutcome], json: bool) -> None:
    """The table and every error, or one document; the exit code of the worst."""
    if json:
        print_json([outcome.to_json() for outcome in outcomes])
    else:
        typer.echo(table(_HEADER, outcome_rows(outcomes)))
        print_errors(outcomes)
    exit_by(outcomes)


def print_errors(outcomes: list[RobotOutcome]) -> None:
    for outcome in outcomes:
        if outcome.error is not None:
            typer.echo("\n" + error_text(outcome.error), err=True)


def exit_by(outcomes: list[RobotOutcome]) -> None:
    """Exits with the code of the worst; not where all went well."""
    states = {outcome.state for outcome in outcomes}
    if states & {"unreachable", "refused"}:
        raise typer.Exit(RobotUnreachable.exit_code)
    if "failed" in states:
        raise typer.Exit(1)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(deploy)
