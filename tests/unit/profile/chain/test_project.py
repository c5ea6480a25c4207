from __future__ import annotations

from pathlib import Path

import pytest

from robenv.errors import UsageError
from robenv.profile.chain.project import find_project
from robenv.profile.default_name import default_name
from robenv.profile.resolve.resolve import resolve_project


def test_it_is_searched_upward(tmp_path: Path) -> None:
    (tmp_path / "robenv.yaml").write_text("base: {image: x}\n")
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    files = find_project(deep)
    assert files.root == tmp_path
    assert files.file == tmp_path / "robenv.yaml"
    assert files.local == tmp_path / "robenv.local.yaml"
    assert files.env_file == tmp_path / ".env"
    (deep / "robenv.yaml").write_text("base: {image: x}\n")
    assert find_project(deep).root == deep


def test_a_file_named_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "arm.yaml").write_text("base: {image: x}\n")
    (tmp_path / "sub" / "arm.local.yaml").write_text("pip: [x]\n")
    files = find_project(tmp_path, Path("sub/arm.yaml"))
    assert files.root == tmp_path / "sub"
    assert resolve_project(files, {}).profile.pip_packages == ("x",)


def test_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find_project(tmp_path)
    assert "robenv init" in caught.value.hint
    (tmp_path / "robenv.yml").write_text("")
    with pytest.raises(UsageError) as caught:
        find_project(tmp_path)
    assert "rename it to robenv.yaml" in caught.value.hint
    for name in ("none.yaml", "."):
        with pytest.raises(UsageError):
            find_project(tmp_path, Path(name))
    with pytest.raises(UsageError):
        find_project(tmp_path / "none")


def test_a_broken_link_is_the_project_and_told(tmp_path: Path) -> None:
    (tmp_path / "robenv.yaml").symlink_to("nowhere")
    assert find_project(tmp_path).root == tmp_path


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("picker", "picker"),
        ("My Robot_2", "my-robot-2"),
        ("日本", "project"),
        ("Größe", "groesse"),
        ("gro\u0308n", "groen"),
        ("café-é", "cafe-e"),
        ("--", "project"),
        ("a" * 90, "a" * 63),
    ],
)
def test_a_project_without_a_name_is_called_after_its_folder(folder: str, name: str, tmp_path: Path) -> None:
    assert default_name(str(tmp_path / folder)) == name
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "robenv.yaml").write_text("base: {image: x}\n")
    profile = resolve_project(find_project(tmp_path / folder), {}).profile
    assert profile.name == name
    assert profile.workspace.source == str(tmp_path / folder)
