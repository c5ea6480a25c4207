"""Builds that wait for each other's package caches say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.util.file_lock import sharing_caches


def test_a_build_says_that_another_one_on_its_base_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    told: list[str] = []
    with sharing_caches({"e noble amd64": "noble", "e bookworm amd64": "bookworm"}, told.append):
        assert told == []
        with sharing_caches({"e noble arm64": "noble"}, told.append):
            assert told == [], "caches are by platform"
        for _ in range(2):
            with sharing_caches({"e bookworm amd64": "bookworm"}, told.append):
                pass
    assert (
        told
        == [
            "another build on bookworm is under way: steps that use its package cache wait for each other",
        ]
        * 2
    )
    with sharing_caches({"e bookworm amd64": "bookworm"}, told.append):
        assert len(told) == 2, "it has ended"
