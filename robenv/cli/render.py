"""`robenv render`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robenv.cli.ask import approval_prompt
from robenv.cli.common import PlatformOption, ProjectOptions, StageOption, local_platform, note
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
    from robenv.project.gate import approve_image
    from robenv.render import render as render_plan
    from robenv.render import write_context

    where: ProjectOptions = context.obj
    planned = where.load(local_platform(), platform, stage=stage)
    rendered = planned.rendered if not classic else render_plan(planned.build, buildkit=False)
    if output is None:
        print_exactly(rendered.dockerfile)
        return
    # What is written here is made to be built, and handed on, by others.
    approve_image(planned, approval_prompt(), note)
    output = where.directory / output
    write_context(rendered, output, planned.files.root)
    note(f"wrote {output / 'Dockerfile'}; the image would be {planned.image}")


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(render)
