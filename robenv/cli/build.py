"""`robenv build`"""

from __future__ import annotations

from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robenv.cli.ask import approval_prompt
from robenv.cli.builders import BuilderOption, named_builders
from robenv.cli.common import (
    JsonOption,
    LockedOption,
    NoAccelOption,
    PlatformsOption,
    ProjectOptions,
    QuietOption,
    StageOption,
    note,
    open_engine,
    print_json,
)
from robenv.cli.help import Command
from robenv.cli.together import build_images, error_json
from robenv.errors import UsageError

if TYPE_CHECKING:
    from robenv.project.gate import ApprovedProject
    from robenv.project.image.image import ImageResult
    from robenv.project.reporter import Reporter


def build(
    context: typer.Context,
    platforms: PlatformsOption = None,
    stage: StageOption = "dev",
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Build every layer anew")] = False,
    timeline: Annotated[
        Path | None,
        typer.Option("--timeline", metavar="FILE", help="When each step ran, as a trace that a browser shows"),
    ] = None,
    no_accel: NoAccelOption = False,
    builders: BuilderOption = None,
    no_load: Annotated[
        bool, typer.Option("--no-load", help="Leave the image on the builder, and do not bring it here")
    ] = False,
    locked: LockedOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Builds the image unless there is one for what the profile says now, and prints its name. Several platforms are
    built side by side; where one fails, the others' images stay."""
    from robenv.project.gate import approve_image
    from robenv.project.image.build_trace import write_timeline
    from robenv.project.image.image import ensure_image

    where: ProjectOptions = context.obj
    if no_load and not builders:
        raise UsageError("`--no-load` is for a builder's images", hint="name one: --builder ssh://HOST")
    with open_engine() as engine, named_builders(builders) as assign:
        every = where.load_each(engine.info().platform, platforms, quiet, locked, stage=stage)
        approved = [approve_image(planned, approval_prompt(), note) for planned in every]
        elsewhere = assign([planned.build.platform for planned in every])

        def make(one: ApprovedProject, reporter: Reporter) -> ImageResult:
            builder = elsewhere.get(one.planned.build.platform)
            if builder is not None and no_load:
                return builder.leave(engine, one, reporter, no_cache)
            return ensure_image(engine, one, reporter, no_cache, not no_accel, builder)

        made = build_images(approved, quiet, make)
    if timeline is not None:
        write_timeline(where.directory / timeline, made.states)
    if json:
        print_json([*map(_entry, made.images.items()), *starmap(error_json, made.errors.items())])
    else:
        for result in made.images.values():
            typer.echo(result.reference)
    made.fail()


def _entry(one: tuple[str, ImageResult]) -> dict[str, Any]:
    platform, result = one
    return {"image": result.reference, "id": result.image.id, "platform": platform, "built": result.built}


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(build)
