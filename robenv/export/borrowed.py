"""What steps of an image borrow, for those that build it without robenv."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from robenv.export.words import Words
from robenv.plan.values import BuildPlan

if TYPE_CHECKING:
    from robenv.profile.schema_secrets import Secret


@dataclass(frozen=True)
class Borrowed:
    """``secrets``: those that steps read, by name. ``ssh``: whether a step asks an agent."""

    secrets: Mapping[str, Secret]
    ssh: bool

    def in_compose(self, words: Words) -> tuple[dict[str, Any], dict[str, Any]]:
        """Of the service's ``build``, and of the whole file."""
        build: dict[str, Any] = {"secrets": list(self.secrets)} if self.secrets else {}
        if self.ssh:
            build["ssh"] = ["default"]
        listed = {
            name: {"file": words.path(one.file)} if one.file else {"environment": one.environment}
            for name, one in self.secrets.items()
        }
        return build, {"secrets": listed} if listed else {}

    def options(self, words: Words) -> list[str]:
        """Of `docker build`."""
        found = [
            f"--secret=id={name}," + (f"src={words.path(one.file)}" if one.file else f"env={one.environment}")
            for name, one in self.secrets.items()
        ]
        return [*found, *(["--ssh=default"] if self.ssh else [])]


def borrowed_by(build: BuildPlan, secrets: Mapping[str, Secret]) -> Borrowed:
    steps = [step for stage in build.stages for group in stage.groups for step in group.steps]
    names = dict.fromkeys(one.name for step in steps for one in step.secrets)
    return Borrowed({name: secrets[name] for name in names}, any(step.ssh for step in steps))
