from pathlib import Path

import pytest

from robenv.errors import Problem
from robenv.profile.nodes import Source
from robenv.share.repos import Entry, parse_repos


def _parsed(folder: Path, text: str) -> tuple[tuple[Entry, ...], list[Problem]]:
    problems: list[Problem] = []
    path = folder / "p.repos"
    return parse_repos(Source(path, "p.repos", "p.repos", "project", folder, (), text), problems), problems


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("../out: {type: git, url: 'https://a.example/b'}", "leaves the workspace"),
        ("/etc/x: {type: git, url: 'https://a.example/b'}", "leaves the workspace"),
        ("a: {type: hg, url: 'https://a.example/b'}", "of the type"),
        ("a: {type: git, url: 'ext::sh -c x'}", "no address"),
        ("a: {type: git, url: '--upload-pack=x'}", "no address"),
        ("a: {type: git, url: 'https://me:secret@a.example/b'}", "has a password in it"),
        ("a: {type: git, url: 'https://a.example/b', version: '--x'}", "no branch, tag or commit"),
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
