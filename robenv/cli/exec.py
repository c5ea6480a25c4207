"""`robenv exec`"""

from __future__ import annotations

from typing import Annotated

import typer

from robenv.cli.common import ProjectOptions, note, open_engine
from robenv.cli.help import Command
from robenv.cli.robot import RobotOption, on_robot
from robenv.cli.up import DetachKeysOption

OfPlatformOption = Annotated[
    str | None, typer.Option("--platform", metavar="OS/ARCH", help="Where several of the project's containers run")
]


def enter_running(
    where: ProjectOptions, command: tuple[str, ...], detach_keys: str, robot: str = "", platform: str | None = None
) -> int:
    """Runs a command, or a shell, in the project's running container, or in its release on a robot; its exit code."""
    from robenv.catalog.platforms import normalize
    from robenv.fast.enter import run_in_container, working_directory
    from robenv.plan.names import LABEL_SHELL
    from robenv.project.containers.container import has_shell
    from robenv.project.containers.leftovers import tell_leftovers
    from robenv.project.containers.state import refuse_replaced
    from robenv.project.lifecycle import running_container

    if robot:
        with on_robot(where, robot) as (engine, release):
            if not has_shell(engine, release.id):
                release = release._replace(labels={**release.labels, LABEL_SHELL: "none"})
            release = release._replace(
                name=f"{robot}:{release.name}"
            )  # robots of one release have containers of one name
            tell_leftovers(engine, release, note, f"robenv restart -r {robot}")
            return run_in_container(
                engine, release, command, "", detach_keys, far=True
            )  # no folder of this machine shows there
    place = where.place()
    wanted = normalize(platform) if platform is not None else ""
    with open_engine() as engine:
        container = running_container(engine, place, wanted)
        refuse_replaced(container)
        tell_leftovers(engine, container, note)
        return run_in_container(engine, container, command, working_directory(), detach_keys)


def exec_(
    context: typer.Context,
    command: Annotated[list[str], typer.Argument(metavar="[--] CMD…")],
    detach_keys: DetachKeysOption = "",
    robot: RobotOption = "",
    platform: OfPlatformOption = None,
) -> None:
    """Runs CMD in the running container, as the user, in the folder that shows this one; with CMD's exit code."""
    raise typer.Exit(enter_running(context.obj, tuple(command), detach_keys, robot, platform))


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text, context_settings={"allow_interspersed_args": False})(exec_)
