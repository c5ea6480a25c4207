"""robenv.lock: what is written is read again, and nothing else is taken for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.errors import ProfileError
from robenv.lockfile import Lockfile, changes, lock_path, lock_text, read_lock

COMMIT, OTHER = "0123456789" * 4, "f" * 40
DIGEST = "sha256:" + "ab" * 32
FULL = Lockfile(
    {"https://example.org/p.git@v1": COMMIT, "git@example.org:team/p": "a" * 64, "file:///srv/it's here@v1": OTHER},
    {
        "ubuntu:24.04": {"linux/amd64": DIGEST, "linux/arm64": "sha256:" + "cd" * 32},
        "[::1]:5000/x:1": {"linux/arm/v7": DIGEST},
    },
    "20261101T000000Z",
    {"https://example.org/lidar.git@main": OTHER, "git@example.org:team/arm": COMMIT},
)


def read(folder: Path, text: str) -> Lockfile | None:
    path = folder / "robenv.lock"
    path.write_text(text)
    return read_lock(path, "robenv.lock")


@pytest.mark.parametrize(
    "lock", [Lockfile(), FULL, Lockfile(snapshot="20261101T000000Z"), Lockfile(images=FULL.images)]
)
def test_what_is_written_is_read(tmp_path: Path, lock: Lockfile) -> None:
    assert read(tmp_path, lock_text(lock)) == lock


def test_it_is_sorted_and_one_value_a_line() -> None:
    git, images = list(FULL.git.items()), list(FULL.images.items())
    turned = Lockfile(dict(git[::-1]), dict(images[::-1]), FULL.snapshot, dict(list(FULL.repos.items())[::-1]))
    assert lock_text(turned) == lock_text(FULL)
    assert f"    linux/amd64: {DIGEST}\n" in lock_text(FULL)


def test_no_file_is_no_lock(tmp_path: Path) -> None:
    assert read_lock(tmp_path / "robenv.lock", "robenv.lock") is None


def test_its_name_follows_the_projects() -> None:
    assert lock_path(Path("/p/robenv.yaml")) == Path("/p/robenv.lock")
    assert lock_path(Path("/p/cell.yaml")) == Path("/p/cell.lock")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version: 2\n",
        "git: {}\n",
        "[]",
        "version: 1\nextra: 1\n",
        "version: 1\ngit: [a]\n",
        "version: 1\ngit: {x: main}\n",
        f"version: 1\ngit: {{x: {COMMIT}0}}\n",
        "version: 1\nrepos: {x: main}\n",
        "version: 1\nrepos: [x]\n",
        "version: 1\nimages: {x: 'sha256:1'}\n",
        "version: 1\nimages: {x: {linux/amd64: latest}}\n",
        f"version: 1\nimages: {{x: {{linux/amd64: {DIGEST.upper()}}}}}\n",
        "version: 1\napt: {snapshot: yesterday}\n",
        f"version: 1\ngit:\n<<<<<<< HEAD\n  x: {COMMIT}\n=======\n  x: {OTHER}\n>>>>>>> theirs\n",
    ],
)
def test_anything_else_is_refused_with_a_way_out(tmp_path: Path, text: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read(tmp_path, text)
    assert caught.value.problems
    assert "robenv.lock" in str(caught.value)
    assert "`robenv lock` writes it anew" in caught.value.hint


def test_what_moves() -> None:
    new = Lockfile(
        {**FULL.git, "https://example.org/p.git@v1": OTHER},
        {"ubuntu:24.04": {"linux/amd64": DIGEST}, "debian:12": {"linux/amd64": DIGEST}},
        "20261201T000000Z",
        {"https://example.org/lidar.git@main": COMMIT, "git@example.org:team/arm": COMMIT},
    )
    assert list(changes(FULL, FULL)) == []
    assert sorted(changes(FULL, new)) == [
        "[::1]:5000/x:1 linux/arm/v7: abababababab → nothing",
        "apt snapshot: 20261101T000000Z → 20261201T000000Z",
        "debian:12 linux/amd64: nothing → abababababab",
        "https://example.org/p.git@v1: 012345678901 → ffffffffffff",
        "repos https://example.org/lidar.git@main: ffffffffffff → 012345678901",
        "ubuntu:24.04 linux/arm64: cdcdcdcdcdcd → nothing",
    ]


def test_the_pins_of_a_plan() -> None:
    assert FULL.pins.digest("ubuntu:24.04", "linux/amd64") == DIGEST
    assert FULL.pins.digest("ubuntu:24.04", "linux/riscv64") == ""
    assert FULL.pins.digest("ubuntu:22.04", "linux/amd64") == ""
