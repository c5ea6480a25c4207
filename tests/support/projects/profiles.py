"""A project's folder in which a test writes files and then resolves them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from robenv.errors import Problem, ProfileError
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.profile.resolve.resolved import Resolved

BASE = "base: {image: ubuntu:24.04}\n"


class Project:
    """A project's folder in which a test writes files and then resolves them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def resolve(self, text: str | bytes | None = None, environ: Mapping[str, str] | None = None) -> Resolved:
        if text is not None:
            self.write("robenv.yaml", text)
        return resolve_project(find_project(self.root), environ or {})

    def problems(
        self, text: str | bytes | None = None, environ: Mapping[str, str] | None = None
    ) -> tuple[Problem, ...]:
        with pytest.raises(ProfileError) as caught:
            self.resolve(text, environ)
        return caught.value.problems

    def problem(self, text: str | bytes | None = None, environ: Mapping[str, str] | None = None) -> Problem:
        """The one and only problem."""
        problems = self.problems(text, environ)
        assert len(problems) == 1, [f"{problem.location}: {problem.message}" for problem in problems]
        return problems[0]
