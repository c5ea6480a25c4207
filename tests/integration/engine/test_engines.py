"""Every behaviour on every kind of engine; `make test-engines` runs all, and prints the table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.engines.behaviours import BEHAVIOURS, Behaviour
from tests.support.engines.bench import ROWS, Bench, Row

pytestmark = pytest.mark.engine

QUICK = ("podman 4.3 rootless", "docker 28 containerd")
"""Tried in `make test` as well."""


def _cells() -> Iterator[Any]:
    for row in ROWS:
        for name, one in BEHAVIOURS.items():
            marks = [pytest.mark.xdist_group(row.name)]
            if row.name not in QUICK or not one.quick:
                marks.append(pytest.mark.long)
            yield pytest.param(row, one, marks=marks, id=f"{name} on {row.name}")


@pytest.fixture(scope="module")
def bench(docker_api: Any, base_image: str) -> Iterator[Callable[[Row], Bench]]:
    """Makes an engine of each kind once, when it is first asked for."""
    made: dict[str, Bench] = {}
    with ExitStack() as stack:

        def make(row: Row) -> Bench:
            if row.name not in made:
                made[row.name] = Bench(row, docker_api, base_image)
                stack.callback(made[row.name].close)
            return made[row.name]

        yield make


@pytest.mark.parametrize(("row", "behaviour"), list(_cells()))
def test_engine(
    row: Row, behaviour: Behaviour, bench: Callable[[Row], Bench], record_property: Callable[[str, object], None]
) -> None:
    there = bench(row)
    if behaviour.name in row.refuses:
        _refused(there, behaviour, row.refuses[behaviour.name])
        record_property("engines", "refused")
    elif behaviour.name in row.notes:
        told = there.project(behaviour.profile).run("up", "-d").stderr
        assert re.search(row.notes[behaviour.name], told), told
        record_property("engines", "said")
    else:
        behaviour.check(there)
        record_property("engines", "said" if behaviour.name in row.says else "ok")


def _refused(there: Bench, behaviour: Behaviour, words: tuple[str, str]) -> None:
    """Before anything is built, and with the way out."""
    mine = there.project(behaviour.profile)
    done = mine.run("up", "-d", check=6)
    for part in words:
        assert re.search(part, done.stderr), done.stderr
    assert not there.api.images(filters={"label": f"robenv.project={mine.name}"})
