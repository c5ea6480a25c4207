"""Which trees are refused, and that what is taken is written nowhere else: decided and written without git."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robenv.git.objects import GitEntry, walk
from robenv.util.safe_extract import Extractor, remove_tree
from robenv.util.safe_tree import FILE, FOLDER, LINK, BadTree, Item, Limits, check_tree, is_dot_git
from tests.support.servers.raw_git import RawObjects, corpus

CASES = corpus("git_trees")


def items_of(objects: RawObjects, commit: str) -> list[Item]:
    def target(entry: GitEntry) -> str:
        return os.fsdecode(objects.read("blob", entry.name)) if entry.kind == LINK else ""

    return [Item(one.path, one.kind, target(one)) for one in walk(commit, objects.read)]


@pytest.mark.parametrize("sha256", [False, True], ids=["sha1", "sha256"])
@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_each_tree_of_the_corpus_is_taken_or_refused_for_what_it_is(case: dict[str, Any], sha256: bool) -> None:
    objects = RawObjects(sha256)
    tree = [[mode, name, "1" * 64 if sha256 and mode == "160000" else content] for mode, name, content in case["tree"]]
    commit = objects.add_commit(tree)
    if not case["refused"]:
        assert "robenv.yaml" in check_tree(items_of(objects, commit)).kinds
        return
    with pytest.raises(BadTree) as caught:
        check_tree(items_of(objects, commit))
    assert case["refused"] in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", [".gitignore", ".github", "git", ".git2", "x.git", "git~10", "g.it", ".gi t"])
def test_names_that_only_look_like_a_repository_are_taken(name: str) -> None:
    assert not is_dot_git(name)


@pytest.mark.parametrize(
    ("limits", "items", "words"),
    [
        (Limits(entries=2), [Item(name) for name in "abc"], "more than 2 files"),
        (Limits(folders=2), [Item("a/b/c/x")], "more than 2 folders"),
        (Limits(depth=2), [Item("a/b/c")], "more than 2 deep"),
        (Limits(), [Item("/".join(["n" * 200] * 11))], "2048 bytes"),
        (Limits(), [Item("a", LINK, "b" * 2049)], "nothing that a link"),
        (Limits(entries=1 << 20), [Item(f"{n}", LINK, "./" * 1000 + "x") for n in range(1000)], "can be followed"),
        (Limits(), [Item(f"{n}", LINK, f"{n + 1}") for n in range(50)], "in circles"),
        (Limits(), [Item("a"), Item("a/b")], "leads through 'a'"),
        (Limits(), [Item("a", LINK, "b"), Item("a/b")], "leads through 'a'"),
        (Limits(), [Item("a/b"), Item("a", LINK, "b")], "twice"),
        (Limits(), [Item("a/b"), Item("a")], "twice"),
    ],
)
def test_a_tree_without_bounds_is_refused(limits: Limits, items: list[Item], words: str) -> None:
    with pytest.raises(BadTree, match=words):
        check_tree(items, limits)


def test_a_tree_that_is_in_itself_many_times_ends_early() -> None:
    """Ten folders in each of ten folders, and so on: thirteen objects, and a thousand million files."""
    objects = RawObjects()
    tree = objects.add_tree([["100644", "x", ""]])
    for _ in range(9):
        entry = b"".join(f"40000 {n}\0".encode() + bytes.fromhex(tree) for n in range(10))
        tree = objects.add("tree", entry)
    commit = objects.add("commit", f"tree {tree}\n\n".encode())
    started = time.monotonic()
    with pytest.raises(BadTree, match="more than 20000 files"):
        for _ in walk(commit, objects.read):
            pass
    assert time.monotonic() - started < 20


def test_objects_of_another_name_are_refused() -> None:
    objects = RawObjects()
    commit = objects.add_commit([["40000", "d", [["100644", "x", "1"]]]])
    for name, (kind, data) in list(objects.found.items()):
        if kind == "blob":
            continue
        objects.found[name] = (kind, data + b"\n")
        with pytest.raises(BadTree, match="not the one of its name"):
            list(walk(commit, objects.read))
        objects.found[name] = (kind, data)
    assert [one.path for one in walk(commit, objects.read)] == ["d", "d/x"]


_NAMES = st.sampled_from(["a", "b", "c", "A", "..", ".", "", ".git"])
_PATHS = st.lists(st.sampled_from("abcA"), min_size=1, max_size=3).map("/".join)
_TARGETS = st.lists(_NAMES, min_size=1, max_size=5).map("/".join)
_ITEMS = st.builds(Item, _PATHS, st.sampled_from([FILE, FOLDER, LINK]), _TARGETS)


@given(st.lists(_ITEMS, max_size=12))
@settings(max_examples=500, deadline=None)
def test_whatever_is_taken_lies_inside_and_leads_nowhere_else(tmp_path_factory: Any, items: list[Item]) -> None:
    top = tmp_path_factory.mktemp("top")
    root = top / "x" / "y" / "root"
    root.mkdir(parents=True)
    try:
        check_tree(items)
        taken = True
    except BadTree:
        taken = False
    try:
        extract(root, items)
        assert taken
    except BadTree:
        assert not taken
    assert [path for path in top.rglob("*") if not path.is_relative_to(root)] == [root.parent.parent, root.parent]
    if not taken:
        return
    real = root.resolve()
    assert all(path.resolve().is_relative_to(real) for path in root.rglob("*") if path.is_symlink())
    made = {path.relative_to(root).as_posix() for path in root.rglob("*")}
    assert made >= {item.path for item in items}


def extract(root: Path, items: list[Item], pieces: Iterator[bytes] | None = None) -> None:
    with Extractor(root) as extractor:
        for item in items:
            if item.kind == FILE:
                extractor.file(item.path, pieces or iter([b"evil"]), 0o444)
            elif item.kind == FOLDER:
                extractor.folder(item.path)
            else:
                extractor.link(item.path, item.target)
        extractor.finish()


def test_more_bytes_than_a_tree_may_have_end_it(tmp_path: Path) -> None:
    with pytest.raises(BadTree, match="more than 100 bytes"), Extractor(tmp_path, Limits(size=100)) as extractor:
        extractor.file("a", [b"x" * 60], 0o644)
        extractor.file("b", [b"x" * 41], 0o644)


def test_nothing_is_written_outside_while_somebody_swaps_folders_for_links(tmp_path: Path) -> None:
    """200 trees are written, while another thread puts a link to ``home`` wherever a folder is, as fast as it can."""
    home = tmp_path / "home"
    home.mkdir()
    roots = [tmp_path / f"root{n}" for n in range(200)]
    done = threading.Event()
    now = roots[:1]
    swaps = 0

    def swap() -> None:
        nonlocal swaps
        while not done.is_set():
            for path in (now[0] / "d", now[0] / "d" / "e"):
                aside = path.with_name(f"{path.name}.aside")
                try:
                    path.rename(aside)
                    path.symlink_to(home)
                    swaps += 1
                    path.unlink()
                    aside.rename(path)
                except OSError:
                    continue

    thread = threading.Thread(target=swap)
    thread.start()
    refused = 0
    try:
        for root in roots:
            root.mkdir()
            now[0] = root
            items = [Item(f"d/e/f{n}") for n in range(5)] + [Item("d/g", LINK, "e/f0"), Item("d/e/l", LINK, "../e")]
            try:
                extract(root, items, pieces=_slowly())
            except (BadTree, OSError):
                refused += 1
    finally:
        done.set()
        thread.join()
    assert list(home.iterdir()) == []
    assert swaps > 200, swaps


def _slowly() -> Iterator[bytes]:
    for _ in range(20):
        time.sleep(0.0005)
        yield b"evil"


def test_a_link_that_somebody_put_there_is_not_written_through(tmp_path: Path) -> None:
    home, root = tmp_path / "home", tmp_path / "root"
    home.mkdir()
    root.mkdir()
    for put, items in (
        ("d", [Item("d/x")]),
        ("d", [Item("d", FOLDER)]),
        ("x", [Item("x")]),
        ("d", [Item("d/x", LINK, "y")]),
    ):
        (root / put).symlink_to(home)
        with pytest.raises(BadTree, match="something else was put"):
            extract(root, items)
        (root / put).unlink()
    (root / "x").symlink_to(home / "new")
    with pytest.raises(BadTree, match="something else was put"):
        extract(root, [Item("x")])
    assert list(home.iterdir()) == []


def test_a_sealed_tree_takes_no_writing_and_goes_all_the_same(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    root.mkdir()
    other.mkdir(mode=0o755)
    (other / "keep").touch()
    with Extractor(root) as extractor:
        extractor.file("a/b/x", [b"1"], 0o444)
        extractor.link("a/out", "b")
        extractor.finish()
        extractor.seal()
    assert {path.lstat().st_mode & 0o777 for path in (root, root / "a", root / "a/b")} == {0o555}
    root.chmod(0o755)
    (root / "link").symlink_to(other)  # by somebody else, and not followed
    root.chmod(0o555)
    remove_tree(root)
    assert not root.exists()
    assert (other / "keep").exists() and other.stat().st_mode & 0o777 == 0o755
