"""`robenv export`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robenv.cli.common import JsonOption, PlatformOption, Where, note, own_platform, print_json
from robenv.cli.complete import words
from robenv.cli.help import Command
from robenv.errors import ProfileError, UsageError
from robenv.paths import home_folder
from robenv.profile.yaml.parse_error import did_you_mean

if TYPE_CHECKING:
    from robenv.export.forms import Form, Source
    from robenv.project.planned import Loaded


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
    from robenv.cli.ask import asker
    from robenv.export.forms import FORMS, as_document
    from robenv.project.exported import differences, write_form
    from robenv.project.gate import admit_export

    if form not in FORMS:
        raise UsageError(f"there is no form {form}", hint=did_you_mean(form, FORMS) or "there are " + ", ".join(FORMS))
    where: Where = context.obj
    default, make = FORMS[form]
    folder = where.directory / output if output is not None else where.root() / default
    loaded = _loaded(where, form, platform, stage)
    # What was pushed is for one platform, and a cluster may have nodes of others.
    one = bool(platform) or _is_for_one(loaded) or (form == "kubernetes" and not image)
    made = make(_source(loaded, folder, image, loaded.build.platform if one else ""))
    if check:
        _report(made, folder, differences(made, folder), form, json)
        return
    write_form(admit_export(loaded, asker(), note), made, folder, force, where.root())
    for text in made.notes:
        note(text)
    if json:
        print_json({"form": form, "folder": str(folder), **as_document(made)})
        return
    note(f"wrote {folder / made.main}")
    note(f"next: {made.next.format(folder=_shown(folder))}")


def _loaded(where: Where, form: str, platform: str | None, stage: str | None) -> Loaded:
    from robenv.plan.image.run_image import deploy_purpose

    purpose = stage or "dev"
    loaded = where.load_each(own_platform(), (platform,), shared=True, stage=purpose)[0]
    if form == "kubernetes" and stage is None and (wanted := deploy_purpose(loaded.resolved.profile)) != purpose:
        loaded = where.load_each(own_platform(), (platform,), shared=True, stage=wanted)[0]
    return loaded


def _source(loaded: Loaded, folder: Path, image: str, platform: str) -> Source:
    from robenv.export.forms import Source

    return Source(
        loaded.resolved,
        loaded.build,
        loaded.content_hash,
        folder=str(folder),
        home=home_folder(),
        image=image,
        registry_name=_pushed(loaded),
        platform=platform,
    )


def _pushed(loaded: Loaded) -> str:
    from robenv.project.image.image import project_image

    registry = loaded.resolved.profile.registry
    return project_image(loaded).pushed(registry) if registry else ""


def _is_for_one(loaded: Loaded) -> bool:
    """Whether the image would be another one elsewhere, by more than what the distribution builds for each."""
    resolved = loaded.resolved
    return bool(resolved.variants or resolved.pins.images or len(resolved.profile.platforms) == 1)


def _report(made: Form, folder: Path, differing: list[str], form: str, json: bool) -> None:
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
