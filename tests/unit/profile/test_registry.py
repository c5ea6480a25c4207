"""The key `registry`: what it takes, and who may say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.errors import ProfileError
from robenv.profile.chain.extends import ProfileSource
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.profile.schema.names import registry_prefix
from robenv.profile.yaml.parse_error import BadValue


@pytest.mark.parametrize(
    "prefix",
    [
        "registry.example.org",
        "registry.example.org/team/robots",
        "localhost/team",
        "localhost:5000",
        "127.0.0.1:5000/a__b/c-d",
        "[::1]:5000/team",
        "docker.io/team",
    ],
)
def test_what_it_takes(prefix: str) -> None:
    assert registry_prefix(prefix) == prefix


@pytest.mark.parametrize(
    ("prefix", "hint"),
    [
        ("https://registry.example.org/team", "did you mean `registry.example.org/team`?"),
        ("registry.example.org/Team", "did you mean `registry.example.org/team`?"),
        ("registry.example.org/team/", "did you mean `registry.example.org/team`?"),
        ("team", "Docker Hub's is `docker.io/team`"),
        ("team/robots", "Docker Hub's is `docker.io/team/robots`"),
        ("registry.example.org/team:latest", "leave the tag out"),
        ("user:secret@registry.example.org/team", "`docker login` keeps it"),
        ("registry.example.org//team", ""),
        ("registry.example.org/../team", ""),
        ("registry.example.org/team\n", ""),
        ("", ""),
        (5000, ""),
    ],
)
def test_what_it_refuses(prefix: object, hint: str) -> None:
    with pytest.raises(BadValue) as caught:
        registry_prefix(prefix)
    assert hint in caught.value.hint


def test_only_the_users_own_files_may_say_it(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "a.yaml").write_text("registry: elsewhere.example.org/x\n")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "common.yaml").write_text("registry: registry.example.org/team\n")
    (folder / "robenv.yaml").write_text("extends: ./common.yaml\nbase: {image: x}\n")
    assert resolve_project(find_project(folder), {}).profile.registry == "registry.example.org/team"
    (folder / "robenv.local.yaml").write_text("registry: localhost:5000\n")
    assert resolve_project(find_project(folder), {}).profile.registry == "localhost:5000"
    (folder / "robenv.yaml").write_text("extends: 'git+https://example.org/p#a'\nbase: {image: x}\n")
    with pytest.raises(ProfileError) as caught:
        resolve_project(
            find_project(folder), {}, lambda name, source: ProfileSource(foreign / "a.yaml", "git", "a", foreign)
        )
    (problem,) = caught.value.problems
    assert "which registry has the images, only the project can say" in problem.message
