"""`robenv profiles`"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robenv.cli import complete
from robenv.cli.common import JsonOption, ProjectOptions, print_json, table
from robenv.cli.help import Command
from robenv.errors import UsageError
from robenv.util.sanitize import safe

if TYPE_CHECKING:
    from robenv.catalog.releases import DistroRelease
    from robenv.profile.resolve.summary import Summary


def _list(json: bool, arch: str | None, ubuntu: str | None, supported: bool, word: str) -> None:
    from datetime import date

    from robenv.catalog.platforms import normalize
    from robenv.cli.profiles_table import lines, terminal_width
    from robenv.profile.resolve.catalog_overrides import sound_corrections
    from robenv.profile.resolve.summary import summaries

    month = f"{date.today():%Y-%m}"
    corrected = sound_corrections(os.environ)
    found = list(summaries(corrected))
    if arch is not None:
        platform = normalize(arch)
        found = [one for one in found if one.runs_on(platform)]
    if ubuntu is not None:
        release = _release(ubuntu)
        found = [one for one in found if one.is_for(release)]
    if supported:
        found = [one for one in found if not one.ended(month)]
    if word:
        found = _having(found, word)
    if json:
        print_json([one.as_json(month) for one in found])
        return
    typer.echo("\n".join(lines(found, month, terminal_width(), safe(str(corrected.file or "")))).lstrip("\n"))


def _having(every: list[Summary], word: str) -> list[Summary]:
    """Those with ``word`` in their name, else in their description. Raises UsageError where there is none."""
    wanted = word.lower()
    found = [one for one in every if wanted in one.name] or [one for one in every if wanted in one.description.lower()]
    if not found:
        from robenv.profile.yaml.parse_error import did_you_mean

        hint = did_you_mean(word, [one.name for one in every]) or "`robenv profiles` lists all of them"
        raise UsageError(f"no profile has `{word}` in its name or description", hint=hint)
    return found


def _release(name: str) -> DistroRelease:
    from robenv.catalog.releases import RELEASES, find_release

    found = find_release(name.lower())
    if found is None:
        known = ", ".join(f"{release.version} ({release.suite})" for release in RELEASES)
        raise UsageError(f"robenv knows no release `{name}` of Ubuntu or Debian", hint=f"it knows {known}")
    return found


def _one_line(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    first, _, rest = text.partition("\n")
    return first + (" …" if rest else "")


def _show(context: typer.Context, name: str, json: bool) -> None:
    from robenv.profile.resolve.catalog_overrides import sound_corrections
    from robenv.profile.resolve.provenance import provenance
    from robenv.profile.resolve.resolve import resolve_builtin

    where: ProjectOptions = context.obj
    if name == ".":
        resolved = where.resolve(quiet=True).resolved
    else:
        resolved = resolve_builtin(name, sound_corrections(os.environ))
    rows = list(provenance(resolved))
    if json:
        values = [
            {"path": path, "value": value, "profile": level, "location": str(location) if location else None}
            for path, value, location, level in rows
        ]
        print_json({"levels": [level.name for level in resolved.levels], "values": values})
        return
    typer.echo("levels: " + " ← ".join(level.name for level in reversed(resolved.levels)))
    cells = [(path, _one_line(value), str(location or level)) for path, value, location, level in rows]
    typer.echo(table(("KEY", "VALUE", "FROM"), cells))


def profiles(
    context: typer.Context,
    action: Annotated[
        str, typer.Argument(metavar="list|show|WORD", autocompletion=complete.profile_words, help="WORD: those with it")
    ] = "list",
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="show: a built-in profile, or . for this project", autocompletion=complete.profiles
        ),
    ] = "",
    arch: Annotated[
        str | None, typer.Option("--arch", metavar="ARCH", help="list: those for it, such as arm64")
    ] = None,
    ubuntu: Annotated[
        str | None, typer.Option("--ubuntu", metavar="RELEASE", help="list: those on 24.04 or noble; Debian's too")
    ] = None,
    supported: Annotated[bool, typer.Option("--supported", help="list: without those whose support has ended")] = False,
    json: JsonOption = False,
) -> None:
    """List the built-in profiles, or those that have a word in their name or description; `show NAME` prints one
    resolved, with the place that each value came from."""
    if action == "show":
        _show(context, name or ".", json)
    else:
        _list(json, arch, ubuntu, supported, name if action == "list" else action)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(profiles)
