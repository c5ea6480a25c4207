"""`robenv render`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robenv.cli.ask import asker
from robenv.cli.common import PlatformOption, StageOption, Where, note, own_platform
from robenv.cli.help import Command
from robenv.cli.output import print_exactly


def render(
    context: typer.Context,
    platform: PlatformOption = None,
    stage: StageOption = "dev",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Write the Dockerfile and its build context there"),
    ] = None,
    classic: Annotated[
        bool, typer.Option("--classic", help="For an engine without BuildKit: no `RUN --mount`")
    ] = False,
) -> None:
    """Prints the Dockerfile. With -o, writes it and the build context, ready for `docker build DIR`."""
    from robenv.project.gate import admit_image
    from robenv.render import render as render_plan
    from robenv.render import write_context

    where: Where = context.obj
    loaded = where.load(own_platform(), platform, stage=stage)
    rendered = loaded.rendered if not classic else render_plan(loaded.build, buildkit=False)
    if output is None:
        print_exactly(rendered.dockerfile)
        return
    # What is written here is made to be built, and handed on, by others.
    admit_image(loaded, asker(), note)
    output = where.directory / output
    write_context(rendered, output, loaded.files.root)
    note(f"wrote {output / 'Dockerfile'}; the image would be {loaded.image}")


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(render)
