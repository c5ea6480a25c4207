"""The workspace's repositories, with the real git: what moves, what is held fast, what cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.errors import OperationFailed
from robenv.git.command import Git
from robenv.git.workspace.clones import RepositoriesMissing, bring, find_commits
from robenv.git.workspace.differences import differences
from tests.support.servers.repos_entries import entries, entry
from tests.support.servers.upstream import Upstream

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def origin(tmp_path: Path) -> Upstream:
    made = Upstream(tmp_path / "origin")
    for text in ("one", "two"):
        made.commit({"file": text}, text)
    return made


@pytest.fixture
def src(tmp_path: Path) -> Path:
    return tmp_path / "src"


def head(folder: Path) -> str:
    return (folder / "file").read_text()


def test_what_is_missing_is_cloned_and_what_is_there_is_left_alone(origin: Upstream, src: Path) -> None:
    notes: list[str] = []
    wanted = entries(f"drivers/lidar: {{type: git, url: '{origin.url}', version: one}}")
    place = src / "drivers/lidar"
    assert bring(wanted, src, {}, Git(), notes.append) == {f"{origin.url}@one": origin.git("rev-parse", "one")}
    assert head(place) == "one"
    assert [one.name for one in place.parent.iterdir()] == ["lidar"]
    (place / "file").write_text("mine")
    notes.clear()
    assert not bring(wanted, src, {}, Git(), notes.append)
    assert notes == []
    other = entries(f"drivers/lidar: {{type: git, url: '{origin.url}', version: two}}")
    assert not bring(other, src, {}, Git(), notes.append)
    assert "not at two: left as it is" in notes[0]
    assert head(place) == "mine"


def test_a_branch_is_checked_out_as_one_that_goes_on(origin: Upstream, src: Path) -> None:
    first = origin.git("rev-parse", "HEAD")
    origin.git("checkout", "-q", "-b", "devel")
    bring([entry(origin, "devel")], src, {f"{origin.url}@devel": first}, Git(), lambda text: None)
    clone = Upstream.__new__(Upstream)
    clone.folder = src / "lidar"
    assert clone.git("symbolic-ref", "--short", "HEAD") == "devel"
    origin.commit({"file": "three"})
    clone.git("pull", "-q", "--ff-only")
    assert head(src / "lidar") == "three"
    notes: list[str] = []
    bring([entry(origin, "devel")], src, {f"{origin.url}@devel": first}, Git(), notes.append)
    assert notes == [], "further on than the lock is no news to whoever works there"
    ahead = origin.commit({"file": "four"})
    bring([entry(origin, "devel")], src, {f"{origin.url}@devel": ahead}, Git(), notes.append)
    assert f"and the lock has {ahead[:12]} of devel: left as it is" in notes[0]


@pytest.mark.parametrize("version", ["", "main", "moved"])
def test_a_locked_commit_is_cloned_whatever_happens_to_its_name(origin: Upstream, src: Path, version: str) -> None:
    if version == "moved":
        origin.git("tag", "moved")
    held = find_commits([entry(origin, version)], Git())
    assert held == {entry(origin, version).source: origin.git("rev-parse", "HEAD")}
    origin.git("checkout", "-q", "--orphan", "other")
    origin.commit({"file": "something else"})
    origin.git("branch", "-D", "main")
    if version == "main":
        origin.git("branch", "-m", "main")
    if version == "moved":
        origin.git("tag", "--force", "moved")
    origin.git("tag", "-d", "two")
    bring([entry(origin, version)], src, held, Git(), lambda text: None)
    assert head(src / "lidar") == "two"
    assert differences([entry(origin, version)], src, held) == ()


def test_a_commit_that_is_gone_is_told_with_what_it_was(origin: Upstream, src: Path) -> None:
    held = {entry(origin, "main").source: "1" * 40}
    with pytest.raises(OperationFailed) as raised:
        bring([entry(origin, "main")], src, held, Git(), lambda text: None)
    (problem,) = raised.value.problems
    assert "has no commit 111111111111 any more (it was main)" in problem.message
    assert "`robenv update repos`" in problem.hint
    assert problem.location is not None and problem.location.line == 2
    assert list(src.iterdir()) == []


def test_tags_come_before_branches_both_ways(origin: Upstream, src: Path) -> None:
    origin.git("branch", "one", "two")
    origin.git("tag", "-a", "-m", "signed", "both", "one^{commit}")
    origin.git("branch", "both", "refs/tags/two")
    for version in ("one", "both"):
        held = find_commits([entry(origin, version)], Git())
        assert set(held.values()) == {origin.git("rev-parse", "refs/tags/one")}
    assert bring([entry(origin, "both")], src, {}, Git(), lambda text: None) == held


def test_only_what_differs_from_the_lock_is_told(origin: Upstream, src: Path) -> None:
    wanted = entry(origin, "main")
    held = find_commits([wanted], Git())
    assert differences([wanted], src, held) == (), "what is not there does not differ"
    bring([wanted], src, {}, Git(), lambda text: None)
    new = origin.commit({"file": "three"})
    (problem,) = differences([wanted], src, {wanted.source: new})
    assert f"lidar is at {held[wanted.source][:12]}, and the lock has {new[:12]}" in problem.message


def test_all_that_cannot_be_had_is_told_at_its_place_and_the_rest_brought(origin: Upstream, src: Path) -> None:
    (src / "taken").mkdir(parents=True)
    (src / "taken/file").touch()
    wanted = entries(
        "away: {type: git, url: 'https://nowhere.invalid/a.git', version: main}",
        f"no_version: {{type: git, url: '{origin.url}', version: v9}}",
        f"taken: {{type: git, url: '{origin.url}'}}",
        f"good: {{type: git, url: '{origin.url}'}}",
        f"better: {{type: git, url: '{origin.url}', version: one}}",
    )
    notes: list[str] = []
    with pytest.raises(RepositoriesMissing) as raised:
        bring(wanted, src, {}, Git(), notes.append)
    assert set(raised.value.brought) == {origin.url, f"{origin.url}@one"}, "what a lock can have already"
    assert "taken is a folder, and no git repository: left as it is, not compared" in notes
    told = {
        problem.location.line: (problem.message, problem.hint) for problem in raised.value.problems if problem.location
    }
    assert sorted(told) == [2, 3]
    assert "cannot be reached" in told[2][0] and "goes on with what is missing; `mirrors.git`" in told[2][1]
    assert "no such branch, tag or commit: v9" in told[3][0]
    assert sorted(one.name for one in src.iterdir()) == ["better", "good", "taken"]
    with pytest.raises(OperationFailed) as asked:
        find_commits(wanted, Git())
    assert [problem.location.line for problem in asked.value.problems if problem.location] == [2, 3]
    assert "no such branch, tag or commit: v9" in asked.value.problems[1].message


_VERSIONS = {
    "a branch": "devel",
    "a branch's parent": "devel~1",
    "the default branch": "HEAD",
    "a ref": "refs/keep-around/x",
    "a branch's ref": "refs/heads/devel",
    "a tag's ref": "refs/tags/one",
    "a remote's branch": "origin/devel",
    "a tag with a message": "signed",
    "a tag peeled": "'signed^{}'",
    "a tag's object": "OBJECT",
    "a commit that no branch has": "LOOSE",
    "a commit": "WHOLE",
    "a short commit": "SHORT",
    "nothing": "null",
}


@pytest.mark.parametrize("version", _VERSIONS.values(), ids=_VERSIONS)
def test_a_version_is_what_git_takes_for_one_and_a_lock_has_the_same(origin: Upstream, src: Path, version: str) -> None:
    two = origin.git("rev-parse", "HEAD")
    origin.git("checkout", "-q", "-b", "devel")
    origin.commit({"file": "three"})
    devel = origin.commit({"file": "four"})
    loose = origin.commit({"file": "loose"})
    origin.git("update-ref", "refs/keep-around/x", loose)
    origin.git("reset", "-q", "--hard", devel)
    origin.git("tag", "-a", "-m", "signed", "signed", devel)
    origin.git("checkout", "-q", "main")
    tag = origin.git("rev-parse", "signed")
    text = {"OBJECT": tag, "LOOSE": loose, "WHOLE": devel, "SHORT": devel[:9]}.get(version, version)
    meant = {"devel~1": origin.git("rev-parse", "devel~1"), "HEAD": two, "null": two, "refs/keep-around/x": loose}
    meant |= {"refs/tags/one": origin.git("rev-parse", "one"), loose: loose}
    expected = meant.get(text, devel)
    (wanted,) = entries(f"lidar: {{type: git, url: '{origin.url}', version: {text}}}")
    if not wanted.commit:
        assert find_commits([wanted], Git()) == {wanted.source: expected}
    notes: list[str] = []
    assert bring([wanted], src, {}, Git(), notes.append) == {wanted.source: expected}
    clone = Upstream.__new__(Upstream)
    clone.folder = src / "lidar"
    assert clone.git("rev-parse", "HEAD") == expected
    on = clone.git("rev-parse", "--abbrev-ref", "HEAD")
    assert on == {"devel": "devel", "HEAD": "main", "null": "main"}.get(version, "HEAD")
    notes.clear()
    pins = {} if wanted.commit else {wanted.source: expected}
    for known in (pins, *([{}] if version != "refs/keep-around/x" else [])):  # which no clone has
        bring([wanted], src, known, Git(), notes.append)
    assert notes == []
    assert differences([wanted], src, pins) == ()


@pytest.mark.parametrize(
    ("ours", "wanted", "said"),
    [
        ("https://example.org/x/y.git", "https://example.org/x/y", ""),
        ("https://example.org/x/y/", "https://example.org/x/y.git", ""),
        ("git@example.org:x/y.git", "https://example.org/x/y", ""),
        ("ssh://git@Example.org/x/y", "git@example.org:x/y.git", ""),
        ("https://me:s3cret@example.org/x/y", "https://example.org/x/y", ""),
        ("/srv/up%201", "file:///srv/up%25201", ""),
        ("https://me:s3cret@example.org/x/z", "https://example.org/x/y", "comes from https://example.org/x/z, not"),
        ("https://t0ken@example.org/x/z", "https://example.org/x/y", "comes from https://example.org/x/z, not"),
        ("ssh://git:s3@cret@example.org/x/z", "https://example.org/x/y", "comes from ssh://git@example.org/x/z, not"),
        ("https://example.com/x/y", "https://example.org/x/y", "comes from https://example.com/x/y, not"),
    ],
)
def test_an_origin_is_compared_by_host_and_path_and_shown_without_its_login(
    origin: Upstream, src: Path, ours: str, wanted: str, said: str
) -> None:
    bring([entry(origin)], src, {}, Git(), lambda text: None)
    clone = Upstream.__new__(Upstream)
    clone.folder = src / "lidar"
    clone.git("config", "remote.origin.url", ours)
    notes: list[str] = []
    bring(entries(f"lidar: {{type: git, url: '{wanted}'}}"), src, {}, Git(), notes.append)
    assert bool(notes) == bool(said)
    assert said in "".join(notes)
    assert "s3" not in "".join(notes) and "t0ken" not in "".join(notes)


def test_an_empty_folder_is_cloned_into_and_a_link_to_one_is_left(origin: Upstream, src: Path) -> None:
    (src / "lidar").mkdir(parents=True)
    (src / "empty").mkdir()
    (src / "link").symlink_to("empty")
    notes: list[str] = []
    wanted = (entry(origin), *entries(f"link: {{type: git, url: '{origin.url}', version: one}}"))
    held = {f"{origin.url}@one": origin.git("rev-parse", "one")}
    assert bring(wanted, src, held, Git(), notes.append) == {origin.url: origin.git("rev-parse", "HEAD")}
    assert head(src / "lidar") == "two"
    assert "link is a link to empty, and no git repository: left as it is, not compared" in notes
    (problem,) = differences(wanted, src, held)
    assert "a link to empty" in problem.message
    assert list((src / "empty").iterdir()) == []


def test_an_address_of_a_folder_has_any_characters(tmp_path: Path, src: Path) -> None:
    made = Upstream(tmp_path / "größe [1] a&b")
    made.commit({"file": "here"})
    held = bring([entry(made)], src, {}, Git(), lambda text: None)
    assert head(src / "lidar") == "here"
    assert find_commits([entry(made)], Git()) == held


def test_a_mirror_stands_for_the_origin_and_is_named_where_it_fails(origin: Upstream, src: Path) -> None:
    (wanted,) = entries("lidar: {type: git, url: 'https://git.example.invalid/origin', version: one}")
    through = Git((("https://git.example.invalid/", f"file://{origin.folder.parent}/"),))
    assert find_commits([wanted], through) == bring([wanted], src, {}, through, lambda text: None)
    assert "https://git.example.invalid/origin" in (src / "lidar/.git/config").read_text(), "the real address stays"
    away = Git((("https://git.example.invalid/", "https://mirror.invalid/"),))
    with pytest.raises(OperationFailed) as raised:
        find_commits([wanted], away)
    assert "its mirror, https://mirror.invalid/ for https://git.example.invalid/" in raised.value.problems[0].hint
