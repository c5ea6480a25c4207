"""`robenv down`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from robenv.cli.common import AllOption, ProjectOptions, note, open_engine
from robenv.cli.help import Command
from robenv.cli.on_robots import RobotsOption, act_on_robots
from robenv.cli.robot import project_name_of
from robenv.cli.stop import TimeOption
from robenv.errors import UsageError

if TYPE_CHECKING:
    from robenv.deploy.fleet import RobotSession


def down(
    context: typer.Context,
    everything: AllOption = False,
    volumes: Annotated[
        bool, typer.Option("--volumes", "-v", help="Remove the volumes too: home folder, history, caches")
    ] = False,
    time: TimeOption = None,
    robots: RobotsOption = None,
    project: Annotated[
        str, typer.Option("--project", metavar="NAME", help="With -r: a project by another name, as after a rename")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With -r: do not ask")] = False,
) -> None:
    """Stops and removes the container. The image and, without --volumes, the home folder stay.

    With -r: takes the project off robots: its releases, their images and networks."""
    from robenv.project.gate import close_baseline_if_last
    from robenv.project.identity import forget_homes
    from robenv.project.lifecycle import containers_of_others
    from robenv.project.lifecycle import remove_environment as take_down

    where: ProjectOptions = context.obj
    if robots:
        _take_off(where, robots, project, volumes, time, yes)
        return
    if project or yes:
        raise UsageError("--project and --yes are for robots", hint="name one with -r ROBOT")
    place = None if everything else where.place()
    with open_engine() as engine:
        removed = take_down(engine, place, volumes, time)
        others = containers_of_others(engine, place)
        if place is not None:
            close_baseline_if_last(engine, place)
            forget_homes(place, removed)
    for name in removed:
        typer.echo(name)
    if not removed:
        note("there is nothing of yours to remove" + (f"; left alone: {', '.join(others)}" if others else ""))


def _take_off(
    where: ProjectOptions, robots: list[str], project: str, volumes: bool, time: float | None, yes: bool
) -> None:
    from robenv.deploy.lifecycle import remove

    name = project or project_name_of(where)

    def question(reached: list[RobotSession]) -> str:
        lines = [f"{one.robot.name}: {_releases_of(one)}" for one in reached]
        kept = "Its volumes go too" if volumes else "Its volumes stay"
        return "\n".join([*lines, f"Remove {name} there, with its images? {kept}."])

    act_on_robots(where, robots, name, remove(volumes, time), None if yes else question)


def _releases_of(one: RobotSession) -> str:
    names = ", ".join(f"{info.name} ({info.status})" for info in one.robot_info.releases)
    return names or "nothing of it is there"


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(down)
