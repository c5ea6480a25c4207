"""What the build of an image borrows, for those that build it without robenv."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from robenv.export.words import Wording
from robenv.plan.models import BuildPlan
from robenv.plan.secrets import borrowers

if TYPE_CHECKING:
    from robenv.profile.schema.secrets import Secret


@dataclass(frozen=True)
class ExportedSecrets:
    """``secrets``: those that are read, by name. ``ssh``: whether a step asks an agent."""

    secrets: Mapping[str, Secret]
    ssh: bool

    def in_compose(self, words: Wording) -> tuple[dict[str, Any], dict[str, Any]]:
        """Of the service's ``build``, and of the whole file."""
        build: dict[str, Any] = {"secrets": list(self.secrets)} if self.secrets else {}
        if self.ssh:
            build["ssh"] = ["default"]
        listed = {
            name: {"file": words.path(one.file)} if one.file else {"environment": one.environment}
            for name, one in self.secrets.items()
        }
        return build, {"secrets": listed} if listed else {}

    def options(self, words: Wording) -> list[str]:
        """Of `docker build`."""
        found = [
            f"--secret=id={name}," + (f"src={words.path(one.file)}" if one.file else f"env={one.environment}")
            for name, one in self.secrets.items()
        ]
        return [*found, *(["--ssh=default"] if self.ssh else [])]


def exported_secrets(build: BuildPlan, secrets: Mapping[str, Secret]) -> ExportedSecrets:
    found = borrowers(build)
    names = dict.fromkeys(secret.name for borrower in found for secret in borrower.secrets)
    return ExportedSecrets({name: secrets[name] for name in names}, any(one.ssh for one in found))
