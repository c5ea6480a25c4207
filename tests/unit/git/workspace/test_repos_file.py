from pathlib import Path

import pytest

from robenv.errors import Problem
from robenv.git.workspace.repos_file import RepositoryEntry, parse_repos
from robenv.profile.yaml.nodes import SourceFile


def _parsed(folder: Path, text: str) -> tuple[tuple[RepositoryEntry, ...], list[Problem]]:
    problems: list[Problem] = []
    path = folder / "p.repos"
    return parse_repos(SourceFile(path, "p.repos", "p.repos", "project", folder, (), text), problems), problems


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("../out: {type: git, url: 'https://a.example/b'}", "leaves the workspace"),
        ("a/../../b: {type: git, url: 'https://a.example/b'}", "leaves the workspace"),
        ("/etc/x: {type: git, url: 'https://a.example/b'}", "is an absolute path"),
        ("./: {type: git, url: 'https://a.example/b'}", "names no folder"),
        ("a/.git: {type: git, url: 'https://a.example/b'}", "because of `.git`"),
        ("a b: {type: git, url: 'https://a.example/b'}", "because of `a b`"),
        ("-a: {type: git, url: 'https://a.example/b'}", "because of `-a`"),
        ("a: {type: git, version: main}", "has no `url`"),
        ("a: {type: git, url: null}", "has no `url`"),
        ("a: {type: git, url: 'https://a.example/b c'}", "has the character ` ` in it"),
        ('a: {type: git, url: "file:///a\\u202eb"}', "has the character `\\u202e` in it"),
        ("a: {type: hg, url: 'https://a.example/b'}", "of the type"),
        ("a: {type: git, url: 'ext::sh -c x'}", "no address"),
        ("a: {type: git, url: '--upload-pack=x'}", "no address"),
        ("a: {type: git, url: 'https://me:secret@a.example/b'}", "has a password in it"),
        ("a: {type: git, url: 'HTTPS://me:secret@a.example/b'}", "has a password in it"),
        ("a: {type: git, url: 'https://a.example/b', version: '--x'}", "no branch, tag or commit"),
        ("a: {type: git, url: 'https://a.example/b', version: 'a b'}", "no branch, tag or commit"),
    ],
)
def test_entries_that_are_refused(tmp_path: Path, line: str, said: str) -> None:
    entries, problems = _parsed(tmp_path, f"repositories:\n  {line}\n")
    assert entries == ()
    assert said in problems[0].message
    assert problems[0].location is not None and problems[0].location.line == 2


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    assert "no .repos file" in _parsed(tmp_path, "a: b\n")[1][0].message


def test_what_a_lock_calls_it_and_what_needs_none(tmp_path: Path) -> None:
    text = "repositories:\n  a: {type: git, url: 'ssh://git@h/a', version: main}\n"
    text += f"  b: {{type: git, url: 'https://h/b', version: {'1' * 40}}}\n  c: {{type: git, url: 'https://h/c'}}\n"
    a, b, c = _parsed(tmp_path, text)[0]
    assert (a.source, a.commit) == ("ssh://git@h/a@main", "")
    assert b.commit == "1" * 40
    assert c.source == "https://h/c"


@pytest.mark.parametrize("name", ["a/up", "./a/up", "a/up/", "a//up", "a/./up"])
def test_a_path_is_one_however_it_is_written(tmp_path: Path, name: str) -> None:
    entries, problems = _parsed(tmp_path, f"repositories:\n  {name}: {{type: git, url: 'https://h/a'}}\n")
    assert problems == []
    assert [entry.path for entry in entries] == ["a/up"]


@pytest.mark.parametrize("said", ["version:", "version: null", "version: ~", "version: ''", "version: HEAD"])
def test_no_version_is_the_default_branch(tmp_path: Path, said: str) -> None:
    text = f"repositories:\n  a:\n    type: git\n    url: https://h/a\n    {said}\n"
    ((entry,), problems) = _parsed(tmp_path, text)
    assert (entry.version, entry.source, problems) == ("", "https://h/a", [])
