"""Commits carried from one cache to another as packs, with the real git."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from robenv.git.command import GitFailed
from robenv.git.profile_cache import CachedRepository
from robenv.git.references import parse_reference, repository_of
from tests.support.servers.upstream import FILES, Upstream

pytestmark = pytest.mark.usefixtures("cache")

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    "text",
    [
        "git+https://example.org/p",
        "git+https://example.org:8443/p.git@v1.4#ros/base",
        "git+ssh://git@example.org:2222/p.git@v1",
        "git+ssh://git@example.org/p.git",
        "git+file:///srv/p.git@feature/x",
        "git@example.org:team/p.git",
        f"git@example.org:team/p.git@{COMMIT}",
    ],
)
def test_the_repository_of_a_source(text: str) -> None:
    reference = parse_reference(text)
    assert repository_of(reference.source) == reference.url


@pytest.fixture
def packed(upstream: Upstream, cache: Path, tmp_path: Path) -> tuple[str, Path]:
    """A commit with a past, and its pack; the cache that it came from and the origin are gone."""
    upstream.commit({"large": "x" * 100_000})
    commit = upstream.commit({"large": "y", "link/a": "b"})
    here = CachedRepository(upstream.url, print)
    here.fetch(commit)
    here.unpacked(commit)
    here.write_pack(commit, tmp_path / "pack")
    shutil.rmtree(cache)
    shutil.rmtree(upstream.folder)
    return commit, tmp_path / "pack"


def test_a_commit_arrives_without_its_origin(packed: tuple[str, Path], upstream: Upstream) -> None:
    commit, pack = packed
    there = CachedRepository(upstream.url, print)
    there.take_pack(commit, pack)
    there.take_pack(commit, pack)
    assert there.has(commit)
    tree = there.unpacked(commit)
    assert {name: (tree / name).read_text() for name in FILES} == FILES
    assert (tree / "large").read_text() == "y"


def test_another_commit_is_not_taken_for_it(packed: tuple[str, Path], upstream: Upstream) -> None:
    _, pack = packed
    there = CachedRepository(upstream.url, print)
    with pytest.raises(GitFailed, match="not what they should be"):
        there.take_pack(COMMIT, pack)
    assert not there.has(COMMIT)


def test_a_changed_pack_is_refused(packed: tuple[str, Path], upstream: Upstream) -> None:
    commit, pack = packed
    data = pack.read_bytes()
    pack.write_bytes(data[:-30] + bytes([data[-30] ^ 1]) + data[-29:])
    there = CachedRepository(upstream.url, print)
    with pytest.raises(GitFailed):
        there.take_pack(commit, pack)
    assert not there.has(commit)
