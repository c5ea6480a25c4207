"""`robenv build`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robenv.cli.common import JsonOption, LockedOption, QuietOption, Where, note, open_engine, print_json
from robenv.cli.reporter import TerminalReporter
from robenv.cli.trust import asker


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
    locked: LockedOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Builds the image unless there is one for what the profile says now, and prints its name."""
    from robenv.environment.image import ensure_image
    from robenv.environment.load import choose_platform, load
    from robenv.environment.locking import pin_sources, require_locked
    from robenv.environment.timeline import write_timeline
    from robenv.environment.trust import image_claims_of, require_trust

    where: Where = context.obj
    reporter = TerminalReporter(quiet)
    results = []
    with open_engine() as engine:
        found = where.resolve(quiet, locked)
        resolved = found.resolved
        wanted = {choose_platform(resolved, asked, engine.info().platform): None for asked in platforms or (None,)}
        for platform in wanted if locked else ():
            require_locked(found, platform)
        if not locked:
            pin_sources(found, note)
        for platform in wanted:
            loaded = load(resolved, platform)
            require_trust(image_claims_of(loaded), asker())
            results.append(ensure_image(engine, loaded, reporter, no_cache=no_cache))
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
