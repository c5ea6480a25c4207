from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robenv.export.forms import FORMS, ExportedForm, ExportSource
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.project.planned import plan_project
from tests.support.projects.exports import Export


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """Exports a profile from a project's folder: ``export("compose", "name: picker…", image="…")``."""

    def make(form: str, profile: str, environ: Mapping[str, str] | None = None, **changes: Any) -> ExportedForm:
        stage = changes.pop("stage", "dev")
        (tmp_path / "robenv.yaml").write_text(profile)
        resolved = resolve_project(find_project(tmp_path), {"HOME": "/home/jane", **(environ or {})})
        planned = plan_project(resolved, "linux/amd64", stage)
        folder, made = FORMS[form]
        source = ExportSource(resolved, planned.build, planned.content_hash, str(tmp_path / folder), "/home/jane")
        return made(replace(source, **changes))

    return make
