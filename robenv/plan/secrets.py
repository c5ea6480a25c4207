"""What a build step borrows of the machine that builds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from robenv.profile.schema_secrets import StepSecret as StepSecretSection


@dataclass(frozen=True)
class StepSecret:
    """A file that is there while a step runs. ``name``: under which the builder asks for it."""

    name: str
    target: str
    mode: str


def step_secrets(secrets: Iterable[StepSecretSection], run_as: str = "root") -> tuple[StepSecret, ...]:
    """Those of a step. The user's have to be readable for all: that user's number is the image's own affair, and nobody
    else is there while the step runs."""
    usual = "0444" if run_as == "user" else "0400"
    return tuple(
        StepSecret(one.source, one.target or f"/run/secrets/{one.source}", one.mode or usual) for one in secrets
    )
