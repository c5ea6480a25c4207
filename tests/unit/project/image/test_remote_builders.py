"""Which builder builds what."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from robenv.errors import UsageError
from robenv.project.image.remote_builders import Builder, assign_builders, open_builders

AMD, ARM, V7 = "linux/amd64", "linux/arm64", "linux/arm/v7"


def _builder(url: str, platform: str) -> Builder:
    engine: Any = SimpleNamespace(info=lambda: SimpleNamespace(platform=platform))
    return Builder(url, engine)


def test_the_first_that_runs_a_platform_by_itself() -> None:
    orin, spark, server = _builder("ssh://orin", ARM), _builder("ssh://spark", ARM), _builder("ssh://server", AMD)
    assert assign_builders([orin, spark, server], [ARM, AMD]) == {ARM: orin, AMD: server}
    assert assign_builders([orin], [AMD, ARM]) == {ARM: orin}, "the rest is built here"
    assert assign_builders([], [ARM]) == {}


@pytest.mark.parametrize("platforms", [[AMD], [AMD, "linux/riscv64"]])
def test_one_that_runs_none_is_refused_by_what_it_is(platforms: list[str]) -> None:
    with pytest.raises(UsageError) as refused:
        assign_builders([_builder("ssh://orin", ARM)], platforms)
    assert refused.value.message == f"ssh://orin is {ARM}: it does not run {' or '.join(platforms)} by itself"


@pytest.mark.parametrize("url", ["", "orin", "unix:///var/run/docker.sock", "ssh://", "ssh://u:p@h", "ssh://-oX=y"])
def test_what_is_no_builder_is_told_before_anybody_is_asked(url: str) -> None:
    with pytest.raises(UsageError) as refused, open_builders([url]):
        pass
    assert "--builder ssh://" in refused.value.hint
