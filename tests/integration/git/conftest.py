"""A repository of profiles, made by the real git."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.servers.upstream import FILES, Upstream


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    repository = Upstream(tmp_path / "upstream")
    repository.commit(FILES, "v1")
    return repository
