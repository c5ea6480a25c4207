"""Saved files that nobody's `save` wrote: each is refused with a sentence, costs little, and leaves nothing behind."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from robenv.bundle import archive, bundle, rename_tags
from robenv.bundle.contents import BadArchive, Contents, read_contents
from robenv.bundle.project_files import BundledFiles
from robenv.errors import UsageError
from robenv.project.image.staging_names import is_staging
from robenv.project.reporter import Reporter
from tests.support.images.raw_bundle import HEAD, head_member, packed
from tests.support.servers.raw_git import corpus

HEADS = corpus("bundle_heads")
BUNDLES = corpus("bundles")
LARGE = {name for name, case in BUNDLES.items() if any(one.get("zeros", 0) > 1 << 28 for one in case["members"])}


def quiet(count: int) -> None: ...


@pytest.mark.parametrize("case", HEADS.values(), ids=list(HEADS))
def test_each_head_of_the_corpus_is_taken_or_refused_for_what_it_is(case: dict[str, Any]) -> None:
    data = json.dumps(case["head"]).encode()
    if not case["refused"]:
        assert read_contents(Path("x"), data).project == "picker"
        return
    with pytest.raises(BadArchive) as caught:
        read_contents(Path("x"), data)
    assert case["refused"] in caught.value.message
    assert f"{caught.value.message}{caught.value.details}".isprintable()


@pytest.mark.parametrize("path", ["\ud800", "a/\udc80\ud800", "\udcff" * 300])
def test_a_place_that_is_no_text_is_refused(path: str) -> None:
    head = copy.deepcopy(HEAD)
    head["repositories"][0]["path"] = path
    with pytest.raises(BadArchive, match="does not belong there"):
        read_contents(Path("x"), json.dumps(head).encode())


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000, b"\xff", b'{"version": 1e999}', b"1" * 10_000])
def test_a_head_that_is_hardly_json_is_refused(data: bytes) -> None:
    with pytest.raises(BadArchive):
        read_contents(Path("x"), data)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("../x")
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, one in below for place in _places(one, (*path, key))]


@given(st.sampled_from(_places(HEAD)), _JSON)
@settings(max_examples=200, deadline=None)
def test_a_head_of_any_other_shape_is_refused_or_sound(place: tuple[Any, ...], value: Any) -> None:
    head = copy.deepcopy(HEAD)
    at: Any = head
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    try:
        contents = read_contents(Path("x"), json.dumps(head).encode())
    except BadArchive:
        return
    _is_sound(contents)


def _is_sound(contents: Contents) -> None:
    assert contents.images
    for image in contents.images:
        assert is_staging(image.staging)
        assert image.wanted.reference.startswith("robenv/") and image.wanted.reference.isascii()
        assert all(isinstance(layer, str) for layer in image.layers) and image.size >= 0
        hash(image)
    for repository in contents.repositories:
        assert ".." not in repository.path.split("/") and not repository.path.startswith("/")
        hash(repository)
    assert "/" not in contents.file
    assert all(commit.member.startswith("git/") for commit in contents.commits)


@pytest.mark.parametrize("name", [name for name in BUNDLES if name not in LARGE])
def test_each_file_of_the_corpus_is_refused_for_what_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(packed([head_member(), *BUNDLES[name]["members"]]))
    with pytest.raises(BadArchive) as caught:
        archive.check_archive(tmp_path / "file", quiet)
    told = f"{caught.value.message} {caught.value.details}"
    assert BUNDLES[name]["refused"] in told
    assert told.isprintable()


_CHECK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from pathlib import Path
from robenv.bundle import archive
from robenv.bundle.contents import BadArchive
try:
    archive.check_archive(Path(sys.argv[1]), lambda count: None)
except BadArchive as error:
    print(error.message, error.details)
"""


@pytest.mark.parametrize("name", sorted(LARGE))
def test_a_small_file_costs_little_memory(root: Path, tmp_path: Path, name: str) -> None:
    """Each unpacks to 2 GiB, of which tarfile would make one text; here the process has 1 GiB for all."""
    (tmp_path / "file").write_bytes(packed([head_member(), *BUNDLES[name]["members"]]))
    assert (tmp_path / "file").stat().st_size < 1 << 20
    done = subprocess.run(
        [sys.executable, "-c", _CHECK, str(tmp_path / "file")], capture_output=True, text=True, cwd=root, check=True
    )
    assert BUNDLES[name]["refused"] in done.stdout


