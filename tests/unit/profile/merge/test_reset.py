"""``!reset`` takes a key away, whatever stands behind it: that is no value, and nothing reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from robenv.errors import RobenvError
from robenv.profile.chain.project import find_project
from robenv.profile.merge.merge import Rule
from robenv.profile.merge.rules import PROFILE
from robenv.profile.resolve.resolve import resolve_project
from robenv.project.planned import plan_project

NONSENSE = ("{ubuntu: [bad], x: {y: [1, {}]}}", "[1, {a: []}, null]", "text", "7", "{}")


def _paths(rule: Rule, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Each key of a profile; of those with names of the user's own, one name."""
    keys = dict(rule.keys)
    if rule.each is not None and rule.how != "append" and not keys:
        keys = {"linux/amd64" if above == ("per_platform",) else "one": rule.each}
    for key, below in keys.items():
        yield (*above, key)
        if len(above) < 4:
            yield from _paths(below, (*above, key))


PATHS = sorted({path for path in _paths(PROFILE) if path not in (("name",), ("base",))})


def test_every_section_is_tried() -> None:
    assert len(PATHS) > 150
    assert {("fits",), ("fits", "ubuntu"), ("ros", "colcon_defaults"), ("run", "healthcheck", "test")} <= {*PATHS}


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nothing_reads_what_is_taken_away(nonsense: str, tmp_path: Path) -> None:
    """Every refusal is one of ours, with its place."""
    for path in PATHS:
        text = f"!reset {nonsense}"
        for key in reversed(path):
            text = f'{{"{key}": {text}}}'
        profile = f"name: picker\nbase: {{image: ubuntu:24.04}}\n{text[1:-1]}\n"
        (tmp_path / "robenv.yaml").write_text(profile)
        try:
            plan_project(resolve_project(find_project(tmp_path), {"HOME": "/home/jane"}), "linux/amd64")
        except RobenvError as error:
            assert error.problems, profile
        except Exception as error:
            raise AssertionError(profile) from error
