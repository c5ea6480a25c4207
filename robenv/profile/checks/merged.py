"""What the checks look at: the whole, merged profile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from robenv.errors import Problem
from robenv.profile.schema.build import BuildSection
from robenv.profile.schema.profile import Profile
from robenv.profile.yaml.nodes import Mapping, Path_, nearest, problem_at


@dataclass(frozen=True)
class MergedProfile:
    """The merged profile with its nodes. ``is_project``: it must be whole enough to be built."""

    root: Mapping
    profile: Profile
    is_project: bool

    def problem(self, path: Path_, message: str, hint: str = "") -> Problem:
        return problem_at(nearest(self.root, path), message, hint)

    def sections(self) -> Iterator[tuple[Path_, BuildSection]]:
        return self.profile.sections()
