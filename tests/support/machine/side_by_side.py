"""What test processes that run side by side agree on, for those of pytest-xdist: turns, and who comes first and last.

One folder of the whole run holds it. A run in a single process has none, and needs none.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest


def common(config: pytest.Config) -> Path | None:
    """The folder of the whole run; None where the tests run in one process."""
    found = getattr(config, "workerinput", {}).get("robenvtest_common")
    return Path(found) if found else None


@contextmanager
def turn(folder: Path | None, alone: bool) -> Iterator[None]:
    """Around a test: one that wants to be alone waits until no other runs, and no other begins before it has ended."""
    if folder is None:
        yield
        return
    with (folder / "gate").open("w") as gate, (folder / "turn").open("w") as own:
        fcntl.flock(gate, fcntl.LOCK_EX)  # who waits for the others to end keeps the next ones out
        fcntl.flock(own, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield


class Common:
    """What the first process makes and the last one sees: ``enter(make)`` gives it, ``leave()`` whether one is last."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def enter(self, make: Callable[[], str]) -> str:
        with self._open() as file:
            count, _, made = file.read().partition("\n")
            made = made or make()
            self._write(file, int(count or 0) + 1, made)
            return made

    def leave(self) -> bool:
        with self._open() as file:
            count, _, made = file.read().partition("\n")
            self._write(file, int(count) - 1, made)
            return int(count) == 1

    @contextmanager
    def _open(self) -> Iterator[IO[str]]:
        with self._file.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            yield file

    @staticmethod
    def _write(file: IO[str], count: int, made: str) -> None:
        file.truncate(0)
        file.write(f"{count}\n{made}")
        file.flush()
