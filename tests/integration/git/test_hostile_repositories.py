"""A repository in the workspace that a command in the container has written: with the real git, nothing of it runs."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from robenv.errors import OperationFailed
from robenv.git.command import Git, GitFailed
from robenv.git.workspace.clones import bring, find_commits
from robenv.git.workspace.differences import differences
from robenv.git.workspace.repos_file import RepositoryEntry
from robenv.git.workspace.repos_out import changes, hold, known_here
from robenv.host.git.revision import Revision, read_revision
from robenv.host.git.view import UnreadableRepository, git_view
from tests.support.servers.hostile_git import PAYLOADS, Payload, bite, config, git
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
    return tmp_path / "ws/src"


def quiet(text: str) -> None: ...


def cloned(origin: Upstream, src: Path, version: str = "main") -> tuple[RepositoryEntry, dict[str, str]]:
    wanted = entry(origin, version)
    return wanted, bring([wanted], src, {}, Git(), quiet)


def origin_commit(clone: Path) -> str:
    return git(clone.parents[2] / "origin", "rev-parse", "one")


def ask_everything(wanted: RepositoryEntry, src: Path, pins: dict[str, str], folder: Path) -> None:
    """All that robenv asks of a clone: `up`, `lock`, `update repos`, `save`, and the labels of a run image."""
    clone = src / wanted.path
    bring([wanted], src, pins, Git(), quiet)
    differences([wanted], src, pins)
    known_here(wanted, clone)
    held, _ = hold([wanted], src, {wanted.source: origin_commit(clone), **pins}, Git(), quiet)
    for one in held:
        changes(one, clone)
        with contextlib.suppress(GitFailed):
            one.has_filters()
            one.write_pack(Git(), folder / "pack")
    read_revision(str(clone), [str(clone)], os.environ)


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_nothing_of_a_clone_runs(
    origin: Upstream, src: Path, tmp_path: Path, payload: Payload, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, pins = cloned(origin, src)
    mark = tmp_path / "mark"
    payload.plant(src / "lidar", mark)
    mark.unlink(missing_ok=True)  # git, setting it up
    monkeypatch.chdir(src / "lidar")
    ask_everything(wanted, src, pins, tmp_path)
    ask_everything(entry(origin, "one"), src, {}, tmp_path)
    assert not mark.exists()
    assert bite(payload, src / "lidar", mark), "the payload must be one"


def test_the_users_own_filters_do_not_run_either(
    origin: Upstream, src: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The repository says which files they get, and a filter can be anything."""
    wanted, pins = cloned(origin, src)
    mark, clone = tmp_path / "mark", src / "lidar"
    (tmp_path / "gitconfig").write_text(f'[filter "x"]\n\tclean = "touch {mark}; cat"\n\trequired = true\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    for place in (clone / ".gitattributes", clone / ".git/info/attributes"):
        place.parent.mkdir(exist_ok=True)
        place.write_text("[attr]big filter=x\n* big\n*.c filter=x\n" if place.parent != clone else "* filter=x\n")
    os.utime(clone / "file", (1, 1))
    ask_everything(wanted, src, pins, tmp_path)
    assert not mark.exists()
    git(clone, "status")
    assert mark.exists(), "the payload must be one"


def test_the_network_is_asked_without_the_repository_that_one_stands_in(
    src: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workspace itself can be a repository, and so can any folder of it."""
    src.mkdir(parents=True)
    git(src, "init", "--quiet")
    mark = tmp_path / "mark"
    config(src, ("core.sshCommand", f"touch {mark}; false"))
    monkeypatch.chdir(src)
    url = "ssh://localhost:1/p.git"
    subprocess.run(["git", "ls-remote", url], check=False, capture_output=True)
    assert mark.exists(), "the payload must be one"
    mark.unlink()
    (wanted,) = entries(f"lidar: {{type: git, url: '{url}', version: main}}")
    with pytest.raises(OperationFailed):
        find_commits([wanted], Git())
    with pytest.raises(OperationFailed):
        bring([wanted], src, {}, Git(), quiet)
    assert not mark.exists()


def test_what_a_clone_lacks_is_not_fetched_but_asked_of_its_origin(origin: Upstream, src: Path, tmp_path: Path) -> None:
    """An honest partial clone too: nobody fetches while robenv only asks."""
    git(origin.folder, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", "--no-checkout", origin.url, str(src / "lidar"))
    wanted = entry(origin, "main")
    pins = {wanted.source: known_here(wanted, src / "lidar")}
    assert pins == find_commits([wanted], Git())
    notes: list[str] = []
    assert not bring([wanted], src, pins, Git(), notes.append)
    ((held,), problems) = hold([wanted], src, pins, Git(), notes.append)
    assert problems == () and held.clone is None
    assert [note.partition(" ")[0] for note in notes] == ["fetching"]
    packs = list((src / "lidar/.git/objects/pack").glob("*.pack"))
    assert len(packs) == 1, "the clone is as it was"


def test_objects_of_another_repository_do_not_go_along(origin: Upstream, src: Path, tmp_path: Path) -> None:
    secret = Upstream(tmp_path / "secret")
    commit = secret.commit({"key": "private"})
    wanted, pins = cloned(origin, src)
    alternates = src / "lidar/.git/objects/info/alternates"
    alternates.parent.mkdir(exist_ok=True)
    alternates.write_text(f"{secret.folder}/.git/objects\n")
    assert git(src / "lidar", "cat-file", "-t", commit) == "commit", "the payload must be one"
    held, problems = hold([wanted], src, {wanted.source: commit}, Git(), quiet)
    assert held == () and "has no commit" in problems[0].message
    ((held_one,), _) = hold([wanted], src, pins, Git(), quiet)
    assert held_one.clone == src / "lidar", "its own are there as ever"


@pytest.mark.parametrize("way", ["file", "link", "shared", "objects"])
def test_a_repository_elsewhere_is_not_read(origin: Upstream, src: Path, tmp_path: Path, way: str) -> None:
    """One of the user's own that the container cannot read: its commit gets into no label, its files into no file."""
    secret = tmp_path / "home/secret"
    git(tmp_path, "clone", "--quiet", origin.url, str(secret))
    mine = git(secret, "rev-parse", "HEAD")
    clone = src / "lidar"
    clone.mkdir(parents=True)
    if way == "file":
        (clone / ".git").write_text(f"gitdir: {secret}/.git\n")
    elif way == "link":
        (clone / ".git").symlink_to(secret / ".git")
    else:
        git(clone, "init", "--quiet", "--initial-branch=main")
        git(clone, "config", "remote.origin.url", origin.url)
    if way == "shared":
        (clone / ".git/commondir").write_text(f"{secret}/.git\n")
    if way == "objects":
        shutil.rmtree(clone / ".git/objects")
        (clone / ".git/objects").symlink_to(secret / ".git/objects")
        (clone / ".git/refs/heads/main").write_text(f"{mine}\n")
    assert git(clone, "rev-parse", "HEAD") == mine, "git itself would read it"
    notes: list[str] = []
    wanted = entry(origin, "main")
    assert read_revision(str(clone), [str(clone)], os.environ) == Revision()
    assert known_here(wanted, clone) == ""
    assert not bring([wanted], src, {wanted.source: mine}, Git(), notes.append)
    assert "lidar cannot be compared, since" in notes[0] and "left as it is" in notes[0]
    assert "cannot be compared with the lock" in differences([wanted], src, {wanted.source: mine})[0].message
    shutil.rmtree(origin.folder)
    held, problems = hold([wanted], src, {wanted.source: mine}, Git(), quiet)
    assert held == () and len(problems) == 1


def test_a_repository_that_becomes_another_one_while_it_is_read(origin: Upstream, src: Path, tmp_path: Path) -> None:
    """Again and again, one of the user's own; nothing of that is seen."""
    secret = Upstream(tmp_path / "secret")
    private = secret.commit({"key": "private"})
    secret.git("remote", "add", "origin", "https://e.org/private")
    _, pins = cloned(origin, src)
    clone = src / "lidar"
    over, numbers = threading.Event(), itertools.count()

    def exchange() -> None:
        while not over.is_set():
            for name in (".git", ".git/refs", ".git/refs/heads", ".git/HEAD", ".git/config", ".git/objects"):
                aside = tmp_path / f"aside{next(numbers)}"
                with contextlib.suppress(OSError):
                    (clone / name).rename(aside)
                    (clone / name).symlink_to(secret.folder / name)
                    time.sleep(0.0005)
                    (clone / name).unlink()
                    aside.rename(clone / name)
                time.sleep(0.003)

    thread = threading.Thread(target=exchange)
    thread.start()
    seen = []
    try:
        for _ in range(200):
            with contextlib.suppress(UnreadableRepository), git_view(str(clone), os.environ) as found:
                seen.append((found.commit("HEAD"), found.commit("main"), found.origin))
    finally:
        over.set()
        thread.join()
    assert private not in {commit for one in seen for commit in one[:2]}
    assert {origin for *_, origin in seen} <= {"", origin.url}
    assert {commit for one in seen for commit in one[:2]} & {*pins.values()}, "some get through between two exchanges"


def test_what_is_told_of_a_repository_reaches_no_terminal_as_it_is(origin: Upstream, src: Path) -> None:
    wanted, pins = cloned(origin, src)
    evil = "\x1b]0;owned\x07\u202e"
    git(src / "lidar", "config", "remote.origin.url", f"https://e.org/{evil}")
    notes: list[str] = []
    bring([wanted], src, pins, Git(), notes.append)
    shutil.rmtree(src / "lidar")
    (src / "lidar").mkdir()
    (src / "lidar/.git").write_text(f"gitdir: /{evil}\n")
    bring([wanted], src, pins, Git(), notes.append)
    assert len(notes) == 2 and all(note.isprintable() for note in notes)


def test_a_replaced_commit_is_not_what_a_label_names(origin: Upstream, src: Path) -> None:
    _, pins = cloned(origin, src)
    clone = src / "lidar"
    before = read_revision(str(clone), [], os.environ)
    git(clone, "replace", "HEAD", "one")
    assert git(clone, "show", "HEAD:file") == "one", "git itself would follow it"
    assert read_revision(str(clone), [], os.environ) == before
    assert before.commit in pins.values()


def test_an_index_that_names_files_elsewhere_has_none_of_them_read(origin: Upstream, src: Path, tmp_path: Path) -> None:
    wanted, pins = cloned(origin, src)
    clone = src / "lidar"
    (src.parent / "secret").write_text("private")
    blob = git(clone, "hash-object", "-w", str(src.parent / "secret"))
    argv = ["git", "-C", str(clone), "update-index", "--add", "--index-info"]
    subprocess.run(argv, input=f"100644 {blob}\txxxx/xxxx/secret\n", text=True, check=True)
    index = clone / ".git/index"
    data = index.read_bytes()
    assert b"xxxx/xxxx/secret" in data
    data = data[:-20].replace(b"xxxx/xxxx/secret", b"../.././../secre")
    index.write_bytes(data + hashlib.sha1(data).digest())
    ((held,), _) = hold([wanted], src, pins, Git(), quiet)
    assert changes(held, clone) == "files that git cannot compare"
    assert read_revision(str(clone), [str(clone)], os.environ).dirty


@pytest.mark.parametrize(
    "what",
    [
        "HEAD",
        "config",
        "packed-refs",
        "index",
        "shallow",
        "refs/heads/main",
        "objects/pack",
        "objects/pack/pack-0.idx",
        "object",
    ],
)
def test_what_is_no_plain_file_keeps_nobody_waiting(origin: Upstream, src: Path, what: str) -> None:
    _, pins = cloned(origin, src)
    place = src / "lidar/.git" / what
    if what == "object":
        (commit,) = pins.values()
        place = src / "lidar/.git/objects" / commit[:2] / commit[2:]
        place.parent.mkdir(exist_ok=True)
    if what == "objects/pack/pack-0.idx":
        place.with_suffix(".pack").touch()
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    wanted = entry(origin, "main")
    differences([wanted], src, pins)
    read_revision(str(src / "lidar"), [str(src / "lidar")], os.environ)
    hold([wanted], src, pins, Git(), quiet)
    assert known_here(wanted, src / "lidar") in (*pins.values(), "")


def test_a_ref_with_a_name_that_leaves_the_view_is_none(origin: Upstream, src: Path, cache: Path) -> None:
    wanted, pins = cloned(origin, src)
    git_folder = src / "lidar/.git"
    (git_folder / "refs/heads/main.lock").write_text("ref: refs/heads/main\n")
    with (git_folder / "packed-refs").open("a") as file:
        for name in ("refs/../../../../escaped", "refs/heads/../../config", "/tmp/escaped", "refs/heads/.x"):
            file.write(f"{pins[wanted.source]} {name}\n")
    (git_folder / "refs/remotes/origin/HEAD").write_text("ref: refs/../../../../../escaped\n")
    assert known_here(wanted, src / "lidar") == pins[wanted.source]
    assert not list(cache.rglob("escaped")) and not list((cache / "robenv/views").iterdir())
