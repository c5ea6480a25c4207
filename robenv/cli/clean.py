"""`robenv clean`"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated

import typer

from robenv.cli.common import JsonOption, ProjectOptions, human_size, note, open_engine, print_json, table
from robenv.cli.help import Command
from robenv.errors import RobenvError


def _needed(where: ProjectOptions, platform: str) -> frozenset[str]:
    """The images that the project here needs now, for the engine's platform and each that it names, and the bases that
    robenv has put there for them; none where there is no project, or a broken one."""
    from robenv.catalog.platforms import normalize
    from robenv.plan.image.mirrors import pinned_name
    from robenv.plan.image.run_image import has_run_image
    from robenv.project.planned import plan_project

    try:
        found = where.load(platform, quiet=True)
        named = [plan_project(found.resolved, normalize(platform)) for platform in found.resolved.profile.platforms]
        every = [found, *named]
        slim = [one for one in every if has_run_image(one.resolved.profile)]
        needed = [*every, *(plan_project(one.resolved, one.build.platform, "run") for one in slim)]
        bases = (base.reference for one in needed for base in one.build.bases)
        return frozenset((*(one.image for one in needed), *map(pinned_name, bases)))
    except RobenvError:
        return frozenset()


def clean(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would go")] = False,
    volumes: Annotated[
        bool, typer.Option("--volumes", "-v", help="Home folders, too, of projects whose folder is gone")
    ] = False,
    build_cache: Annotated[
        bool, typer.Option("--build-cache", help="The engine's unused build cache too, of every builder's")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Removes images, containers and caches that nothing refers to, and says what that frees.

    The newest image of every project stays, and whatever a container uses. Waits for builds that are under way."""
    from robenv.project.containers.clean import find_removables, remove
    from robenv.util.file_lock import clearing_images

    where: ProjectOptions = context.obj
    with open_engine() as engine, nullcontext() if dry_run else clearing_images(note):
        rubbish = find_removables(engine, _needed(where, engine.info().platform), volumes, note)
        left = [] if dry_run else remove(engine, rubbish)
        for thing, error in left:
            rubbish.remove(thing)
            note(f"{thing.name} stays: {error.message}")
        pruned = engine.prune_build_cache() if build_cache and not dry_run else 0
    freed = sum(thing.size for thing in rubbish) + pruned
    if json:
        print_json({"removed": [thing.to_json() for thing in rubbish], "bytes": freed, "dry_run": dry_run})
        return
    if rubbish:
        rows = [(thing.kind, thing.name, human_size(thing.size) if thing.size else "-", thing.why) for thing in rubbish]
        typer.echo(table(("KIND", "NAME", "SIZE", "WHY"), rows))
    if dry_run:
        note(f"nothing was removed; at most {human_size(freed)} would be freed (images may share layers)")
    elif freed or rubbish:
        note(f"freed at most {human_size(freed)} (images may share layers)")
    else:
        note("there is nothing to clean")


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(clean)
