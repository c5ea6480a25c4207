"""Every built-in profile: resolved, planned and rendered for each of its platforms."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.catalog.jetpack import BOARDS, JETPACKS
from tests.support.projects import catalogue

PROFILES = catalogue.profiles()


@pytest.mark.parametrize("name", catalogue.targets())
def test_a_target_renders_on_each_of_its_platforms(name: str, tmp_path: Path) -> None:
    assert PROFILES[name].profile.platforms, "a target says what it is for"
    resolved = catalogue.extending(tmp_path, name)
    for platform in catalogue.platforms_of(resolved):
        assert catalogue.dockerfile(resolved, platform).count("\nFROM ") == 1


def test_every_jetpack_with_an_image_has_its_profile() -> None:
    for row in JETPACKS:
        if row.base:
            profile = PROFILES[f"jetson/{row.name}"].profile
            assert profile.base.image == row.base
            assert profile.platforms == ("linux/arm64",)
            assert profile.gpu is not None
            assert (profile.gpu.mode, profile.gpu.vendor) == ("auto", "jetson")


def test_every_board_has_a_profile_that_is_its_jetpacks() -> None:
    for board in BOARDS:
        levels = [level.name for level in PROFILES[f"jetson/{board.name}"].levels]
        assert f"jetson/{board.jetpacks[0]}" in levels
    names = {name.partition("/")[2] for name in PROFILES if name.startswith("jetson/")}
    names = {name for name in names if not name.startswith("ros-")}
    assert names == {board.name for board in BOARDS} | {row.name for row in JETPACKS if row.base}
