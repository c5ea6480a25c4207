"""What a robot runs, as a value."""

from __future__ import annotations

from pathlib import Path

from tests.support.releases import Maker


def test_nothing_of_the_developers_folder_is_mounted(tmp_path: Path) -> None:
    release = Maker(tmp_path, "picker", "debian").release("true")
    assert [mount for mount in release.plan.mounts if mount.kind == "bind"] == []
    assert release.plan.directory == ""
