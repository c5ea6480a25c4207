"""`robenv init`"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robenv.cli.common import Where, note, print_json
from robenv.cli.complete import targets
from robenv.cli.help import Command
from robenv.errors import UsageError
from robenv.profile.excerpt import safe

if TYPE_CHECKING:
    from robenv.environment.detect import Hint
    from robenv.environment.propose import Proposal


def _looked_at(folder: Path) -> Proposal:
    from robenv.environment.propose import propose, read_folder, read_machine
    from robenv.host.reader import LocalHost
    from robenv.profile.corrections import sound_corrections
    from robenv.profile.summary import find_summary

    corrected = sound_corrections(os.environ)
    find = cache(partial(find_summary, corrected=corrected))
    return propose(read_folder(folder), read_machine(LocalHost()), find, corrected.jetpacks)


def _proposed(folder: Path) -> Proposal:
    from robenv.profile.resolve import list_builtin

    found = _looked_at(folder)
    stands = found.extends or f"the image {found.image}"
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        note(f"no profile was named, and nobody is here to ask: taking {stands} ({safe(found.why)})")
        return found
    typer.echo(f"This folder: {stands} ({safe(found.why)})")
    for hint in (*found.taken, *found.asked, *found.notes):
        typer.echo(f"  {hint.kind:<24}{safe(hint.value)}  ({safe(hint.source)})")
    chosen = str(typer.prompt("Profile (`?` lists them)", default=found.profile or found.image))
    while chosen == "?":
        for profile in list_builtin():
            typer.echo(f"  {profile.name:<24} {profile.description}")
        chosen = str(typer.prompt("Profile", default=found.profile or found.image))
    found = _allowed(found)
    return (
        found if chosen in (found.profile, found.image) else replace(found, profile=chosen, image="", why="", added=())
    )


def _allowed(found: Proposal) -> Proposal:
    """What the folder asks of the host is taken only where the user says so."""
    from robenv.environment.template import left_out

    asked = left_out(found)
    if asked and typer.confirm(f"Its files ask for what this machine has: {_named(asked)}. Allow that?", default=False):
        return replace(found, taken=(*found.taken, *asked), asked=())
    return found


def _named(hints: list[Hint]) -> str:
    from robenv.environment.detect import given_by

    return ", ".join(f"{hint.kind}: {safe(hint.value)} ({given_by(hint)})" for hint in hints)


def _check(profile: str) -> None:
    from robenv.profile.badvalue import BadValue
    from robenv.profile.corrections import sound_corrections
    from robenv.profile.sources import find_builtin

    try:
        find_builtin(profile, jetpacks=sound_corrections(os.environ).jetpacks)
    except BadValue as error:
        raise UsageError(error.message, hint=error.hint) from error


def init(
    context: typer.Context,
    profile: Annotated[
        str, typer.Argument(metavar="[PROFILE]", help="`robenv profiles` lists them", autocompletion=targets)
    ] = "",
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The project's name; default: the folder's")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a robenv.yaml that is there")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Only say what would be proposed, and why; write nothing")
    ] = False,
) -> None:
    """Writes a commented robenv.yaml for a target; without PROFILE for what this folder and this machine suggest:
    package.xml, .repos, a Dockerfile, a devcontainer.json, rocker and DUA are looked at."""
    from robenv.environment.propose import Proposal
    from robenv.environment.template import checked_name, left_out, project_name, proposed_file
    from robenv.paths import write_atomically

    where: Where = context.obj
    if json:
        print_json(asdict(_looked_at(where.directory)))
        return
    named = project_name(where.directory) if name is None else checked_name(name)
    target = where.directory / (where.file or "robenv.yaml")
    if os.path.lexists(target) and not force:
        raise UsageError(f"{target} is there already", hint="--force replaces it")
    chosen = Proposal(profile, "", "") if profile else _proposed(where.directory)
    if chosen.profile:
        _check(chosen.profile)
    write_atomically(str(target), proposed_file(named, chosen).encode())
    if asked := left_out(chosen):
        note(f"left in comments, for you to allow: {_named(asked)}")
    note(f"wrote {target}; `robenv up` builds it and opens a shell")


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(init)
