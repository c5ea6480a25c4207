"""`robenv push`"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

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
from robenv.cli.registry import RegistryOption, registry_for
from robenv.cli.reporter import TerminalReporter
from robenv.cli.together import build_images
from robenv.errors import UsageError

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def push(
    context: typer.Context,
    platforms: PlatformsOption = None,
    stage: StageOption = "dev",
    registry: RegistryOption = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="A name for the images of all platforms together, such as v1.2"),
    ] = None,
    locked: LockedOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Pushes the image to REGISTRY/PROJECT:HASH with the docker config's credentials, and builds it first if need be.
    `up`, `build` and `run` take it from there. Images of several platforms also get one name together: an index."""
    from robenv.project.gate import approve_image
    from robenv.project.image.image import ensure_image, project_image, push_project
    from robenv.project.registry import index_tag, push_index
    from robenv.project.reporter import building

    where: ProjectOptions = context.obj
    reporter = TerminalReporter(quiet)
    pushed: list[dict[str, Any]] = []
    wanted = _checked(tags or ())
    with open_engine() as engine:
        every = where.load_each(engine.info().platform, platforms, quiet, locked, stage=stage)
        place = registry_for(every[0], registry)
        approved = [approve_image(planned, approval_prompt(), note) for planned in every]
        build_images(approved, quiet, lambda one, its: ensure_image(engine, one, its)).fail()
        digests = {}
        for planned in every:
            remote, digest = push_project(engine, planned, place, reporter)
            digests[project_image(planned)] = digest
            pushed.append({"image": remote, "digest": digest, "platform": planned.build.platform})
        for name in [*([index_tag(list(digests))] if len(digests) > 1 else ()), *wanted]:
            with building(reporter, f"{place}/{every[0].build.project}:{name}", None, doing="Pushing"):
                remote, digest = push_index(engine, digests, place, name, reporter.event)
            pushed.append({"image": remote, "digest": digest, "platforms": [digest.platform for digest in digests]})
    if json:
        print_json(pushed)
        return
    for one in pushed:
        typer.echo(f"{one['image']}@{one['digest']}")


def _checked(tags: Sequence[str]) -> list[str]:
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise UsageError(f"{tag!r} is no tag", hint="letters, digits, `_`, `.` and `-`, such as v1.2")
    return list(dict.fromkeys(tags))


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(push)
