"""A project whose files belong to several owners, and what is asked of its user."""

from __future__ import annotations

import os
from pathlib import Path

from robenv.host.facts import Facts
from robenv.profile.chain.extends import ProfileSource
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.profile.yaml.nodes import SourceFile
from robenv.project.planned import PlannedProject, plan_project
from robenv.project.trust.judge import AccessClaim, claims_of

FACTS = Facts(uid=1234, gid=100, user_name="jane", platform="linux/amd64")
STRANGER, OTHER = 4321, 4322


class Chain:
    """A project and files around it; those of others belong to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "picker"
        self.project.mkdir()

    def write(self, path: str, text: str, uid: int | None = None) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        if uid is not None:
            os.chown(file, uid, uid)
        return file

    def main(self, text: str, uid: int | None = None) -> None:
        self.write("picker/robenv.yaml", f"name: picker\nbase: {{image: debian:bookworm}}\n{text}", uid)

    def planned(self) -> PlannedProject:
        return plan_project(resolve_project(find_project(self.project), {}, self.remote), "linux/amd64")

    def remote(self, reference: str, source: SourceFile) -> ProfileSource:
        name = reference.removeprefix("git+https://")
        return ProfileSource(self.folder / "git" / f"{name}.yaml", "git", reference, self.folder / "git")

    def claims(self) -> tuple[AccessClaim, ...]:
        planned = self.planned()
        return claims_of(planned, FACTS, planned.container(FACTS, planned.grant(FACTS)))

    def asked(self) -> dict[str, list[str]]:
        return {claim.name: list(claim.powers) for claim in self.claims()}
