"""`robenv lock`"""

from __future__ import annotations

from typing import Annotated

import typer

from robenv.cli.common import JsonOption, ProjectOptions, note, print_json, write_new_lock
from robenv.cli.help import Command
from robenv.errors import ProfileError


def lock(
    context: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing: exit code 3 unless the lock fits the profile")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Writes robenv.lock: the commit of every git source and of every repository of the workspace, the digest of every
    base image for each platform, the moment of the package archives where the profile asks for one. What the lock has
    already stays as it is."""
    where: ProjectOptions = context.obj
    if check:
        _check(where, json)
        return
    changed = write_new_lock(where, lambda name: False)
    if json:
        print_json({"changes": changed})
        return
    for line in changed:
        typer.echo(line)
    if not changed:
        note("the lock is up to date")


def _check(where: ProjectOptions, json: bool) -> None:
    from robenv.cli.common import lock_platforms
    from robenv.project.lock_policy import check_lock

    found = where.resolve(quiet=True)
    problems = check_lock(found, lock_platforms(found))
    if json:
        print_json({"fits": not problems, "problems": [problem.message for problem in problems]})
    if problems:
        raise ProfileError(
            "the lock does not fit the profile", problems=problems, hint="`robenv lock` brings it up to date"
        )
    if not json:
        note("the lock fits the profile")


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(lock)
