from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from robenv import resources
from robenv.errors import ProfileError
from robenv.profile.chain.extends import ProfileSource
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import list_builtin, resolve_builtin, resolve_project
from robenv.profile.yaml.nodes import SourceFile
from robenv.profile.yaml.parse_error import BadValue

if TYPE_CHECKING:
    from tests.support.projects.profiles import Project


@pytest.fixture
def builtins(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue of the test's own."""
    folder = tmp_path_factory.mktemp("catalogue") / "profiles"
    folder.mkdir()
    monkeypatch.setattr(resources, "profiles_folder", lambda: folder)
    return folder


def names(project: Project, text: str) -> list[str]:
    return [level.name for level in project.resolve(text).levels]


def test_depth_first_each_once_project_last(project: Project) -> None:
    project.write("root.yaml", "base: {image: x}\n")
    project.write("left.yaml", "extends: ./root.yaml\npip: [left]\n")
    project.write("sub/right.yaml", "extends: [../root.yaml, ./more.yaml]\npip: [right]\n")
    project.write("sub/more.yaml", "pip: [more]\n")
    text = "extends: [./left.yaml, ./sub/right.yaml, ./left.yaml]\n"
    assert names(project, text) == ["root.yaml", "left.yaml", "sub/more.yaml", "sub/right.yaml", "robenv.yaml"]
    assert project.resolve().profile.pip_packages == ("left", "more", "right")


def test_a_file_reached_by_two_names_counts_once(project: Project) -> None:
    project.write("a.yaml", "base: {image: x}\n")
    (project.root / "b.yaml").symlink_to("a.yaml")
    assert names(project, "extends: [./a.yaml, ./b.yaml]\n") == ["a.yaml", "robenv.yaml"]


def test_variables_in_extends(project: Project) -> None:
    project.write("arm.yaml", "base: {image: x}\n")
    assert project.resolve("extends: ./${TARGET:-arm}.yaml\n").levels[0].name == "arm.yaml"


def test_files_above_and_elsewhere(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "deep" / "er"
    elsewhere.mkdir(parents=True)
    (elsewhere / "a.yaml").write_text("base: {image: x}\n")
    project.write("inner/robenv.yaml", f"extends: [../above.yaml, {elsewhere}/a.yaml]\n")
    project.write("above.yaml", "pip: [above]\n")
    levels = resolve_project(find_project(project.root / "inner"), {}).levels
    there = os.path.relpath(elsewhere / "a.yaml", project.root / "inner")
    assert [level.name for level in levels] == ["../above.yaml", there, "robenv.yaml"]


def test_a_circle_is_shown_as_a_chain(project: Project) -> None:
    project.write("a.yaml", "extends: ./b.yaml\n")
    project.write("b.yaml", "pip: [x]\nextends:\n  - ./a.yaml\n")
    problem = project.problem("extends: ./a.yaml\n")
    assert "a.yaml → b.yaml → a.yaml" in problem.message
    assert str(problem.location) == "b.yaml:3:5"
    assert problem.location is not None
    assert problem.location.chain == ("robenv.yaml:1:10", "a.yaml:1:10")


def test_a_file_that_extends_itself(project: Project) -> None:
    assert "robenv.yaml → robenv.yaml" in project.problem("extends: ./robenv.yaml\n").message


def test_a_thousand_files_deep_is_one_problem(project: Project) -> None:
    for number in range(1000):
        project.write(f"p{number}.yaml", f"extends: ./p{number + 1}.yaml\n")
    project.write("p1000.yaml", "base: {image: x}\n")
    assert "`extends` leads more than 100 levels deep" in project.problem("extends: ./p0.yaml\n").message


def test_what_cannot_be_read_is_told_at_the_entry_that_names_it(project: Project) -> None:
    project.write("folder/x", "")
    (project.root / "large.yaml").write_bytes(b"a" * 10_000_000)
    os.mkfifo(project.root / "pipe.yaml")
    text = "extends:\n- ./none.yaml\n- ./folder\n- ./large.yaml\n- ./pipe.yaml\n- none/such\n- 'ros/debian-bookworn'\n"
    problems = project.problems(
        text + "- common.yaml\n- git+https://x.org/p.git\n- git@x.org:p\n- ftp://x/y\n- ../robenv.yaml/x\n"
    )
    assert [problem.location.line for problem in problems if problem.location] == list(range(2, 13))
    said = [problem.message for problem in problems]
    assert "`none.yaml`: there is no such file" in said[0]
    assert "`folder`: this is a folder" in said[1]
    assert "10,000,000 bytes" in said[2]
    assert "not a regular file" in said[3]
    assert "no built-in profile `none/such`" in said[4]
    assert problems[5].hint == "did you mean `ros/debian-bookworm`?"
    assert "./common.yaml" in problems[6].hint
    assert all("does not have profiles from git yet" in message for message in said[7:9])


def test_problems_of_all_files_are_told_together(project: Project) -> None:
    project.write("syntax.yaml", "a: [\n")
    project.write("twice.yaml", "pip: [x]\npip: [y]\nuser: {nam: dev}\n")
    project.write("binary.yaml", b"pip: [\xff]\n")
    project.write("empty.yaml", "# nothing\n")
    project.write("list.yaml", "- a\n")
    project.write(".env", "broken line\n")
    project.write("robenv.local.yaml", "run: {init: maybe}\n")
    text = "extends: [./syntax.yaml, ./twice.yaml, ./binary.yaml, ./empty.yaml, ./list.yaml]\nname: A B\npip: x\n"
    found = {(str(problem.location), problem.message) for problem in project.problems(text)}
    places = {place for place, _ in found}
    assert {
        "twice.yaml:2:1",
        "twice.yaml:3:8",
        "binary.yaml:1:7",
        "empty.yaml:1:1",
        "list.yaml:1:1",
        ".env:1:1",
    } <= places
    assert {"robenv.yaml:2:7", "robenv.yaml:3:6", "robenv.local.yaml:1:13"} <= places
    assert any(place.startswith("syntax.yaml") for place in places)
    assert len(found) == 10


@pytest.mark.parametrize("text", ["", "\n", "# comment\n", "---\n", "\ufeff"])
def test_an_empty_project_file_is_told(text: str, project: Project) -> None:
    problem = project.problem(text)
    assert problem.message == "the file is empty"
    assert "robenv init" in problem.hint


def test_a_builtin_profile_sees_no_variables_of_the_host(builtins: Path, project: Project) -> None:
    (builtins / "t.yaml").write_text("base: {image: 'x:${TAG:-1}'}\nenvironment: {A: '${A-none}', B: , C: $C}\n")
    resolved = project.resolve(
        "extends: t\nenvironment: {OWN: $A}\n", {"A": "host", "B": "host", "TAG": "9", "C": "host"}
    )
    assert resolved.profile.base.image == "x:1"
    assert resolved.profile.environment == {"A": "none", "C": "", "OWN": "host"}
    assert dict(resolved.inputs.variables) == {"A": "host"}
    assert [warning.message for warning in resolved.warnings] == ["the variable `C` is not set: empty text is put in"]


@pytest.mark.parametrize(
    "text",
    [
        "extends: ../outside.yaml\n",
        "extends: /etc/passwd\n",
        "files: [{source: ../secret, target: /s}]\n",
        "files: [{source: /etc/passwd, target: /s}]\n",
        "files: [{source: ~/secret, target: /s}]\n",
        "files: [{source: link, target: /s}]\n",
        "stages: {s: {files: [{source: ../secret, target: /s}]}}\n",
        "apt: {repositories: {r: {url: http://x/, suite: ./, key: ../secret}}}\n",
        "run: {env_file: ../secret}\n",
        "run: {volumes: ['../secret:/s']}\n",
        "run: {volumes: ['~/secret:/s']}\n",
        "workspace: {source: ..}\n",
    ],
)
def test_a_builtin_profile_stays_in_its_folder(text: str, builtins: Path, project: Project) -> None:
    (builtins.parent / "secret").write_text("S=1\n")
    (builtins.parent / "outside.yaml").write_text("pip: [x]\n")
    (builtins / "link").symlink_to("../secret")
    (builtins / "t.yaml").write_text("base: {image: x}\n" + text)
    problem = project.problem("extends: t\n", {"HOME": str(builtins.parent)})
    assert problem.location is not None
    assert problem.location.file == str(builtins / "t.yaml")
    assert "robenv.yaml:1:10" in problem.location.chain


def test_a_builtin_profile_brings_files_of_its_own(builtins: Path, project: Project) -> None:
    (builtins / "sub").mkdir()
    (builtins / "sub" / "t.yaml").write_text("extends: ./u.yaml\nfiles: [{source: f, target: /f}]\n")
    (builtins / "sub" / "u.yaml").write_text("base: {image: x}\nrun: {volumes: ['/dev:/dev']}\n")
    (builtins / "sub" / "f").write_text("")
    resolved = project.resolve("extends: sub/t\n")
    assert [(level.name, level.origin) for level in resolved.levels[:2]] == [("sub/u", "builtin"), ("sub/t", "builtin")]
    assert resolved.profile.files[0].source == str(builtins / "sub" / "f")


def test_the_catalogue_is_listed_whatever_state_it_is_in(builtins: Path) -> None:
    (builtins / "good.yaml").write_text("description: fine\n")
    (builtins / "sub").mkdir()
    (builtins / "sub" / "broken.yaml").write_text("a: [\n")
    (builtins / "sub" / "binary.yaml").write_bytes(b"\xff\0")
    (builtins / "sub" / "list.yaml").write_text("- a\n")
    listed = list_builtin()
    assert [one.name for one in listed] == ["good", "sub/binary", "sub/broken", "sub/list"]
    assert [bool(one.problem) for one in listed] == [False, True, True, True]
    assert listed[0].description == "fine"


@pytest.mark.parametrize("name", ["none", "", "../good", "/etc/passwd", "a\0b", "x" * 10_000, "ros/debian-bookwrm"])
def test_no_such_builtin_profile(name: str) -> None:
    with pytest.raises(ProfileError) as caught:
        resolve_builtin(name)
    assert caught.value.hint


@pytest.mark.parametrize("name", [one.name for one in list_builtin()])
def test_every_builtin_profile_resolves_without_a_word(name: str) -> None:
    resolved = resolve_builtin(name)
    assert resolved.levels[-1].name == name
    assert resolved.files is None
    assert resolved.profile.description
    assert resolved.warnings == ()


def test_another_resolver_may_find_git_addresses(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    checkout = tmp_path_factory.mktemp("checkout")
    (checkout / "p.yaml").write_text("base: {image: x}\nenvironment: {A: '${A-unseen}'}\n")

    def find(reference: str, source: SourceFile) -> ProfileSource:
        if reference != "git+https://example.org/p.git":
            raise BadValue("unknown")
        return ProfileSource(checkout / "p.yaml", "git", reference, checkout)

    project.write("robenv.yaml", "extends: git+https://example.org/p.git\n")
    resolved = resolve_project(find_project(project.root), {"A": "seen"}, find)
    assert resolved.levels[0].origin == "git"
    assert resolved.profile.environment == {"A": "unseen"}
