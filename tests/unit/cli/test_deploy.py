"""What `deploy` says of the project itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.cli.deploy import name_note
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project


@pytest.mark.parametrize(("head", "noted"), [("", True), ("name: arm\n", False)])
def test_a_name_that_follows_the_folder_is_told(tmp_path: Path, head: str, noted: bool) -> None:
    (tmp_path / "Arm").mkdir()
    (tmp_path / "Arm/robenv.yaml").write_text(f"{head}base: {{image: x}}\n")
    text = name_note(resolve_project(find_project(tmp_path / "Arm"), {}))
    assert ("robots know this project as arm" in text and "`name: arm`" in text) is noted
    assert bool(text) is noted
