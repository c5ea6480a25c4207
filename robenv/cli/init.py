"""`robenv init`"""

from __future__ import annotations

import difflib
import sys
from typing import Annotated

import typer

from robenv.cli.common import Where, note
from robenv.errors import UsageError

_DEFAULT = "ros/debian-bookworm"


def _choose() -> str:
    from robenv.profile.resolve import list_builtin

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        note(f"no profile was named, and nobody is here to ask: taking {_DEFAULT}")
        return _DEFAULT
    for profile in list_builtin():
        typer.echo(f"  {profile.name:<24} {profile.description}")
    return str(typer.prompt("Profile", default=_DEFAULT))


def _check(profile: str) -> None:
    from robenv.profile.resolve import list_builtin

    names = [known.name for known in list_builtin()]
    if profile not in names:
        close = difflib.get_close_matches(profile, names, n=1, cutoff=0.4)
        meant = f"did you mean `{close[0]}`? " if close else ""
        raise UsageError(f"there is no profile `{profile}`", hint=f"{meant}`robenv profiles` lists them")


def init(
    context: typer.Context,
    profile: Annotated[str, typer.Argument(metavar="[PROFILE]", help="`robenv profiles` lists them")] = "",
    name: Annotated[str | None, typer.Option("--name", help="The project's name; default: the folder's")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a robenv.yaml that is there")] = False,
) -> None:
    """Writes a commented robenv.yaml for a target."""
    from robenv.environment.template import checked_name, project_file, project_name
    from robenv.paths import write_atomically

    where: Where = context.obj
    named = project_name(where.directory) if name is None else checked_name(name)
    target = where.directory / (where.file or "robenv.yaml")
    if target.exists() and not force:
        raise UsageError(f"{target} is there already", hint="--force replaces it")
    chosen = profile or _choose()
    _check(chosen)
    write_atomically(str(target), project_file(named, chosen).encode())
    note(f"wrote {target}; `robenv up` builds it and opens a shell")


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, short_help=text)(init)
