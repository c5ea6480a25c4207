"""What all tests share."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.folders import ROOT
from tests.support.machine import side_by_side

_COMMON = pytest.StashKey[Path]()


def pytest_configure() -> None:
    """A TERM is as good as ^C: fixtures end what they have started, such as engines."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: most tests wait for an engine most of the time."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """In the process that hands out the tests: all that it starts share a folder, which ends with it."""
    stash = node.config.stash
    if _COMMON not in stash:
        stash[_COMMON] = Path(tempfile.mkdtemp(prefix="robenvtest-run-"))
        node.config.add_cleanup(lambda: shutil.rmtree(stash[_COMMON]))
    node.workerinput["robenvtest_common"] = str(stash[_COMMON])
    node.nodemanager.EXIT_TIMEOUT = 60  # seconds; after ^C they end the engines that they have started


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    with side_by_side.turn(side_by_side.common(item.config), alone=item.get_closest_marker("alone") is not None):
        return (yield)


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the checkout."""
    return ROOT


@pytest.fixture(scope="session", autouse=True)
def _own_caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps robenv's caches and the user's settings out of the tests, and the tests out of them."""
    changed = {
        "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")),
        "XDG_STATE_HOME": str(tmp_path_factory.mktemp("state")),
    }
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(scope="session", autouse=True)
def _minded_signals() -> Iterator[None]:
    """A shell without job control starts what it puts in the background with these ignored: tests send them."""
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    leave = signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGQUIT, leave)
