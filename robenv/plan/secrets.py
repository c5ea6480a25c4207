"""What a build borrows of the machine that builds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from robenv.errors import Location
    from robenv.plan.models import BuildPlan, Group, Stage
    from robenv.profile.schema.secrets import StepSecret as StepSecretSection


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
        StepSecret(secret.source, secret.target or f"/run/secrets/{secret.source}", secret.mode or usual)
        for secret in secrets
    )


def login_secret(name: str) -> StepSecret | None:
    """A secret by which something is logged into; None without a name."""
    return StepSecret(name, f"/run/secrets/{name}", "0400") if name else None


@dataclass(frozen=True)
class SecretUser:
    """What in a build reads secrets, or asks the builder's ssh agent. ``name``: for people."""

    name: str
    location: Location | None
    secrets: tuple[StepSecret, ...] = ()
    ssh: bool = False


def borrowers(build: BuildPlan) -> tuple[SecretUser, ...]:
    """All that borrow something, in the order in which they run."""
    found = (one for stage in build.stages for group in stage.groups for one in _of_group(stage, group))
    return tuple(one for one in found if one.secrets or one.ssh)


def _of_group(stage: Stage, group: Group) -> Iterator[SecretUser]:
    if stage.apt_login:
        place = group.packages_location or (group.repositories[0].location if group.repositories else None)
        yield SecretUser(f"apt for {group.profile}", place, (stage.apt_login,))
    for install in group.pip_installs:
        if install.login:
            yield SecretUser(f"pip for {group.profile}", install.location, (install.login,))
    for step in group.steps:
        yield SecretUser(f"the step {step.name}", step.location, step.secrets, step.ssh)
