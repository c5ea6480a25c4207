"""Work in threads, and the way out of it."""

from __future__ import annotations

import threading
import time

import pytest

from robenv.util.concurrency import cancellable, end_all, side_by_side


def test_results_come_in_order_and_the_work_at_once() -> None:
    together = threading.Barrier(3, timeout=20)

    def work(number: int) -> int:
        together.wait()
        time.sleep(0.01 * (3 - number))
        return number * number

    assert side_by_side([0, 1, 2], work, at_once=3) == [0, 1, 4]
    assert side_by_side([], work, at_once=3) == []


def test_no_more_at_once_than_asked() -> None:
    running: list[int] = []
    most = []

    def work(number: int) -> None:
        running.append(number)
        most.append(len(running))
        time.sleep(0.01)
        running.remove(number)

    side_by_side(range(6), work, at_once=2)
    assert max(most) <= 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_where_one_raises_the_silent_ones_are_ended(error: type[BaseException]) -> None:
    silent, ended = threading.Event(), []

    def work(number: int) -> None:
        if number == 0:
            assert silent.wait(20)
            raise error
        over = threading.Event()
        with cancellable(over.set):
            silent.set()
            ended.append(over.wait(20))

    with pytest.raises(error):
        side_by_side(range(100), work, at_once=2)
    assert all(ended)
    assert 1 <= len(ended) < 99, "those that were not begun are dropped"


def test_what_begins_later_is_ended_too() -> None:
    begun = threading.Event()

    def work(number: int) -> bool:
        if number == 0:
            begun.wait(20)
            raise ValueError
        begun.set()
        time.sleep(0.3)  # between two pieces of work, neither of which could be ended now
        over = threading.Event()
        with cancellable(over.set):
            return over.wait(20)

    began = time.monotonic()
    with pytest.raises(ValueError):
        side_by_side([0, 1], work, at_once=2)
    assert time.monotonic() - began < 10


def test_nothing_is_kept_of_what_is_over() -> None:
    calls: list[int] = []
    with cancellable(lambda: calls.append(1)):
        end_all()
    end_all()
    assert calls == [1]


def test_a_further_interrupt_insists() -> None:
    """The first one leaves some of the work to end by itself."""
    begun, over, asked = threading.Event(), threading.Event(), []

    def give_up() -> None:
        asked.append("give up")
        if len(asked) == 2:
            raise KeyboardInterrupt

    def insist() -> None:
        asked.append("insist")
        over.set()

    def work(number: int) -> None:
        if number == 0:
            assert begun.wait(20)
            raise KeyboardInterrupt
        begun.set()
        assert over.wait(20)

    with pytest.raises(KeyboardInterrupt):
        side_by_side([0, 1], work, 2, give_up, insist)
    assert asked[:3] == ["give up", "give up", "insist"]
