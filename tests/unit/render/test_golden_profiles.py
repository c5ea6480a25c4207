"""The Dockerfile of every built-in target, on each of its platforms, to read.

``ROBENV_UPDATE_GOLDEN=1 pytest tests/unit/render/test_golden_profiles.py`` writes them anew.
"""

from __future__ import annotations

import os

import pytest

from tests.support.folders import ROOT
from tests.support.projects import catalogue

GOLDEN = ROOT / "tests" / "golden" / "profiles"


def file_name(target: str, platform: str) -> str:
    return "-".join((target, *platform.split("/")[1:])).replace("/", "-") + ".Dockerfile"


@pytest.mark.parametrize("target", catalogue.targets())
def test_the_dockerfile_is_the_one_that_was_looked_at(target: str) -> None:
    resolved = catalogue.profiles()[target]
    for platform in catalogue.platforms_of(resolved):
        golden = GOLDEN / file_name(target, platform)
        text = catalogue.dockerfile(resolved, platform)
        if os.environ.get("ROBENV_UPDATE_GOLDEN"):
            golden.parent.mkdir(exist_ok=True)
            golden.write_text(text)
        assert golden.exists(), "there is no such golden file yet: ROBENV_UPDATE_GOLDEN=1 writes it"
        assert text == golden.read_text()


def test_no_golden_file_is_left_over() -> None:
    wanted = {file_name(target, platform) for target, platform in catalogue.pairs()}
    assert {path.name for path in GOLDEN.iterdir()} == wanted
