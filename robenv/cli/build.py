"""`robenv build`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robenv.cli.common import JsonOption, QuietOption, Where, open_engine, print_json
from robenv.cli.reporter import TerminalReporter


def build(
    context: typer.Context,
    platforms: Annotated[
        list[str] | None,
        typer.Option("--platform", metavar="OS/ARCH", help="Build for this platform; may be given several times"),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Build every layer anew")] = False,
    timeline: Annotated[
        Path | None,
        typer.Option("--timeline", metavar="FILE", help="When each step ran, as a trace that a browser shows"),
    ] = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Builds the image unless there is one for what the profile says now, and prints its name."""
    from robenv.environment.image import ensure_image
    from robenv.environment.load import choose_platform, load
    from robenv.environment.timeline import write_timeline

    where: Where = context.obj
    reporter = TerminalReporter(quiet)
    results = []
    with open_engine() as engine:
        resolved = where.resolve(quiet)
        wanted = {choose_platform(resolved, asked, engine.info().platform): None for asked in platforms or (None,)}
        for platform in wanted:
            results.append(ensure_image(engine, load(resolved, platform), reporter, no_cache=no_cache))
    if timeline is not None:
        write_timeline(timeline, reporter.states)
    if json:
        print_json(
            [
                {"image": result.reference, "id": result.image.id, "platform": platform, "built": result.built}
                for result, platform in zip(results, wanted, strict=True)
            ]
        )
        return
    for result in results:
        typer.echo(result.reference)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, short_help=text)(build)
