"""Asks on the terminal whether what a profile takes of the host is allowed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from robenv.project.trust.judge import AccessClaim, Ask


def approval_prompt() -> Ask | None:
    """Shows claims on the terminal and asks; None where nobody is there to answer."""
    return _ask if sys.stdin.isatty() and sys.stderr.isatty() else None


def _ask(claims: Sequence[AccessClaim]) -> bool:
    from robenv.project.trust.judge import claims_text

    print(claims_text(claims), file=sys.stderr)
    try:
        return typer.confirm("Allow this?", err=True)
    except typer.Abort:
        print(file=sys.stderr)
        return False
