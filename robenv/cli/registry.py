"""What `push` and `pull` share: which registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from robenv.errors import UsageError

if TYPE_CHECKING:
    from robenv.project.planned import PlannedProject

RegistryOption = Annotated[
    str | None, typer.Option("--registry", metavar="HOST/PATH", help="Instead of the profile's `registry`")
]


def registry_for(planned: PlannedProject, asked: str | None) -> str:
    """The one asked for, else the profile's. Raises UsageError."""
    from robenv.profile.schema.names import registry_prefix
    from robenv.profile.yaml.parse_error import BadValue

    if asked is not None:
        try:
            return registry_prefix(asked)
        except BadValue as error:
            raise UsageError(error.message, hint=error.hint) from None
    registry = planned.resolved.profile.registry
    if not registry:
        raise UsageError(
            "this project names no registry",
            hint="write `registry: HOST/PATH` into robenv.yaml, such as registry.example.org/team, or give --registry",
        )
    return registry
