"""The workspace's repositories on their way to where there is no network, with the real git: the origins are taken away
before anything is made of what was carried."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from robenv.errors import OperationFailed
from robenv.git.command import Git, GitFailed
from robenv.git.profile_cache import CachedRepository
from robenv.git.workspace.clones import bring
from robenv.git.workspace.clones_in import CarriedCommit, clone_pack, keep
from robenv.git.workspace.differences import differences
from robenv.git.workspace.repos_file import RepositoryEntry
from robenv.git.workspace.repos_out import HeldCommit, changes, hold, known_here
from tests.support.servers.repos_entries import entries, entry
from tests.support.servers.upstream import Upstream

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def origin(tmp_path: Path) -> Upstream:
    """Three commits on main, with a plain tag and one with a message; the last two commits are on main alone."""
    made = Upstream(tmp_path / "origin")
    made.commit({"file": "one", "deep/script": "#!/bin/sh\n"}, "plain")
    made.git("tag", "-a", "-m", "said", "said")
    made.commit({"file": "two"})
    made.commit({"file": "three"})
    return made


@pytest.fixture
def src(tmp_path: Path) -> Path:
    return tmp_path / "src"


def at(folder: Path) -> Upstream:
    clone = Upstream.__new__(Upstream)
    clone.folder = folder
    return clone


def quiet(text: str) -> None: ...


def away(origin: Upstream) -> Path:
    return origin.folder.rename(origin.folder.with_name("away"))


def held_here(one: RepositoryEntry, src: Path) -> HeldCommit:
    """The entry, cloned and held fast."""
    pins = bring([one], src, {}, Git(), quiet)
    ((held,), problems) = hold([one], src, pins, Git(), quiet)
    assert problems == ()
    return held


def arrived(held: HeldCommit, tmp_path: Path) -> Upstream:
    """The clone that becomes of it elsewhere."""
    held.write_pack(Git(), tmp_path / "pack")
    target = tmp_path / "there/src/lidar"
    clone_pack(held.at, tmp_path / "pack", target)
    assert [one.name for one in target.parent.iterdir()] == ["lidar"]
    return at(target)


@pytest.mark.parametrize("version", ["main", "", "feature/x"])
def test_a_branch_arrives_as_an_ordinary_clone_that_goes_on(
    origin: Upstream, src: Path, tmp_path: Path, version: str
) -> None:
    if version == "feature/x":
        origin.git("checkout", "-q", "-b", version)
    held = held_here(entry(origin, version), src)
    elsewhere = away(origin)
    clone = arrived(held, tmp_path)
    branch = version or "main"
    assert clone.git("symbolic-ref", "--short", "HEAD") == branch
    assert clone.git("rev-parse", "HEAD", "@{upstream}").split() == [held.at.commit] * 2
    assert clone.git("config", "remote.origin.url") == origin.url
    assert clone.git("status", "--porcelain") == ""
    assert clone.git("rev-list", "--count", "HEAD") == "1", "without its past"
    assert (clone.folder / "deep/script").read_text() == "#!/bin/sh\n"
    assert clone.git("fsck", "--full") == ""

    elsewhere.rename(origin.folder)
    new = origin.commit({"file": "four"})
    clone.git("pull", "--quiet", "--ff-only")
    assert clone.git("rev-parse", "HEAD") == new
    clone.git("fetch", "--quiet", "--unshallow", "--tags")
    assert clone.git("rev-list", "--count", "HEAD") == "4"
    assert clone.git("describe", "--match", "said").startswith("said-3-g")


@pytest.mark.parametrize("version", ["plain", "said"])
def test_a_tag_arrives_as_the_one_that_it_is(origin: Upstream, src: Path, tmp_path: Path, version: str) -> None:
    held = held_here(entry(origin, version), src)
    elsewhere = away(origin)
    clone = arrived(held, tmp_path)
    assert (clone.folder / "file").read_text() == "one"
    assert clone.git("rev-parse", "--abbrev-ref", "HEAD") == "HEAD"
    assert clone.git("describe", "--tags", "--exact-match", "--match", version) == version
    assert clone.git("cat-file", "-t", version) == ("tag" if version == "said" else "commit")
    assert not (clone.folder / ".git/shallow").exists(), "the first commit has no past"
    elsewhere.rename(origin.folder)
    clone.git("fetch", "--quiet", "--tags")  # which fails where a tag of that name is another
    assert clone.git("rev-list", "--count", "origin/main") == "3"


def test_a_tag_that_has_moved_is_not_made_up(origin: Upstream, src: Path, tmp_path: Path) -> None:
    held = held_here(entry(origin, "plain"), src)
    origin.git("tag", "--force", "plain", "main")
    at(src / "lidar").git("fetch", "--quiet", "--force", "--tags")
    pins = {held.entry.source: held.at.commit}
    ((moved,), _) = hold([held.entry], src, pins, Git(), quiet)
    away(origin)
    clone = arrived(moved, tmp_path)
    assert clone.git("rev-parse", "HEAD") == held.at.commit
    assert clone.git("tag") == ""
    assert differences([held.entry], clone.folder.parent, pins) == ()


def test_a_commit_that_was_named_itself(origin: Upstream, src: Path, tmp_path: Path) -> None:
    commit = origin.git("rev-parse", "main~1")
    held = held_here(entry(origin, commit), src)
    away(origin)
    clone = arrived(held, tmp_path)
    assert clone.git("rev-parse", "HEAD") == commit
    assert clone.git("rev-parse", "--abbrev-ref", "HEAD") == "HEAD"


def test_what_a_shallow_clone_has_is_enough(origin: Upstream, src: Path, tmp_path: Path) -> None:
    at(tmp_path).git("clone", "--quiet", "--depth", "1", origin.url, str(src / "lidar"))
    one = entry(origin, "main")
    pins = {one.source: known_here(one, src / "lidar")}
    away(origin)
    ((held,), problems) = hold([one], src, pins, Git(), quiet)
    assert not problems and held.clone == src / "lidar"
    assert (arrived(held, tmp_path).folder / "file").read_text() == "three"


def test_what_the_clone_lacks_comes_from_the_origin_and_all_that_cannot_be_had_is_told(
    origin: Upstream, src: Path, tmp_path: Path
) -> None:
    wanted = entries(
        f"a: {{type: git, url: '{origin.url}', version: main}}",
        f"b: {{type: git, url: '{origin.url}', version: said2}}",
        f"c: {{type: git, url: '{origin.url}', version: plain}}",
    )
    origin.git("tag", "-a", "-m", "x", "said2", "main~1")
    pins = bring(wanted, src, {}, Git(), quiet)
    new = origin.commit({"file": "four"})
    pins[wanted[0].source] = new
    shutil.rmtree(src / "b")
    notes: list[str] = []
    held, problems = hold(wanted, src, pins, Git(), notes.append)
    assert problems == ()
    assert [one.at.ref for one in held] == ["refs/heads/main", "refs/tags/said2", "refs/tags/plain"]
    assert [one.clone for one in held] == [None, None, src / "c"]
    assert len(notes) == 2, "the commit with all before it, and a tag's message; nothing for what is here"
    held[1].write_pack(Git(), tmp_path / "pack")
    clone_pack(held[1].at, tmp_path / "pack", tmp_path / "there/b")
    assert at(tmp_path / "there/b").git("cat-file", "-t", "said2") == "tag"

    shutil.rmtree(CachedRepository(origin.url, quiet).folder)
    away(origin)
    held, problems = hold(wanted, src, pins, Git(), quiet)
    assert [one.entry.path for one in held] == ["c"]
    assert [problem.location.line for problem in problems if problem.location] == [2, 3]
    assert all(problem.hint for problem in problems)


def test_a_clone_comes_from_what_load_has_brought_and_asks_nobody(
    origin: Upstream, src: Path, tmp_path: Path, cache: Path
) -> None:
    held = held_here(entry(origin, "main"), src)
    held.write_pack(Git(), tmp_path / "pack")
    shutil.rmtree(src)
    assert not cache.exists() or not list(cache.rglob("*.pack"))
    elsewhere = away(origin)
    keep(held.at, tmp_path / "pack")
    pins, notes = {held.entry.source: held.at.commit}, list[str]()
    assert bring([held.entry], src, pins, Git(), notes.append) == pins
    assert notes == [f"taking {held.entry.source} into lidar from what `robenv load` has brought"]
    assert at(src / "lidar").git("symbolic-ref", "--short", "HEAD") == "main"
    assert [one.name for one in src.iterdir()] == ["lidar"]

    # Another branch at the same commit, and a branch that is not held fast, are for the origin to say.
    with pytest.raises(OperationFailed):
        bring([entry(origin, "other")], tmp_path / "2", {f"{origin.url}@other": held.at.commit}, Git(), quiet)
    with pytest.raises(OperationFailed):
        bring([held.entry], tmp_path / "2", {}, Git(), quiet)

    # Where it is broken, the origin has it.
    for pack in cache.rglob("*.pack"):
        pack.unlink()
    elsewhere.rename(origin.folder)
    bring([held.entry], tmp_path / "3", pins, Git(), notes.append)
    assert "it is not whole any more" in notes[-2] and notes[-1].startswith("fetching ")
    assert at(tmp_path / "3/lidar").git("rev-list", "--count", "HEAD") == "3"


def test_nothing_of_a_repository_runs(
    origin: Upstream, src: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither hooks, the user's own from their template included, nor filters, nor submodules."""
    ran, template = tmp_path / "ran", tmp_path / "template"
    for hook in ("post-checkout", "post-commit", "reference-transaction"):
        (template / "hooks").mkdir(parents=True, exist_ok=True)
        (template / "hooks" / hook).write_text(f"#!/bin/sh\necho {hook} >> {ran}\n")
        (template / "hooks" / hook).chmod(0o755)
    (template / "info").mkdir()
    (template / "info/attributes").write_text("*.txt text\n")
    origin.commit({".gitattributes": "*.bin filter=big\n", "a.bin": "pointer"})
    origin.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", origin.url, "inner")
    origin.git("commit", "--quiet", "-m", "inner")
    held = held_here(entry(origin, "main"), src)
    assert held.has_filters()
    away(origin)
    config = tmp_path / "gitconfig"
    config.write_text(
        f'[filter "big"]\nsmudge = "echo smudge >> {ran}; cat"\nrequired = true\n'
        f"[init]\ntemplateDir = {template}\n[submodule]\nrecurse = true\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    clone = arrived(held, tmp_path)
    assert not ran.exists()
    assert (clone.folder / "a.bin").read_text() == "pointer"
    assert list((clone.folder / "inner").iterdir()) == []
    assert (clone.folder / ".git/info/attributes").read_text() == "*.txt text\n"


def test_replaced_objects_stay_at_home(origin: Upstream, src: Path, tmp_path: Path) -> None:
    held = held_here(entry(origin, "main"), src)
    at(src / "lidar").git("replace", held.at.commit, "plain")
    assert (arrived(held, tmp_path).folder / "file").read_text() == "three"


@pytest.mark.parametrize("lost", ["file", "deep/script"])
def test_a_pack_that_lacks_a_file_is_refused(origin: Upstream, src: Path, tmp_path: Path, lost: str) -> None:
    held = held_here(entry(origin, "main"), src)
    clone = at(src / "lidar")
    names = clone.git("rev-list", "--objects", "--no-walk", "HEAD").splitlines()
    some = "\n".join(name for name in names if not name.endswith(lost)) + "\n"
    argv = ["git", "-C", str(clone.folder), "pack-objects", "--stdout", "--quiet"]
    (tmp_path / "pack").write_bytes(subprocess.run(argv, input=some.encode(), capture_output=True, check=True).stdout)
    with pytest.raises(GitFailed, match="not what they should be"):
        clone_pack(held.at, tmp_path / "pack", tmp_path / "there/lidar")
    assert list((tmp_path / "there").iterdir()) == []
    with pytest.raises(GitFailed, match="not what they should be"):
        keep(held.at, tmp_path / "pack")
    assert not CachedRepository(origin.url, quiet).names(held.at.commit)


def test_a_ref_that_is_another_commit_is_refused(origin: Upstream, src: Path, tmp_path: Path) -> None:
    held = held_here(entry(origin, "said"), src)
    other = HeldCommit(held.entry, CarriedCommit(origin.url, origin.git("rev-parse", "main"), "", ""), held.clone)
    other.write_pack(Git(), tmp_path / "pack")
    forged = CarriedCommit(origin.url, other.at.commit, "refs/tags/said", held.at.commit)
    with pytest.raises(GitFailed):
        clone_pack(forged, tmp_path / "pack", tmp_path / "there/lidar")
    assert list((tmp_path / "there").iterdir()) == []


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("carried", "sound"),
    [
        (CarriedCommit("https://e.org/p", COMMIT, "refs/heads/feature/x", COMMIT), True),
        (CarriedCommit("git@e.org:p", COMMIT, "", ""), True),
        (CarriedCommit("git@e.org:p", COMMIT, "refs/tags/v1", ""), True),
        (CarriedCommit("--upload-pack=x", COMMIT, "", ""), False),
        (CarriedCommit("ext::sh -c x", COMMIT, "", ""), False),
        (CarriedCommit("https://e.org/p\n", COMMIT, "", ""), False),
        (CarriedCommit("https://e.org/p", "--all", "", ""), False),
        (CarriedCommit("https://e.org/p", COMMIT[1:], "", ""), False),
        (CarriedCommit("https://e.org/p", COMMIT, "refs/heads/-f", COMMIT), False),
        (CarriedCommit("https://e.org/p", COMMIT, "refs/remotes/x", COMMIT), False),
        (CarriedCommit("https://e.org/p", COMMIT, "HEAD", COMMIT), False),
        (CarriedCommit("https://e.org/p", COMMIT, "refs/tags/v1", "HEAD"), False),
        (CarriedCommit("https://e.org/p", 5, "", ""), False),  # type: ignore[arg-type]
        (CarriedCommit("https://e.org/p", COMMIT, None, ""), False),  # type: ignore[arg-type]
    ],
)
def test_what_git_would_take_for_something_else_is_not_sound(carried: CarriedCommit, sound: bool) -> None:
    assert carried.is_sound() is sound


