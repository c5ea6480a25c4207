"""`robenv save`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robenv.cli.ask import approval_prompt
from robenv.cli.common import (
    JsonOption,
    LockedOption,
    PlatformsOption,
    ProjectOptions,
    QuietOption,
    StageOption,
    note,
    open_engine,
    print_json,
)
from robenv.cli.help import Command
from robenv.cli.reporter import TerminalReporter


def save(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Such as picker.robenv")],
    platforms: PlatformsOption = None,
    stage: StageOption = "dev",
    locked: LockedOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Writes the image, the profile with all that it extends, the repositories of workspace.repos and the lock into
    FILE; builds the image first if need be. Never goes along: .env, robenv.local.yaml and run.env_file."""
    from robenv.bundle.bundle import own_variables, save_project
    from robenv.bundle.project_files import outgoing_files
    from robenv.bundle.verify import notes_on_uncommitted, uncommitted_parts
    from robenv.project.gate import approve_image
    from robenv.project.lock_policy import pin_sources
    from robenv.project.repositories import find_lacking, hold_commits, repositories_folder

    where: ProjectOptions = context.obj
    with open_engine() as engine:
        every = where.load_each(engine.info().platform, platforms, quiet, locked, shared=True, stage=stage)
        found = where.resolve(True, locked, shared=True)  # once more, for the lock may be new
        if lacking := find_lacking(found.resolved, found.lock.repos):
            pin_sources(found, note, lacking)
            found = where.resolve(True, locked, shared=True)
        tell = (lambda text: None) if quiet else note
        held = hold_commits(found.resolved, found.lock.repos, tell)
        behind = uncommitted_parts(held, repositories_folder(found.resolved))
        files = outgoing_files(every, found.path if found.exists else None)
        approved = [approve_image(planned, approval_prompt(), note) for planned in every]
        target = where.directory / file
        contents = save_project(engine, target, approved, found.sources, behind, files, TerminalReporter(quiet))
    if not quiet:
        for name in files.left_out:
            note(f"{name} (run.env_file) may hold secrets and is not in the file: bring it there yourself")
        for remark in notes_on_uncommitted(behind):
            note(remark)
        if names := own_variables(every):
            note(f"the image depends on {', '.join(names)} of your environment: set the same there")
    if json:
        print_json({"file": str(file), "size": target.stat().st_size, **contents.to_json()})
    else:
        typer.echo(str(file))


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(save)
