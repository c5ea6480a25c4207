"""`robenv trust`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from robenv.cli.ask import approval_prompt
from robenv.cli.common import (
    JsonOption,
    PlatformOption,
    ProjectOptions,
    local_platform,
    note,
    open_engine,
    print_json,
    table,
)
from robenv.cli.help import Command
from robenv.errors import EngineUnreachable, NotApproved, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from robenv.engine.protocol import Engine
    from robenv.project.trust.judge import AccessClaim


def _claims(engine: Engine | None, where: ProjectOptions, platform: str | None) -> tuple[AccessClaim, ...]:
    from robenv.project.facts import facts_for
    from robenv.project.trust.judge import claims_of
    from robenv.project.trust.repos import repos_claims

    planned = where.load(local_platform() if engine is None else engine.info().platform, platform)
    facts = facts_for(engine, planned)
    found = claims_of(planned, facts, planned.container(facts, planned.grant(facts)))
    return (*found, *repos_claims(planned.resolved))


def _claims_here(where: ProjectOptions, platform: str | None = None) -> tuple[AccessClaim, ...]:
    from robenv.cli.robot import read_robots
    from robenv.deploy.inventory_trust import inventory_claims

    of_robots = inventory_claims(*read_robots(where))
    try:
        with open_engine() as engine:
            return (*_claims(engine, where, platform), *of_robots)
    except EngineUnreachable as error:
        note(f"{error}; looked at without an engine")
        return (*_claims(None, where, platform), *of_robots)


def _claims_on(where: ProjectOptions, robot: str) -> tuple[AccessClaim, ...]:
    """What the project's release takes of a robot."""
    from robenv.cli.robot import open_robot
    from robenv.deploy.robot_info import read_robot
    from robenv.project.gate import claims_on_robot

    with open_robot(where, robot) as connection:
        planned = where.load_for_robots(connection.engine.info().platform, None)
        return claims_on_robot(planned, read_robot(connection, planned).facts)


def _list(json: bool) -> None:
    from robenv.project.trust.approvals import approvals

    found = approvals()
    if json:
        print_json([one.to_json() for one in found])
        return
    if not found:
        note("nothing is allowed to anybody else's profile")
        return
    rows = [(one.since, one.source, one.powers[0]) for one in found]
    more = [[("", "", power) for power in one.powers[1:]] for one in found]
    lines = [line for row, rest in zip(rows, more, strict=True) for line in (row, *rest)]
    typer.echo(table(("SINCE", "PROFILE", "TAKES OVER THE HOST"), lines))


def _revoke(where: ProjectOptions, profile: str) -> None:
    from robenv.project.trust.approvals import approvals, revoke

    if profile:
        known = {approval.source: None for approval in approvals()}
        named = [source for source in known if profile in (source, source.rpartition(" (")[0])]
    else:
        named = [claim.source for claim in _claims_here(where)]
    count = sum(revoke(source) for source in named)
    if not count and profile:
        raise UsageError(
            f"nothing is allowed to `{profile}`", hint="`robenv trust --list` shows what is allowed to whom"
        )
    note("nothing was allowed here" if not count else f"taken back; what runs goes on until `robenv down` ({count})")


def _show(claims: Sequence[AccessClaim], yes: bool) -> None:
    from robenv.project.gate import require_trust
    from robenv.project.trust.judge import claims_text, not_approved

    asking = [claim for claim in claims if claim.powers]
    if not asking:
        note(
            "nothing here takes over this machine that is not yours"
            if not claims
            else "what is not yours here takes nothing of this machine: there is nothing to allow"
        )
        return
    missing = not_approved(asking)
    if not missing:
        typer.echo(claims_text(asking))
        note("this is allowed already; `robenv trust --revoke` takes it back")
        return
    ask = approval_prompt()
    if not yes and ask is None:
        typer.echo(claims_text(missing))
        raise NotApproved(
            "there is no terminal to approve this on", hint="`robenv trust --yes` allows what is listed here"
        )
    if yes:
        typer.echo(claims_text(missing))
    require_trust(asking, (lambda _: True) if yes else ask)
    note("allowed; `robenv trust --revoke` takes it back")


def trust(
    context: typer.Context,
    profile: Annotated[str, typer.Argument(metavar="[PROFILE]", help="With --revoke: of which profile")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Allow what is listed, without asking")] = False,
    list_all: Annotated[bool, typer.Option("--list", "-l", help="What is allowed to whom, in all projects")] = False,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take back what was allowed here, or to PROFILE")] = False,
    robot: Annotated[
        str, typer.Option("--robot", "-r", metavar="ROBOT", help="What a deploy takes of this robot, instead")
    ] = "",
    platform: PlatformOption = None,
    json: JsonOption = False,
) -> None:
    """Shows the powers over this machine that profiles take which are not yours, and allows them after asking.

    Not yours is what comes from git, and a file that belongs to another user of this machine."""
    if list_all + revoke + yes > 1 or (profile and not revoke):
        raise UsageError("these options do not go together", hint="`robenv trust --help` shows them")
    where: ProjectOptions = context.obj
    if list_all:
        _list(json)
    elif revoke:
        _revoke(where, profile)
    else:
        claims = _claims_on(where, robot) if robot else _claims_here(where, platform)
        if json and not yes:
            _print(claims)
        else:
            _show(claims, yes)


def _print(claims: Sequence[AccessClaim]) -> None:
    from robenv.project.trust.judge import not_approved

    missing = not_approved(claims)
    print_json([{**claim.to_json(), "allowed": claim not in missing} for claim in claims])


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(trust)
