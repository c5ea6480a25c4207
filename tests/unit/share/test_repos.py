import subprocess
from pathlib import Path

import pytest

from robenv.errors import OperationFailed, Problem
from robenv.profile.nodes import Source
from robenv.share.repos import Entry, bring, parse_repos


def _parsed(folder: Path, text: str) -> tuple[tuple[Entry, ...], list[Problem]]:
    problems: list[Problem] = []
    path = folder / "p.repos"
    return parse_repos(Source(path, "p.repos", "p.repos", "project", folder, (), text), problems), problems


def _entries(folder: Path, *lines: str) -> tuple[Entry, ...]:
    entries, problems = _parsed(folder, "repositories:\n" + "".join(f"  {line}\n" for line in lines))
    assert problems == []
    return entries


def _git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def origin(tmp_path: Path) -> str:
    folder = tmp_path / "origin"
    folder.mkdir()
    _git(folder, "init", "-q")
    for text in ("one", "two"):
        (folder / "file").write_text(text)
        _git(folder, "add", "file")
        _git(folder, "commit", "-qm", text)
        _git(folder, "tag", text)
    return f"file://{folder}"


def test_what_is_missing_is_cloned_and_what_is_there_is_left_alone(tmp_path: Path, origin: str) -> None:
    notes: list[str] = []
    line = f"drivers/lidar: {{type: git, url: '{origin}', version: one}}"
    place = tmp_path / "src/drivers/lidar"
    assert bring(_entries(tmp_path, line), tmp_path / "src", notes.append)
    assert (place / "file").read_text() == "one"
    assert [one.name for one in place.parent.iterdir()] == ["lidar"]
    (place / "file").write_text("mine")
    notes.clear()
    assert not bring(_entries(tmp_path, line), tmp_path / "src", notes.append)
    assert notes == []
    assert not bring(_entries(tmp_path, line.replace("version: one", "version: two")), tmp_path / "src", notes.append)
    assert "not at two: left as it is" in notes[0]
    assert (place / "file").read_text() == "mine"


def test_all_that_cannot_be_had_is_told_at_its_place_and_the_rest_brought(tmp_path: Path, origin: str) -> None:
    (tmp_path / "src/taken").mkdir(parents=True)
    (tmp_path / "src/taken/file").touch()
    entries = _entries(
        tmp_path,
        "away: {type: git, url: 'https://nowhere.invalid/a.git', version: main}",
        f"no_version: {{type: git, url: '{origin}', version: v9}}",
        f"taken: {{type: git, url: '{origin}'}}",
        f"good: {{type: git, url: '{origin}'}}",
    )
    with pytest.raises(OperationFailed) as raised:
        bring(entries, tmp_path / "src", lambda text: None)
    told = [(one.message, one.location.line) for one in raised.value.problems if one.location]
    assert [line for _, line in told] == [2, 3, 4]
    assert "cannot be reached" in told[0][0] and "in the way" in told[2][0]
    assert sorted(one.name for one in (tmp_path / "src").iterdir()) == ["good", "taken"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("../out: {type: git, url: 'https://a.example/b'}", "leaves the workspace"),
        ("/etc/x: {type: git, url: 'https://a.example/b'}", "leaves the workspace"),
        ("a: {type: hg, url: 'https://a.example/b'}", "of the type"),
        ("a: {type: git, url: 'ext::sh -c x'}", "no address"),
        ("a: {type: git, url: '--upload-pack=x'}", "no address"),
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
