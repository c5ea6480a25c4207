"""`robenv init`"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robenv.cli.common import ProjectOptions, note, print_json
from robenv.cli.complete import targets
from robenv.cli.help import Command
from robenv.errors import UsageError
from robenv.util.sanitize import safe

if TYPE_CHECKING:
    from robenv.project.init.propose import Proposal


def _looked_at(folder: Path, source: str) -> Proposal:
    from robenv.host.host import LocalHost
    from robenv.profile.resolve.catalog_overrides import sound_corrections
    from robenv.profile.resolve.summary import find_summary
    from robenv.project.init.folder import read_folder
    from robenv.project.init.lacking import lacking_on_debian
    from robenv.project.init.machine import read_machine
    from robenv.project.init.propose import propose

    corrected = sound_corrections(os.environ)
    find = cache(partial(find_summary, corrected=corrected))
    found = propose(read_folder(folder), read_machine(LocalHost()), find, corrected.jetpacks, source)
    return replace(found, notes=(*lacking_on_debian(folder, found.profile), *found.notes))


def _proposed(folder: Path, source: str) -> Proposal:
    found = _looked_at(folder, source)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        note(f"not a terminal, so taking {safe(found.stand)} ({safe(found.why)})")
        return found
    from robenv.project.init.brief import brief

    for line in brief(found, _width()):
        typer.echo(line)
    chosen = _asked(found)
    found = _allowed(found)
    same = chosen in (found.profile, found.image)
    return found if same else replace(found, profile=chosen, image="", why="", added=())


def _asked(found: Proposal) -> str:
    """The profile that the user names; asked again until there is one of that name."""
    from robenv.profile.chain.builtin import list_builtin
    from robenv.project.init.brief import targets as all_targets

    default = found.profile or found.image
    while True:
        said = str(typer.prompt("Profile (Enter takes it, `?` lists all)", default=default)).strip()
        if said == default:
            return said
        if said == "?":
            for line in all_targets(list_builtin(), _width()):
                typer.echo(line)
            continue
        named = next((name for name in (said, f"ros/{said}") if _is_known(name)), "")
        if named:
            return named
        try:
            _check(said)
        except UsageError as error:
            said = f"{safe(error.message)}: {safe(error.hint)}"
            typer.echo("\n".join(textwrap.wrap(said, _width(), break_on_hyphens=False)))
        else:
            return said


def _width() -> int:
    return max(40, min(shutil.get_terminal_size((80, 24)).columns, 120))


def _is_known(profile: str) -> bool:
    from robenv.profile.chain.extends import builtin_names

    return profile in builtin_names()


def _allowed(found: Proposal) -> Proposal:
    """What the folder asks of the host is taken only where the user says so."""
    from robenv.project.init.brief import asked_in_words
    from robenv.project.init.write import left_out

    asked = left_out(found)
    if asked:
        question = f"Its files ask for access to this machine: {asked_in_words(found)}. Allow that?"
        if typer.confirm(question, default=False):
            return replace(found, taken=(*found.taken, *asked), asked=())
    return found


def _check(profile: str) -> None:
    from robenv.profile.chain.extends import find_builtin
    from robenv.profile.resolve.catalog_overrides import sound_corrections
    from robenv.profile.yaml.parse_error import BadValue

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
    source: Annotated[
        str, typer.Option("--from", metavar="FILE", help="Take the environment from this file of the folder")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a robenv.yaml that is there")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the proposal and its reasons; write nothing")] = False,
) -> None:
    """Write a commented robenv.yaml for a target; without PROFILE for what this folder and this machine suggest.

    Looks at devcontainer.json, Compose files, Dockerfiles, docker run and rocker lines, package.xml, .repos and
    requirements.txt. What it cannot convert is listed in the file, with its line."""
    from robenv.paths import write_atomically
    from robenv.project.init.brief import asked_in_words
    from robenv.project.init.propose import Proposal
    from robenv.project.init.write import checked_name, left_out, project_name, proposed_file

    where: ProjectOptions = context.obj
    if profile and source:
        raise UsageError("PROFILE and `--from` exclude each other", hint="`--from FILE` proposes a profile by itself")
    if json:
        print_json(asdict(_looked_at(where.directory, source)))
        return
    named = project_name(where.directory) if name is None else checked_name(name)
    target = where.directory / (where.file or "robenv.yaml")
    if os.path.lexists(target) and not force:
        raise UsageError(f"{target} already exists", hint="--force replaces it")
    chosen = Proposal(profile, "", "") if profile else _proposed(where.directory, source)
    if chosen.profile:
        _check(chosen.profile)
    write_atomically(str(target), proposed_file(named, chosen).encode())
    if left_out(chosen):
        note(f"left in comments, for you to allow: {asked_in_words(chosen)}")
    _tell_notes(chosen)
    note(f"wrote {target}; `robenv up` builds it and opens a shell")


def _tell_notes(chosen: Proposal) -> None:
    """The first of what is not converted, and how much more the file lists."""
    from robenv.project.init.lacking import LACKING
    from robenv.project.init.readers.sources import UNUSED

    for one in chosen.notes:
        if one.value.startswith(LACKING):
            note(f"{safe(one.value)}")
    others = [one for one in chosen.notes if one.value != UNUSED and not one.value.startswith(LACKING)]
    if others:
        things = "1 thing" if len(others) == 1 else f"{len(others)} things"
        note(f"{things} not converted; the end of the file lists each with its file and line")
    unused = [one for one in chosen.notes if one.value == UNUSED]
    if unused:
        note(f"{len(unused)} other description(s) of an environment not used; `--from FILE` takes one of them")


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(init)
