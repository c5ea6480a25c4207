"""`robenv push`"""

from __future__ import annotations

import typer

from robenv.cli.common import (
    JsonOption,
    LockedOption,
    PlatformsOption,
    QuietOption,
    Where,
    open_engine,
    print_json,
)
from robenv.cli.registry import RegistryOption, registry_for
from robenv.cli.reporter import TerminalReporter
from robenv.cli.trust import asker


def push(
    context: typer.Context,
    platforms: PlatformsOption = None,
    registry: RegistryOption = None,
    locked: LockedOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Pushes the image to REGISTRY/PROJECT:HASH with the docker config's credentials, and builds it first if need be.
    `up`, `build` and `run` take it from there."""
    from robenv.environment.image import ensure_image, push_project
    from robenv.environment.trust import image_claims_of, require_trust

    where: Where = context.obj
    reporter = TerminalReporter(quiet)
    pushed = []
    with open_engine() as engine:
        for loaded in where.load_each(engine.info().platform, platforms, quiet, locked):
            place = registry_for(loaded, registry)
            require_trust(image_claims_of(loaded), asker())
            ensure_image(engine, loaded, reporter)
            remote, digest = push_project(engine, loaded, place, reporter)
            pushed.append({"image": remote, "digest": digest, "platform": loaded.build.platform})
    if json:
        print_json(pushed)
        return
    for one in pushed:
        typer.echo(f"{one['image']}@{one['digest']}")


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, short_help=text)(push)
