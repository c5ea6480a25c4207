"""Hints for what somebody means by a word of another tool, or by a yes or no."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.errors import ProfileError
from robenv.profile.chain.project import find_project
from robenv.profile.chain.validate import _keys_at
from robenv.profile.resolve.resolve import resolve_project
from robenv.profile.schema.unsupported_keys import MEANT


def hint(folder: Path, line: str) -> str:
    (folder / "robenv.yaml").write_text(f"name: x\nbase: {{image: debian}}\n{line}\n")
    with pytest.raises(ProfileError) as failed:
        resolve_project(find_project(folder), {})
    return failed.value.problems[0].hint


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("display: on", "write `auto`"),
        ("display: off", "write `none`"),
        ("audio: no", "write `none`"),
        ("gpu: yes", "write `auto`"),
        ("ssh_agent: true", "write `auto`"),
        ("git: yes", "in YAML 1.2 `yes` is a text: write true or false"),
        ("workspace: {dependencies: yes}", "in YAML 1.2 `yes` is a text: write true"),
        ("run: {network: host}", "did you mean `run.network_mode`?"),
        ("network: host", "did you mean `run.network_mode`?"),
        ("env: {A: b}", "did you mean `environment`?"),
        ("run: {memory: 1gb}", "did you mean `run.mem_limit`?"),
        ("ros: {version: humble}", "did you mean `ros.distro`?"),
        ("image: ubuntu", "the image to build on is `base: {image: NAME}`"),
        ("apt: [curl]", "write the list below `packages`: `apt: {packages: […]}`"),
        ("run: {zzz: 1}", "docs/profile.md lists the keys"),
    ],
)
def test_hints_lead_right(tmp_path: Path, line: str, expected: str) -> None:
    assert hint(tmp_path, line) == expected


@pytest.mark.parametrize("word", sorted(MEANT))
def test_what_is_meant_is_a_key_and_the_word_is_none(word: str) -> None:
    *section, key = MEANT[word].split(".")
    assert key in _keys_at(tuple(section))
    *section, key = word.split(".")
    assert key not in _keys_at(tuple(section))
