"""`robenv validate`"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from robenv.cli.common import JsonOption, ProjectOptions, note, print_json
from robenv.cli.errors import print_error, print_warnings
from robenv.cli.help import Command
from robenv.errors import Problem, ProfileError


def _as_json(problem: Problem, severity: str) -> dict[str, Any]:
    return {"severity": severity, **asdict(problem)}


def validate(
    context: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]…", help="Default: the project's")] = None,
    json: JsonOption = False,
) -> None:
    """Reports all problems of a profile and of everything that it extends, each with its place."""
    from robenv.project.lock_policy import resolve_locked

    where: ProjectOptions = context.obj
    found: list[dict[str, Any]] = []
    failed: list[ProfileError] = []
    checked = []
    for file in files or (None,):
        try:
            base = file.absolute().parent if file is not None else where.directory
            chosen = file.absolute() if file is not None else where.file
            resolved = resolve_locked(base, chosen, os.environ, note).resolved
        except ProfileError as error:
            failed.append(error)
            found.extend(_as_json(problem, "error") for problem in error.problems or (Problem(error.message),))
            continue
        found.extend(_as_json(problem, "warning") for problem in resolved.warnings)
        if resolved.files is not None:
            checked.append(str(resolved.files.file))
        if not json:
            print_warnings(resolved.warnings)
    if json:
        print_json({"valid": not failed, "problems": found})
    else:
        for path in checked:
            typer.echo(f"{path}: valid")
        for failure in failed:
            print_error(failure)
    if failed:
        raise typer.Exit(ProfileError.exit_code)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(validate)
