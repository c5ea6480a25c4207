"""What Tab offers."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.cli import complete


def test_profiles_and_targets() -> None:
    assert "ros/jazzy" in complete.profiles("ros/j")
    assert "mixins/rviz" in complete.profiles("m")
    assert complete.targets("m") == []
    assert all(name.startswith("jetson/") for name in complete.targets("jetson/"))


def test_robots_and_groups_of_the_inventory_here_or_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert complete.robots("") == []
    text = "field: {hosts: {rover01: {}, rover02: {}}}\nlab: {hosts: {arm: {}}}\n"
    (tmp_path / "robots.yaml").write_text(text)
    assert complete.robots("ro") == ["rover01", "rover02"]
    assert "field" in complete.robots("f")
    (tmp_path / "robots.yaml").write_text("[")
    assert complete.robots("") == []


def test_fixed_words() -> None:
    assert complete.words("compose", "dockerfile")("co") == ["compose"]
