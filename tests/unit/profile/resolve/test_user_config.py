"""The user's own configuration, and who may say mirrors."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv import resources
from robenv.errors import ProfileError
from robenv.plan.image.mirrors import plan_mirrors
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.profile.resolve.user_config import own_mirrors, read_user_config


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "robenv" / "config.yaml"
    path.parent.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return path


def test_without_a_file_there_are_none(config: Path) -> None:
    assert not read_user_config({}).registries


def test_mirrors_with_keys_beside_them_and_variables(config: Path) -> None:
    config.write_text(
        "mirrors:\n  pip: $INDEX\n  apt: {a.org: {url: http://lab/a, key: lab.asc}, b.org: http://lab/b}\n"
    )
    found = read_user_config({"INDEX": "http://lab/simple"})
    assert found.pip == "http://lab/simple"
    assert found.apt["a.org"].key == str(config.parent / "lab.asc")
    assert found.apt["b.org"].url == "http://lab/b"


def test_all_that_is_wrong_is_told_at_its_place(config: Path) -> None:
    config.write_text("name: x\nmirrors:\n  apt: {a.org: ftp://lab}\n  registry: {docker.io: lab:5000}\n")
    with pytest.raises(ProfileError) as caught:
        read_user_config({})
    told = {(problem.location.line, problem.message) for problem in caught.value.problems if problem.location}
    assert [line for line, _ in sorted(told)] == [1, 3, 4]
    assert (1, "unknown key `name`") in told
    assert any("`registries`" in problem.hint for problem in caught.value.problems)


@pytest.mark.parametrize("said", ["mirrors: {pip: http://elsewhere/simple}", "secrets: {t: {environment: TOKEN}}"])
def test_a_profile_that_is_not_the_users_own_says_none(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "profiles" / "x"
    folder.mkdir(parents=True)
    (folder / "y.yaml").write_text(f"base: {{image: a}}\n{said}\n")
    monkeypatch.setattr(resources, "profiles_folder", lambda: folder.parent)
    (tmp_path / "robenv.yaml").write_text("extends: x/y\n")
    with pytest.raises(ProfileError) as caught:
        resolve_project(find_project(tmp_path), {})
    assert "only your own files can say" in caught.value.problems[0].message


def test_an_authority_beside_the_file_that_names_it(config: Path, tmp_path: Path) -> None:
    config.write_text("mirrors: {ca: lab.pem}\n")
    assert read_user_config({}).ca == str(config.parent / "lab.pem")
    (tmp_path / "robenv.yaml").write_text("base: {image: a}\nmirrors: {ca: ./ours.pem}\n")
    files = find_project(tmp_path)
    assert own_mirrors(files).ca == str(tmp_path / "ours.pem")
    resolved = resolve_project(files, {})
    assert resolved.profile.mirrors.ca == str(tmp_path / "ours.pem")
    assert plan_mirrors(own_mirrors(files), read_user_config({})).ca == str(tmp_path / "ours.pem")
