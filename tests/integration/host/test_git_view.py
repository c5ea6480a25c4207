"""What git says of a view of a repository is what it says of the repository, for the repositories that people have."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from robenv.host.git.revision import Revision, read_revision
from robenv.host.git.view import UnreadableRepository, find_repository, git_view
from tests.support.servers.hostile_git import git


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/robenv/views"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return made(tmp_path / "repository")


def made(folder: Path, *words: str) -> Path:
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main", *words)
    (folder / "src").mkdir()
    (folder / "src/file").write_text("one\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "one")
    git(folder, "tag", "v1")
    return folder


def changes(folder: Path, *paths: Path) -> int:
    with git_view(str(folder), os.environ) as seen:
        return seen.changes([str(path) for path in paths])


def count(folder: Path) -> int:
    return len(git(folder, "status", "--porcelain", "--no-renames", "--ignore-submodules=none").splitlines())


def test_a_view_goes_when_it_is_done(repository: Path, cache: Path) -> None:
    with git_view(str(repository), os.environ) as seen:
        (place,) = cache.iterdir()
        assert [one.stat().st_mode & 0o777 for one in (cache, place)] == [0o700, 0o700]
        assert seen.branch == "main"
        assert seen.ask("rev-parse", "HEAD", "v1", "main").split() == [git(repository, "rev-parse", "HEAD")] * 3
    assert list(cache.iterdir()) == []


@contextmanager
def _before_and_after(repository: Path) -> Iterator[None]:
    assert changes(repository) == count(repository)
    yield
    assert changes(repository) == count(repository)


def test_what_has_changed_is_counted_as_git_does(repository: Path) -> None:
    with _before_and_after(repository):
        (repository / "src/file").write_text("two\n")
    with _before_and_after(repository):
        (repository / "new").touch()
    with _before_and_after(repository):
        git(repository, "add", "--all")
        git(repository, "mv", "new", "newer")
    with _before_and_after(repository):
        (repository / ".gitignore").write_text("*.o\n")
        (repository / "x.o").touch()
        (repository / ".git/info/exclude").write_text("mine\n")
        (repository / "mine").touch()
    with _before_and_after(repository):
        (repository / "src/file").unlink()
    with _before_and_after(repository):
        git(repository, "reset", "--hard", "--quiet", "HEAD")
    assert changes(repository, repository / "src") == 0


@pytest.mark.parametrize("setting", [("core.fileMode", "false"), ("core.autocrlf", "true")])
def test_how_files_lie_in_the_working_tree_is_no_change(repository: Path, setting: tuple[str, str]) -> None:
    git(repository, "config", *setting)
    if setting[0] == "core.fileMode":
        (repository / "src/file").chmod(0o777)
    else:
        (repository / "src/file").unlink()
        git(repository, "checkout", "--", "src/file")
        assert (repository / "src/file").read_bytes() == b"one\r\n"
        os.utime(repository / "src/file", (1, 1))
    assert changes(repository) == 0


def test_files_of_a_filter_are_no_change_once_git_has_looked_at_them(repository: Path) -> None:
    """As with git LFS: what lies there is not what was committed, and the filter is not run to find out."""
    git(repository, "config", "filter.big.clean", "sed s/large/pointer/")
    git(repository, "config", "filter.big.smudge", "sed s/pointer/large/")
    (repository / ".gitattributes").write_text("*.bin filter=big\n")
    (repository / "a.bin").write_text("large\n")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "-m", "big")
    assert git(repository, "show", "HEAD:a.bin") == "pointer"
    time.sleep(1.1)  # in the same second git could not tell a change by the time
    git(repository, "add", "--renormalize", "--all")
    git(repository, "update-index", "--really-refresh")
    assert changes(repository) == count(repository) == 0
    (repository / "a.bin").write_text("larger\n")
    assert changes(repository) == count(repository) == 1


@pytest.mark.parametrize("where", ["inside", "absorbed"])
def test_a_changed_submodule_is_a_change(repository: Path, tmp_path: Path, where: str) -> None:
    inner = made(tmp_path / "inner")
    if where == "absorbed":
        git(repository, "submodule", "--quiet", "add", str(inner), "src/inner")
    else:
        git(repository, "clone", "--quiet", str(inner), "src/inner")
        git(repository, "-c", "advice.addEmbeddedRepo=false", "add", "src/inner")
    git(repository, "commit", "--quiet", "-m", "inner")
    assert (repository / "src/inner/.git").is_file() == (where == "absorbed")
    with _before_and_after(repository):
        (repository / "src/inner/src/file").write_text("two\n")
    assert changes(repository, repository / "src") == 1
    assert changes(repository, repository / "src/inner/src") == 1
    assert changes(repository, repository / "src/file") == 0
    git(repository / "src/inner", "commit", "--quiet", "--all", "-m", "two")
    assert changes(repository) == count(repository) == 1
    assert read_revision(str(repository / "src/inner"), [], os.environ).commit == git(
        repository / "src/inner", "rev-parse", "HEAD"
    )


def test_a_linked_working_tree_is_read(repository: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git(repository, "worktree", "add", "--quiet", "-b", "other", str(linked))
    (linked / "src/file").write_text("two\n")
    git(linked, "commit", "--quiet", "--all", "-m", "two")
    found = read_revision(str(linked / "src"), [str(linked / "src")], os.environ)
    assert (found.commit, found.dirty) == (git(linked, "rev-parse", "HEAD"), False)
    assert found.tag.startswith("v1-1-g")
    (linked / "src/file").write_text("three\n")
    assert read_revision(str(linked), [str(linked / "src")], os.environ).dirty


def test_refs_that_are_packed_and_not(repository: Path) -> None:
    for name in ("feature/x", "feature/y"):
        git(repository, "branch", name)
    git(repository, "tag", "-a", "-m", "said", "said")
    git(repository, "pack-refs", "--all")
    (repository / "src/file").write_text("two\n")
    git(repository, "commit", "--quiet", "--all", "-m", "two")
    git(repository, "symbolic-ref", "refs/heads/alias", "refs/heads/feature/x")
    names = ("HEAD", "main", "feature/x", "feature/y", "alias", "said", "said^{commit}", "v1")
    with git_view(str(repository), os.environ) as seen:
        assert [seen.commit(name) for name in names] == [git(repository, "rev-parse", name) for name in names]
        assert seen.ask("describe", "--tags") == git(repository, "describe", "--tags") + "\n"


@pytest.mark.parametrize("words", [("--object-format=sha256",), ()])
def test_both_kinds_of_digests_and_an_empty_repository(tmp_path: Path, words: tuple[str, ...]) -> None:
    full = made(tmp_path / "full", *words)
    assert read_revision(str(full), [], os.environ).commit == git(full, "rev-parse", "HEAD")
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "--quiet", *words)
    assert read_revision(str(empty), [], os.environ) == Revision()


def test_where_a_repository_is_looked_for(repository: Path, tmp_path: Path) -> None:
    deep = repository / "src/a/b"
    (deep / ".git").mkdir(parents=True)
    assert find_repository(str(deep), {}) == str(repository), "an empty folder is none"
    assert find_repository(str(deep), {"GIT_CEILING_DIRECTORIES": str(repository / "src")}) == ""
    assert find_repository(str(deep), {"GIT_CEILING_DIRECTORIES": str(tmp_path)}) == str(repository)
    assert find_repository(str(repository / "nothing"), {}) == ""


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ("[extensions]\nrefStorage = reftable\n", "kept as a reftable"),
        ("[extensions]\nsomethingNew = true\n", "an extension that robenv does not know: somethingnew"),
        ("[core\n", "cannot read its configuration"),
        ("x" * (2 << 20), "its config is larger than 1024 KiB"),
    ],
)
def test_a_repository_that_cannot_be_read_is_told_why(repository: Path, config: str, why: str) -> None:
    (repository / ".git/config").write_text(config)
    with pytest.raises(UnreadableRepository, match=why), git_view(str(repository), os.environ):
        raise AssertionError
    assert read_revision(str(repository), [], os.environ) == Revision()


@pytest.mark.parametrize("text", ["gitdir: a\0b\n", "gitdir: \n", "gitdir: /nothing\x1b[2J\n", "x", ""])
def test_a_git_file_that_leads_nowhere(repository: Path, tmp_path: Path, text: str) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / ".git").write_text(text)
    with pytest.raises(UnreadableRepository) as raised, git_view(str(linked), os.environ):
        raise AssertionError
    assert str(raised.value).isprintable()
    (repository / ".git/commondir").write_text("a\0b")
    with pytest.raises(UnreadableRepository), git_view(str(repository), os.environ):
        raise AssertionError


def test_without_git_nothing_is_said(repository: Path) -> None:
    assert read_revision(str(repository), [], {"PATH": "/nowhere"}) == Revision()


def test_a_file_on_its_way_to_somewhere_else_is_not_waited_for(repository: Path) -> None:
    """A named pipe in the place of an object's pack or a file: git would wait for somebody to write."""
    (repository / "src/file").unlink()
    os.mkfifo(repository / "src/file")
    assert changes(repository) == count(repository)
    done = subprocess.run(["git", "-C", str(repository), "ls-files"], check=True, capture_output=True, text=True)
    assert done.stdout == "src/file\n"
