"""What test processes agree on: who wants to be alone is, and the last of all knows that it is the last."""

from __future__ import annotations

import fcntl
import threading
import time
from pathlib import Path

from tests.support.machine.side_by_side import Common, turn


class _Test(threading.Thread):
    """In a turn from its start until ``end``; threads stand in for processes, for each opens the locks anew."""

    def __init__(self, folder: Path, alone: bool) -> None:
        super().__init__(daemon=True)
        self._folder, self._alone = folder, alone
        self.running, self._over = threading.Event(), threading.Event()
        self.start()

    def run(self) -> None:
        with turn(self._folder, self._alone):
            self.running.set()
            self._over.wait(30)

    def end(self) -> None:
        self._over.set()
        self.join(30)


def _waits_at_the_gate(folder: Path) -> bool:
    with (folder / "gate").open("w") as gate:
        try:
            fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_tests_run_side_by_side_but_for_those_that_want_to_be_alone(tmp_path: Path) -> None:
    first, second = _Test(tmp_path, alone=False), _Test(tmp_path, alone=False)
    assert first.running.wait(30)
    assert second.running.wait(30)
    alone = _Test(tmp_path, alone=True)
    end = time.monotonic() + 30
    while not _waits_at_the_gate(tmp_path):
        assert time.monotonic() < end
        time.sleep(0.01)
    later = _Test(tmp_path, alone=False)
    first.end()
    assert not alone.running.wait(0.1)
    second.end()
    assert alone.running.wait(30)
    assert not later.running.wait(0.1)
    alone.end()
    assert later.running.wait(30)
    later.end()


def test_in_one_process_there_is_nothing_to_wait_for() -> None:
    with turn(None, alone=True), turn(None, alone=True):
        pass


def test_the_last_one_knows_it_and_all_have_what_the_first_one_made(tmp_path: Path) -> None:
    one, other = Common(tmp_path / "file"), Common(tmp_path / "file")
    assert one.enter(lambda: "first\nmade") == "first\nmade"
    assert other.enter(lambda: "never") == "first\nmade"
    assert not one.leave()
    assert other.leave()
    assert one.enter(lambda: "never") == "first\nmade"
    assert one.leave()
