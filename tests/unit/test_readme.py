"""What README.md says is there, is there; tests/integration/cli/test_readme.py runs its commands."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from robenv.project.planned import plan_project, resolve
from tests.support.folders import ROOT
from tests.support.projects import readme

_COMMANDS = sorted(
    {line.split("#")[0].strip() for block in readme.shell_blocks() for line in block.splitlines() if line.strip()}
    | set(readme.table_commands())
)
_PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("**/*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]


def test_it_has_commands_and_profiles_to_look_at() -> None:
    assert len(readme.shell_blocks()) >= 2
    assert len(readme.blocks("yaml")) >= 1
    assert {"make demo", "make test"} <= set(_COMMANDS)


@pytest.mark.parametrize("block", readme.blocks("yaml"))
def test_its_profiles_are_valid_and_make_an_image(block: str, tmp_path: Path) -> None:
    (tmp_path / "robenv.yaml").write_text(block)
    assert plan_project(resolve(tmp_path, None, {}), "linux/amd64").rendered.dockerfile


@pytest.mark.parametrize("command", [command for command in _COMMANDS if command.startswith("robenv ")])
def test_its_commands_of_robenv_exist(command: str) -> None:
    from robenv.cli.commands import COMMANDS

    assert shlex.split(command)[1] in {name for name, *_ in COMMANDS}


@pytest.mark.parametrize("command", [command for command in _COMMANDS if command.startswith("make ")])
def test_its_targets_of_make_exist_and_are_explained(command: str, root: Path) -> None:
    target = command.split()[1]
    assert re.search(rf"^{target}:.*## \S", (root / "Makefile").read_text(), re.MULTILINE)
    subprocess.run(["make", "--dry-run", target], cwd=root, check=True, capture_output=True)


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_its_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in readme.links(page) if not (page.parent / link).exists()]
    assert missing == []
