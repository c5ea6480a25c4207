"""`robenv doctor`"""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from robenv.cli.common import JsonOption, confirm, note, print_json
from robenv.cli.errors import paint

if TYPE_CHECKING:
    from robenv.doctor.check import Finding

_MARKS = {"ok": ("ok     ", "32"), "warning": ("warning", "33"), "failure": ("failure", "31")}


def _examine() -> list[Finding]:
    import os

    from robenv.doctor.check import Patient, examine
    from robenv.engine.docker_py import connect
    from robenv.errors import EngineUnreachable

    try:
        engine = connect(os.environ)
        return examine(Patient(engine, engine.info(), None))
    except EngineUnreachable as error:
        return examine(Patient(None, None, error))


def _mend(findings: list[Finding], yes: bool) -> None:
    for finding in findings:
        if not finding.fix or finding.status == "ok":
            continue
        if not finding.safe:
            note(f"{finding.check}: for you to run: {finding.fix}")
        elif yes or confirm(f"{finding.check}: run `{finding.fix}`?"):
            words = shlex.split(finding.fix)
            subprocess.run(words, check=False, stdout=sys.stderr)
        else:
            note(f"{finding.check}: left as it is")


def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="Run the safe ones of the commands that mend, after asking")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --fix: do not ask")] = False,
    json: JsonOption = False,
) -> None:
    """Checks the engine and this machine. Exit code 6 if something fails that robenv cannot work without."""
    findings = _examine()
    if fix and any(finding.fix for finding in findings):
        _mend(findings, yes)
        findings = _examine()
    if json:
        print_json([finding.to_json() for finding in findings])
    else:
        for finding in findings:
            mark, colour = _MARKS[finding.status]
            typer.echo(f"{paint(mark, colour)}  {finding.check}: {finding.message}")
            if finding.fix:
                typer.echo(f"           {finding.fix}")
    if any(finding.status == "failure" for finding in findings):
        raise typer.Exit(6)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, short_help=text)(doctor)