def test_a_name_that_leaves_its_folder_is_refused_by_git(origin: Upstream, src: Path, tmp_path: Path) -> None:
    held = held_here(entry(origin, "main"), src)
    held.write_pack(Git(), tmp_path / "pack")
    forged = CarriedCommit(origin.url, held.at.commit, "refs/heads/../../../hooks/post-checkout", held.at.commit)
    with pytest.raises(GitFailed):
        clone_pack(forged, tmp_path / "pack", tmp_path / "there/lidar")
    assert list((tmp_path / "there").iterdir()) == []


def test_what_is_not_carried_is_told(origin: Upstream, src: Path) -> None:
    held = held_here(entry(origin, "main"), src)
    clone = at(src / "lidar")
    assert changes(held, clone.folder) == ""
    (clone.folder / "file").write_text("mine")
    assert changes(held, clone.folder) == "1 changed file"
    (clone.folder / "new").touch()
    assert changes(held, clone.folder) == "2 changed files"
    mine = clone.commit({})
    assert changes(held, clone.folder) == f"at {mine[:12]}, not at {held.at.commit[:12]}"
    assert changes(held, src / "nothing") == ""


def test_what_a_clone_knows_of_its_origin(origin: Upstream, src: Path) -> None:
    tip, first = origin.git("rev-parse", "main", "plain").split()
    one = held_here(entry(origin, "main"), src).entry
    at(src / "lidar").commit({"file": "mine, and nobody else has it"})
    away(origin)
    assert known_here(one, src / "lidar") == tip
    assert known_here(entry(origin), src / "lidar") == tip
    assert known_here(entry(origin, "said"), src / "lidar") == first
    assert known_here(entry(origin, "other"), src / "lidar") == ""
    (other,) = entries("lidar: {type: git, url: 'https://e.org/fork', version: main}")
    assert known_here(other, src / "lidar") == "", "what another origin has is not what this one has"
    assert known_here(one, src) == ""


def test_a_repository_of_sha256(src: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sha256"
    folder.mkdir()
    origin = at(folder)
    origin.git("init", "--quiet", "--object-format=sha256", "--initial-branch=main")
    origin.commit({"file": "one"})
    held = held_here(entry(origin, "main"), src)
    away(origin)
    assert arrived(held, tmp_path).git("rev-parse", "HEAD") == held.at.commit
    keep(held.at, tmp_path / "pack")
    bring([held.entry], tmp_path / "2", {held.entry.source: held.at.commit}, Git(), quiet)
