"""`robenv doctor`"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robenv.cli.common import JsonOption, ProjectOptions, confirm, local_platform, note, open_engine, print_json
from robenv.cli.errors import hanging_indent
from robenv.cli.help import Command
from robenv.cli.output import paint
from robenv.errors import EngineUnreachable, OperationFailed, RobenvError, UsageError
from robenv.paths import cache_folder

if TYPE_CHECKING:
    from robenv.doctor.check import Finding
    from robenv.project.planned import PlannedProject

_MARKS = {"ok": ("ok     ", "32"), "warning": ("warning", "33"), "failure": ("failure", "31")}
_FAILED = 1
_LACKS = 6


def _examine(where: ProjectOptions) -> list[Finding]:
    from robenv.doctor.check import CheckContext
    from robenv.doctor.examine import examine

    try:
        with open_engine() as engine:
            info = engine.info()
            project, findings = _project(where, info.platform)
            findings = examine(CheckContext(engine, info, None, project)) + findings
    except EngineUnreachable as error:
        project, findings = _project(where, local_platform())
        findings = examine(CheckContext(None, None, error, project)) + findings
    return [replace(finding, fix=_for_this_user(finding.fix)) for finding in findings]


def _project(where: ProjectOptions, platform: str) -> tuple[PlannedProject | None, list[Finding]]:
    """The project here, planned; none outside of one. A profile that cannot be used is a finding, and ends nothing."""
    from robenv.doctor.check import Finding

    try:
        where.root()
    except UsageError:
        return None, []
    try:
        return where.load(platform, quiet=True), []
    except RobenvError as error:
        return None, [Finding("profile", "failure", str(error), "robenv validate")]


def _for_this_user(command: str) -> str:
    """Root needs no sudo, and often has none."""
    return command.removeprefix("sudo ") if os.geteuid() == 0 else command


def _mend(findings: list[Finding], yes: bool) -> list[bool]:
    """Runs what may be run; for each command that was, whether it succeeded."""
    done = []
    for finding in findings:
        if not finding.fix or finding.status == "ok":
            continue
        if not finding.safe:
            note(f"{finding.check}: for you to run: {finding.fix}")
        elif yes or confirm(f"{finding.check}: run `{finding.fix}`?"):
            done.append(_run(finding))
        elif sys.stdin.isatty():
            note(f"{finding.check}: left as it is")
        else:
            note(f"{finding.check}: left as it is, for nobody is here to ask; with --yes: {finding.fix}")
    return done


def _run(finding: Finding) -> bool:
    words = shlex.split(finding.fix)
    note(f"{finding.check}: running {finding.fix}")
    try:
        # Output goes where all progress goes: stdout is for what doctor was asked for.
        code = subprocess.run(words, check=False, stdout=sys.stderr.fileno()).returncode
    except OSError as error:
        note(f"{finding.check}: not mended: {words[0]} cannot be run ({error.strerror}); this mends it: {finding.fix}")
        return False
    if code:
        note(f"{finding.check}: not mended: `{finding.fix}` ended with exit code {code}")
    return code == 0


def doctor(
    context: typer.Context,
    fix: Annotated[
        bool, typer.Option("--fix", help="Run the safe ones of the commands that mend, after asking")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --fix: do not ask")] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Write an archive for a bug report: versions, plan, log; no secrets")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Checks the engine and this machine. Exit code 6 if something fails that robenv cannot work without, 1 if a
    command of --fix does."""
    if yes and not fix:
        raise UsageError("--yes is for --fix", hint="`robenv doctor --fix --yes`")
    where: ProjectOptions = context.obj
    findings = _examine(where)
    if report:
        _report(where, findings)
        return
    mended = _mend(findings, yes) if fix else []
    if mended:
        findings = _examine(where)
    if json:
        print_json([finding.to_json() for finding in findings])
    else:
        _print(findings)
    if any(finding.status == "failure" for finding in findings):
        raise typer.Exit(_LACKS)
    if not all(mended):
        raise typer.Exit(_FAILED)


def _report(where: ProjectOptions, findings: list[Finding]) -> None:
    from robenv.doctor.report import report_files, write_report
    from robenv.project.preview import preview_up

    info = plan = None
    try:
        with open_engine() as engine:
            info = engine.info()
            planned, _ = _project(where, info.platform)
            plan = preview_up(engine, planned).to_json() if planned is not None else None
    except RobenvError as error:
        note(f"the report has no plan: {error.message}")
    files = report_files(findings, info, plan, Path(cache_folder(), "logs"))
    path = Path(time.strftime("robenv-report-%Y%m%d-%H%M%S.tar.gz"))
    try:
        write_report(path, files)
    except OSError as error:
        raise OperationFailed(f"cannot write {path.absolute()}: {error.strerror}") from error
    note(f"wrote {path} with {', '.join(files)}; look into it before you send it")


def _print(findings: list[Finding]) -> None:
    for finding in findings:
        mark, colour = _MARKS[finding.status]
        typer.echo(f"{paint(mark, colour, sys.stdout)}  {finding.check}: {hanging_indent(finding.message)}")
        if finding.fix:
            typer.echo(f"           {finding.fix}")


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(doctor)
