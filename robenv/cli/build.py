"""`robenv build`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robenv.cli.common import (
    JsonOption,
    LockedOption,
    NoAccelOption,
    PlatformsOption,
    QuietOption,
    Where,
    open_engine,
    print_json,
)
from robenv.cli.reporter import TerminalReporter
from robenv.cli.trust import asker


def build(
    context: typer.Context,
    platforms: PlatformsOption = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Build every layer anew")] = False,
    timeline: Annotated[
        Path | None,
        typer.Option("--timeline", metavar="FILE", help="When each step ran, as a trace that a browser shows"),
    ] = None,
    no_accel: NoAccelOption = False,
    locked: LockedOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Builds the image unless there is one for what the profile says now, and prints its name."""
    from robenv.environment.image import ensure_image
    from robenv.environment.timeline import write_timeline
    from robenv.environment.trust import image_claims_of, require_trust

    where: Where = context.obj
    reporter = TerminalReporter(quiet)
    results = []
    with open_engine() as engine:
        every = where.load_each(engine.info().platform, platforms, quiet, locked)
        for loaded in every:
            require_trust(image_claims_of(loaded), asker())
            results.append(ensure_image(engine, loaded, reporter, no_cache, not no_accel))
    if timeline is not None:
        write_timeline(timeline, reporter.states)
    if json:
        print_json(
            [
                {"image": one.reference, "id": one.image.id, "platform": loaded.build.platform, "built": one.built}
                for one, loaded in zip(results, every, strict=True)
            ]
        )
        return
    for result in results:
        typer.echo(result.reference)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, short_help=text)(build)
