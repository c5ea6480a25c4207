"""Trees that are fetched: hostile ones leave nothing behind, and what is in the cache is held against its commit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from robenv.git import packs
from robenv.git.command import Git, GitFailed
from robenv.git.profile_cache import CachedRepository
from robenv.git.references import parse_reference
from robenv.paths import is_fetched
from tests.support.projects.homes import open_folder
from tests.support.projects.project import ROBENV, as_user
from tests.support.servers.raw_git import RawObjects, corpus, served, write_repository
from tests.support.servers.upstream import FILES, Upstream

pytestmark = pytest.mark.usefixtures("cache")

CASES = corpus("git_trees")
HOSTILE = {name: case for name, case in CASES.items() if case["refused"]}
USER = 1000
BY_HTTP = (
    "escape-into-home", "escape-without-a-name-twice", "file-twice", "folder-twice", "dot-dot", "backslash",
    "link-above", "link-absolute", "link-in-circles", "names-that-fold", "empty-name", "a-mode-of-a-pipe",
)  # fmt: skip
"""One of each kind: a fetch by http takes half a second, and the judge itself is tried with all (test_tree.py)."""


@contextmanager
def address(folder: Path, scheme: str) -> Iterator[str]:
    """Of the repository ``evil`` in the folder. By http, git looks at no object that it fetches: only robenv does."""
    if scheme == "file":
        yield f"file://{folder}/evil"
    else:
        with served(folder) as url:
            yield f"{url}/evil"


class Home:
    """An ordinary user's home folder, with a project that extends the repository at ``url``."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.project = folder / "work" / "project"
        self.project.mkdir(parents=True)
        (self.project / "robenv.yaml").write_text(f"name: p\nextends: ['git+{url}@main#robenv']\n")
        for path in (folder, folder / "work", self.project, self.project / "robenv.yaml"):
            os.chown(path, USER, USER)
        kept = ("PATH", "LANG", "PYTHONPATH")
        self.environ = {name: os.environ[name] for name in kept if name in os.environ}
        self.environ["HOME"] = str(folder)
        # Without it, git would refuse a repository of another user's on this machine.
        (folder / ".gitconfig").write_text("[safe]\n\tdirectory = *\n")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*as_user(USER), *ROBENV, *words],
            cwd=self.project,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def files(self) -> set[str]:
        """All but what robenv's cache has."""
        every = (path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*"))
        return {path for path in every if path != ".cache" and not f"{path}/".startswith(".cache/robenv/")}


@pytest.mark.parametrize("scheme", ["file", "http"])
@pytest.mark.parametrize("command", [("validate",), ("render", "-o", "out")], ids=lambda words: str(words[0]))
def test_a_tree_that_leads_into_the_home_folder_writes_nothing_there(
    anybodys: Path, scheme: str, command: tuple[str, ...]
) -> None:
    write_repository(anybodys / "evil", CASES["escape-into-home"]["tree"])
    with address(anybodys, scheme) as url:
        home = Home(anybodys / "home", url)
        before = home.files()
        done = home.run(*command)
    assert done.returncode == 3, done
    assert "refused" in done.stderr or "twice" in done.stderr or "duplicate" in done.stderr
    assert "Traceback" not in done.stderr
    assert home.files() == before
    assert list(home.folder.glob(".cache/robenv/git/*/trees/*")) == []


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_no_hostile_tree_leaves_anything(tmp_path: Path, cache: Path, scheme: str) -> None:
    """Each of the corpus: by http robenv's own judgement comes, by file:// git's may come before it."""
    chosen = HOSTILE if scheme == "file" else {name: HOSTILE[name] for name in BY_HTTP}
    for name, case in chosen.items():
        folder = tmp_path / name
        commit = write_repository(folder / "evil", case["tree"])
        with address(folder, scheme) as url, pytest.raises(GitFailed) as caught:
            repository = CachedRepository(url, quiet)
            repository.resolve(parse_reference(f"git+{url}@main"))
            repository.unpacked(commit)
        if scheme == "http" and name != "empty-name":  # over which git itself stops, as soon as it looks at it
            assert case["refused"] in caught.value.message, name
        assert [path.name for path in repository.tree(commit).parent.glob("*")] == [], name
    assert {path.name for path in tmp_path.iterdir()} == {*chosen, "cache"}
    assert {path.name for path in (cache / "robenv").iterdir()} == {"git"}


@pytest.mark.parametrize("scheme", ["file", "http"])
@pytest.mark.parametrize("name", [name for name in CASES if name not in HOSTILE])
def test_what_is_only_odd_is_taken(tmp_path: Path, name: str, scheme: str) -> None:
    commit = write_repository(tmp_path / "evil", CASES[name]["tree"])
    with address(tmp_path, scheme) as url:
        repository = CachedRepository(url, quiet)
        assert repository.resolve(parse_reference(f"git+{url}@main")) == commit
        tree = repository.unpacked(commit)
    assert (tree / "robenv.yaml").is_file()
    repository.write_pack(commit, tmp_path / "pack")
    shutil.rmtree(repository.folder)
    repository.take_pack(commit, tmp_path / "pack")
    assert repository.unpacked(commit) == tree


def test_git_finds_the_fault_of_a_pack(tmp_path: Path) -> None:
    """Not robenv: nothing of it is unpacked here."""
    for name in ("file-twice", "own-folder-below", "dot-dot", "escape-into-home"):
        commit = write_repository(tmp_path / name, CASES[name]["tree"])
        here = packs.in_bare(tmp_path / name)
        packs.write_pack(Git(), "x", here, [commit], tmp_path / "pack")
        there = CachedRepository(f"file:///{name}", quiet)
        with pytest.raises(GitFailed, match="not what they should be") as caught:
            there.take_pack(commit, tmp_path / "pack")
        assert "fsck error" in caught.value.details
        assert not there.has(commit)


def quiet(text: str) -> None:
    """No notes."""


@pytest.fixture
def anybodys() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def fetched(upstream: Upstream, notes: list[str]) -> tuple[CachedRepository, str, Path]:
    repository = CachedRepository(upstream.url, notes.append)
    (upstream.folder / "run.sh").write_text("#!/bin/sh\n")
    (upstream.folder / "run.sh").chmod(0o755)
    (upstream.folder / "ros" / "link").symlink_to("base.yaml")
    commit = upstream.commit({})
    repository.fetch(commit)
    tree = repository.unpacked(commit)
    notes.clear()
    return repository, commit, tree


def opened(path: Path) -> Path:
    """As whoever the tree was mounted for would: its own user may give the right to write."""
    path.parent.chmod(0o755)
    if path.is_file():
        path.chmod(0o644)
    return path


def _text(tree: Path) -> None:
    path = opened(tree / "robenv.yaml")
    path.write_text("base: {image: evil}\n")
    path.chmod(0o444)
    tree.chmod(0o555)


def _same_size_and_time(tree: Path) -> None:
    path = opened(tree / "robenv.yaml")
    before = path.stat()
    path.write_text(path.read_text().replace("y", "z"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    path.chmod(0o444)
    tree.chmod(0o555)


def _another_file(tree: Path) -> None:
    opened(tree / "ros" / "more.yaml").write_text("x")
    (tree / "ros").chmod(0o555)


def _gone(tree: Path) -> None:
    opened(tree / "ros" / "cyclone.xml").unlink()
    (tree / "ros").chmod(0o555)


def _executable(tree: Path) -> None:
    (tree / "robenv.yaml").chmod(0o555)


def _not_executable(tree: Path) -> None:
    (tree / "run.sh").chmod(0o444)


def _writable_file(tree: Path) -> None:
    (tree / "run.sh").chmod(0o755)


def _writable_folder(tree: Path) -> None:
    (tree / "ros").chmod(0o755)


def _link_for_a_file(tree: Path) -> None:
    path = opened(tree / "robenv.yaml")
    shutil.copyfile(path, tree.parent.parent / "copy")
    path.unlink()
    path.symlink_to(tree.parent.parent / "copy")
    tree.chmod(0o555)


def _link_for_a_folder(tree: Path) -> None:
    tree.chmod(0o755)
    (tree / "ros").rename(tree.parent.parent / "moved")
    (tree / "ros").symlink_to(tree.parent.parent / "moved")
    tree.chmod(0o555)


def _another_link(tree: Path) -> None:
    path = tree / "ros" / "link"
    path.parent.chmod(0o755)
    path.unlink()
    path.symlink_to("/etc/passwd")
    path.parent.chmod(0o555)


def _link_for_the_tree(tree: Path) -> None:
    moved = tree.parent.parent / "moved"
    tree.rename(moved)
    tree.symlink_to(moved)


def _pipe(tree: Path) -> None:
    path = opened(tree / "robenv.yaml")
    path.unlink()
    os.mkfifo(path, 0o444)
    tree.chmod(0o555)


def _list(tree: Path) -> None:
    (tree.parent / f"{tree.name}.objects").write_bytes(b"commit 3\0abc")


CHANGES = [
    _text, _same_size_and_time, _another_file, _gone, _executable, _not_executable, _writable_file, _writable_folder,
    _link_for_a_file, _link_for_a_folder, _link_for_the_tree, _another_link, _pipe, _list,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_tree_that_was_changed_is_made_anew_with_a_note(
    fetched: tuple[CachedRepository, str, Path], notes: list[str], change: Callable[[Path], None]
) -> None:
    repository, commit, tree = fetched
    change(tree)
    assert repository.unpacked(commit) == tree
    (note,) = notes
    assert "was changed" in note and "anew" in note
    assert {name: (tree / name).read_text() for name in FILES} == FILES
    assert (tree / "ros" / "link").readlink() == Path("base.yaml")
    assert not (tree / "ros" / "more.yaml").exists()
    notes.clear()
    repository.unpacked(commit)
    assert notes == []
    assert {path.name for path in tree.parent.iterdir()} == {commit, f"{commit}.objects"}


@pytest.mark.parametrize("change", CHANGES)
def test_a_tree_that_was_changed_and_cannot_be_made_anew_is_not_used(
    fetched: tuple[CachedRepository, str, Path], change: Callable[[Path], None]
) -> None:
    repository, commit, tree = fetched
    change(tree)
    shutil.rmtree(repository.folder / "git")
    with pytest.raises(GitFailed, match="not what the commit holds") as caught:
        repository.unpacked(commit)
    assert str(repository.folder) in caught.value.hint
    subprocess.run(caught.value.hint.split("`")[1], shell=True, check=True)
    assert not repository.folder.exists()


def test_an_untouched_tree_needs_nothing_but_itself(
    fetched: tuple[CachedRepository, str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository, commit, tree = fetched
    shutil.rmtree(repository.folder / "git")
    monkeypatch.setenv("PATH", "/nowhere")
    inode = tree.stat().st_ino
    assert repository.unpacked(commit).stat().st_ino == inode


def test_trees_of_an_earlier_robenv_are_made_anew_without_a_word(
    fetched: tuple[CachedRepository, str, Path], notes: list[str]
) -> None:
    repository, commit, tree = fetched
    (tree.parent / f"{commit}.objects").unlink()
    for folder, _, files in os.walk(tree):
        Path(folder).chmod(0o755)
        for name in files:
            (Path(folder) / name).chmod(0o644)
    (tree.parent / f"{commit}.abc.new").mkdir()
    assert repository.unpacked(commit) == tree
    assert notes == []
    assert tree.stat().st_mode & 0o777 == 0o555
    assert {path.name for path in tree.parent.iterdir()} == {commit, f"{commit}.objects"}


def test_nobody_may_write_to_what_was_fetched(fetched: tuple[CachedRepository, str, Path]) -> None:
    _, _, tree = fetched
    modes = {path.relative_to(tree).as_posix(): path.lstat().st_mode & 0o777 for path in [tree, *tree.rglob("*")]}
    assert (modes["."], modes["ros"], modes["run.sh"], modes["robenv.yaml"]) == (0o555, 0o555, 0o555, 0o444)


def test_a_commit_in_the_longer_format(tmp_path: Path, notes: list[str]) -> None:
    folder = tmp_path / "sha256"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", "--object-format=sha256", "--initial-branch=main", str(folder)], check=True)
    upstream = Upstream.__new__(Upstream)
    upstream.folder = folder
    commit = upstream.commit(FILES)
    assert len(commit) == 64
    packs.write_pack(Git(), upstream.url, packs.in_clone(folder), [commit], tmp_path / "pack")
    repository = CachedRepository(upstream.url, notes.append)
    repository.take_pack(commit, tmp_path / "pack")
    tree = repository.unpacked(commit)
    _text(tree)
    assert (repository.unpacked(commit) / "robenv.yaml").read_text() == FILES["robenv.yaml"]
    assert len(notes) == 1


def test_holding_a_usual_tree_against_its_commit_takes_milliseconds(tmp_path: Path) -> None:
    objects: list[Any] = [["40000", f"d{n}", [["100644", f"f{m}", "x" * 2000] for m in range(8)]] for n in range(8)]
    commit = write_repository(tmp_path / "up", [*objects, ["100644", "robenv.yaml", ""]])
    repository = CachedRepository(f"file://{tmp_path}/up", quiet)
    repository.fetch(commit)
    repository.unpacked(commit)
    times = []
    for _ in range(10):
        started = time.perf_counter()
        repository.unpacked(commit)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.05


def test_an_ordinary_user_writes_and_removes_such_trees(anybodys: Path) -> None:
    upstream = Upstream(anybodys / "up")
    upstream.commit({"robenv.yaml": "base: {image: x}\n", "d/x": "1"})
    home = Home(anybodys / "home", upstream.url)
    done = home.run("validate")
    assert done.returncode == 0, done.stderr
    (tree,) = (path for path in home.folder.glob(".cache/robenv/git/*/trees/*") if path.is_dir())
    assert (tree.stat().st_uid, tree.stat().st_mode & 0o777) == (USER, 0o555)
    (tree / "robenv.yaml").chmod(0o644)
    again = home.run("validate")
    assert again.returncode == 0, again.stderr
    assert "was changed" in again.stderr
    assert [path.name for path in tree.parent.iterdir() if path.is_dir()] == [tree.name]


def test_what_is_fetched_is_known_by_its_place(
    fetched: tuple[CachedRepository, str, Path], tmp_path: Path, cache: Path
) -> None:
    _, _, tree = fetched
    (tmp_path / "to-it").symlink_to(tree / "ros")
    for path in (
        tree,
        tree / "ros",
        tree / "ros" / "base.yaml",
        tree / "none",
        tmp_path / "to-it",
        cache / "robenv/git",
    ):
        assert is_fetched(str(path)), path
    for path in (cache, cache / "robenv", cache / "robenv" / "gitx", tmp_path, Path("/"), Path("/nowhere")):
        assert not is_fetched(str(path)), path


def test_a_repository_of_too_many_files_ends_early(tmp_path: Path) -> None:
    objects = RawObjects()
    blob = objects.add("blob", b"")
    entries = b"".join(f"100644 f{n:06}\0".encode() + bytes.fromhex(blob) for n in range(50_000))
    commit = write_repository(tmp_path / "evil", [])
    script = (
        "import sys; from robenv.git.profile_cache import CachedRepository as R\n"
        "R(sys.argv[1], print).unpacked(sys.argv[2])"
    )
    raw = subprocess.run(
        ["git", "--git-dir", str(tmp_path / "evil"), "hash-object", "-w", "-t", "blob", "--stdin"],
        input=b"", capture_output=True, check=True,
    )  # fmt: skip
    assert raw.stdout.decode().strip() == blob
    hashed = ["git", "--git-dir", str(tmp_path / "evil"), "hash-object", "-w", "--stdin", "-t"]
    tree = subprocess.run([*hashed, "tree"], input=entries, capture_output=True, check=True).stdout.decode().strip()
    text = f"tree {tree}\nauthor A <a@e.org> 1 +0000\ncommitter A <a@e.org> 1 +0000\n\nx\n"
    commit = subprocess.run([*hashed, "commit"], input=text.encode(), capture_output=True, check=True).stdout.decode()
    url = f"file://{tmp_path}/evil"
    (tmp_path / "evil/refs/heads/main").write_text(commit)
    CachedRepository(url, quiet).resolve(parse_reference(f"git+{url}@main"))
    done = subprocess.run(
        [sys.executable, "-c", script, url, commit.strip()], capture_output=True, text=True, check=False
    )
    assert "more than 20000 files" in done.stderr
