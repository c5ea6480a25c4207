"""`robenv export`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robenv.cli.common import JsonOption, PlatformOption, ProjectOptions, local_platform, note, print_json
from robenv.cli.complete import words
from robenv.cli.help import Command
from robenv.errors import ProfileError, UsageError
from robenv.paths import home_folder
from robenv.profile.yaml.parse_error import did_you_mean

if TYPE_CHECKING:
    from robenv.export.forms import ExportedForm, ExportSource
    from robenv.project.planned import PlannedProject


def export(
    context: typer.Context,
    form: Annotated[
        str,
        typer.Argument(
            metavar="compose|devcontainer|dockerfile|kubernetes",
            autocompletion=words("compose", "devcontainer", "dockerfile", "kubernetes"),
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Write there; default: a folder of the project")
    ] = None,
    platform: PlatformOption = None,
    stage: Annotated[
        str | None,
        typer.Option("--stage", metavar="dev|run", help="The image to work in, or the slim one that robots run"),
    ] = None,
    image: Annotated[
        str, typer.Option("--image", metavar="REF", help="Stand on this image, instead of building the profile's")
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing: exit code 3 unless what is there is what would be written")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files that robenv has not made")] = False,
    json: JsonOption = False,
) -> None:
    """Writes the project for tools that know nothing of robenv, from robenv.yaml and its lock alone: without
    robenv.local.yaml, .env, and what only this machine has. What such a tool cannot say is told, and noted there."""
    from robenv.cli.ask import approval_prompt
    from robenv.export.forms import FORMS, as_document
    from robenv.project.exported import differences, write_form
    from robenv.project.gate import approve_export

    if form not in FORMS:
        raise UsageError(f"there is no form {form}", hint=did_you_mean(form, FORMS) or "there are " + ", ".join(FORMS))
    where: ProjectOptions = context.obj
    default, make = FORMS[form]
    folder = where.directory / output if output is not None else where.root() / default
    planned = _loaded(where, form, platform, stage)
    # What was pushed is for one platform, and a cluster may have nodes of others.
    one = bool(platform) or _is_for_one(planned) or (form == "kubernetes" and not image)
    made = make(_source(planned, folder, image, planned.build.platform if one else ""))
    if check:
        _report(made, folder, differences(made, folder), form, json)
        return
    write_form(approve_export(planned, approval_prompt(), note), made, folder, force, where.root())
    for text in made.notes:
        note(text)
    if json:
        print_json({"form": form, "folder": str(folder), **as_document(made)})
        return
    note(f"wrote {folder / made.main}")
    note(f"next: {made.next.format(folder=_shown(folder))}")


def _loaded(where: ProjectOptions, form: str, platform: str | None, stage: str | None) -> PlannedProject:
    from robenv.plan.image.run_image import deploy_purpose

    purpose = stage or "dev"
    planned = where.load_each(local_platform(), (platform,), shared=True, stage=purpose)[0]
    if form == "kubernetes" and stage is None and (wanted := deploy_purpose(planned.resolved.profile)) != purpose:
        planned = where.load_each(local_platform(), (platform,), shared=True, stage=wanted)[0]
    return planned


def _source(planned: PlannedProject, folder: Path, image: str, platform: str) -> ExportSource:
    from robenv.export.forms import ExportSource

    return ExportSource(
        planned.resolved,
        planned.build,
        planned.content_hash,
        folder=str(folder),
        home=home_folder(),
        image=image,
        registry_name=_pushed(planned),
        platform=platform,
    )


def _pushed(planned: PlannedProject) -> str:
    from robenv.project.image.image import project_image

    registry = planned.resolved.profile.registry
    return project_image(planned).pushed(registry) if registry else ""


def _is_for_one(planned: PlannedProject) -> bool:
    """Whether the image would be another one elsewhere, by more than what the distribution builds for each."""
    resolved = planned.resolved
    return bool(resolved.variants or resolved.pins.images or len(resolved.profile.platforms) == 1)


def _report(made: ExportedForm, folder: Path, differing: list[str], form: str, json: bool) -> None:
    if json:
        print_json({"form": form, "folder": str(folder), "fits": not differing, "differences": differing})
    if differing:
        listed = "\n".join(f"{folder / name}" for name in differing[:20])
        hint = f"`robenv export {form}` brings it up to date"
        raise ProfileError("what was exported does not fit the profile any more", details=listed, hint=hint)
    if not json:
        note(f"{folder / made.main} fits the profile")


def _shown(folder: Path) -> str:
    """As one would type it."""
    here = Path.cwd()
    return str(folder.relative_to(here)) if folder.is_relative_to(here) else str(folder)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(export)