def test_a_small_file_that_unpacks_to_far_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(packed([head_member(), {"name": "images/blob", "zeros": 64 << 20}]))
    assert path.stat().st_size < 32_000
    monkeypatch.setattr(archive, "_MAX_UNPACKED", 1 << 20)
    with pytest.raises(BadArchive, match="unpacks to far more than it is"):
        archive.check_archive(path, quiet)


def test_more_members_than_any_file_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = [{"name": f"images/{n}"} for n in range(300)]
    (tmp_path / "file").write_bytes(packed([head_member(), *members]))
    monkeypatch.setattr(archive, "_MAX_MEMBERS", 200)
    with pytest.raises(BadArchive) as caught:
        archive.check_archive(tmp_path / "file", quiet)
    assert "more than 200 members" in caught.value.details


@pytest.mark.parametrize(
    ("member", "data"),
    [
        ("manifest.json", [{"RepoTags": [], "repotags": ["ubuntu:24.04"], "Layers": []}]),
        ("manifest.json", [{"RepoTags": [], "repoTag\u017f": ["ubuntu:24.04"]}]),
        ("index.json", {"Manifests": [{"annotations": {"io.containerd.image.name": "ubuntu:24.04"}}]}),
        ("index.json", {"manifests": [{"Annotations": {"io.containerd.image.name": "ubuntu:24.04"}}]}),
        ("index.json", {"manifests": [], "annotations": {"io.containerd.image.name": "ubuntu:24.04"}}),
        ("manifest.json", [{"LayerSources": {"sha256:1": {"urls": ["https://e.org/ubuntu:24.04"]}}}]),
    ],
)
def test_no_name_comes_in_under_a_key_in_another_spelling(member: str, data: Any) -> None:
    """Engines take keys in any case: such a list would give an image of the file the name of one of theirs."""
    assert b"ubuntu" not in rename_tags.renamed(member, json.dumps(data).encode(), {})


class _Silent(Reporter):
    """Nobody looks."""

    def note(self, text: str) -> None:
        return

    def event(self, event: object) -> None:
        return

    def building(self, title: str, rendered: object, doing: str = "") -> None:
        return

    def finished(self) -> None:
        return


ENGINE: Any = SimpleNamespace(info=lambda: SimpleNamespace(platform="linux/amd64"))


@pytest.mark.parametrize(
    "name",
    ["name-above", "name-git-folder", "below-a-link", "file-twice", "escape-by-links", "link-absolute", "project-pipe"],
)
def test_a_file_that_is_another_one_once_it_was_checked_is_refused_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """And nothing of it stays."""
    sound = read_contents(Path("x"), json.dumps(HEAD).encode())
    monkeypatch.setattr(archive, "check_archive", lambda path, moved: sound)
    image = {"name": "images/manifest.json", "data": "[]"}
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(packed([head_member(), *BUNDLES[name]["members"], image]))
    with pytest.raises(BadArchive, match="refused"):
        bundle.load_archive(ENGINE, tmp_path / "in" / "file", tmp_path / "to" / "project", None, _Silent())
    assert sorted(_names(tmp_path)) == ["in", "to"]
    assert _names(tmp_path / "to") == []


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9, 0.99])
def test_a_file_that_is_cut_leaves_nothing(tmp_path: Path, part: float) -> None:
    whole = packed([head_member(), {"name": "project/a", "data": "x" * 1000}, {"name": "images/x", "data": "y" * 1000}])
    (tmp_path / "file").write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(BadArchive):
        bundle.load_archive(ENGINE, tmp_path / "file", tmp_path / "project", None, _Silent())
    assert _names(tmp_path) == ["file"]


def test_a_project_that_no_load_would_take_is_not_saved() -> None:
    files = BundledFiles({"a": Path("a"), "A": Path("A")})
    with pytest.raises(UsageError, match="take for one"):
        bundle._check_files(files, ())
    with pytest.raises(UsageError, match="leads out"):
        bundle._check_files(BundledFiles(links={"a": "/etc/passwd"}), ())
    bundle._check_files(BundledFiles({"a/b": Path("b")}, {"c": "a/b", "d": "a/none"}), ())


def test_a_file_for_which_zstd_would_want_much_memory_is_refused(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=29)
    large = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    (tmp_path / "file").write_bytes(large.compress(b"x" * (1 << 20)) + large.flush())
    with pytest.raises(BadArchive) as caught:
        archive.check_archive(tmp_path / "file", quiet)
    assert "memory" in caught.value.details
