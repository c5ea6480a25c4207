"""What the commands share that work on a robot: which robots there are, and one of them opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robenv.cli import complete
from robenv.cli.common import ProjectOptions, note
from robenv.cli.errors import print_warnings
from robenv.errors import EngineUnreachable, UsageError

if TYPE_CHECKING:
    from robenv.engine.protocol import ContainerInfo, Engine
    from robenv.remote.connection import Connection
    from robenv.remote.inventory import Inventory

RobotOption = Annotated[
    str,
    typer.Option(
        "--robot",
        "-r",
        metavar="ROBOT",
        help="On this robot: of robots.yaml, or as ssh knows it",
        autocompletion=complete.robots,
    ),
]
InventoryOption = Annotated[
    Path | None, typer.Option("--inventory", "-i", metavar="FILE", help="The robots, instead of robots.yaml")
]


def inventory_of(where: ProjectOptions, file: Path | None = None) -> Inventory:
    """The robots of ``file``, else of robots.yaml beside the project's file, else of this folder's.

    Raises UsageError, ProfileError, NotTrusted.
    """
    from robenv.cli.ask import approval_prompt
    from robenv.deploy.inventory_trust import inventory_claims
    from robenv.project.gate import require_trust

    inventory, root = read_robots(where, file)
    print_warnings(inventory.warnings)
    require_trust(inventory_claims(inventory, root), approval_prompt(), note)
    return inventory


def read_robots(where: ProjectOptions, file: Path | None = None) -> tuple[Inventory, Path]:
    """The robots, and the project's folder. Raises as ``inventory_of``."""
    from robenv.remote.inventory import FILE, read_inventory

    try:
        folder = where.root()
    except UsageError:
        folder = where.directory
    if file is not None:
        path = where.directory / file
        if not path.exists():
            raise UsageError(f"there is no inventory {file}")
        return read_inventory(path), folder
    return read_inventory(folder / FILE), folder


def project_name_of(where: ProjectOptions) -> str:
    """The project's name. Raises UsageError, ProfileError."""
    return where.resolve(quiet=True).resolved.profile.name


@contextmanager
def open_robot(where: ProjectOptions, name: str) -> Iterator[Connection]:
    """A connection to the one robot of that name. Raises UsageError, RobotUnreachable, RobotRefused."""
    from robenv.remote.connection import connect

    chosen = inventory_of(where).select([name])
    if len(chosen) != 1:
        raise UsageError(f"{name} is a group of {len(chosen)} robots", hint="name one of them")
    with connect(chosen[0]) as connection:
        try:
            yield connection
        except EngineUnreachable as error:
            raise connection.explain(error) from error


@contextmanager
def on_robot(where: ProjectOptions, name: str, ended: bool = False) -> Iterator[tuple[Engine, ContainerInfo]]:
    """The project's release that runs on a robot; with ``ended``, also one that does not run.

    Raises ContainerNotFound, and as ``open_robot`` does.
    """
    from robenv.deploy.status import last_release, running_release

    project = project_name_of(where)
    with open_robot(where, name) as connection:
        find = last_release if ended else running_release
        yield connection.engine, find(connection, project)
