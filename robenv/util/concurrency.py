"""What waits for an engine or a program, perhaps in silence, and how another thread ends it.

A ^C is heard by the main thread alone. Work that it has handed to others stands in a read there until something comes;
so each such piece of work says here, while it lasts, how it is ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar

_ENDS: dict[object, Callable[[], object]] = {}
_AGAIN = 0.2
"""Seconds between two tries to end what is only just about to begin."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def cancellable(end: Callable[[], object]) -> Iterator[None]:
    """While this lasts, ``end`` makes it fail soon. ``end`` is called from other threads, perhaps repeatedly."""
    key = object()
    _ENDS[key] = end
    try:
        yield
    finally:
        del _ENDS[key]


def end_all() -> None:
    for end in list(_ENDS.values()):
        end()


def side_by_side(
    items: Sequence[Item],
    work: Callable[[Item], Result],
    at_once: int,
    give_up: Callable[[], object] = end_all,
    insist: Callable[[], object] = end_all,
) -> list[Result]:
    """``work`` on each, in threads; the results in the order of ``items``.

    Where one raises, or ^C comes, those not begun are dropped, and ``give_up`` is called until the others have ended;
    from a further ^C on it is ``insist``.
    """
    with ThreadPoolExecutor(max_workers=min(at_once, len(items)) or 1) as pool:
        begun: list[Future[Result]] = []
        try:
            begun.extend(pool.submit(work, item) for item in items)
            return [one.result() for one in begun]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            try:
                _await_end(begun, give_up)
            except (KeyboardInterrupt, SystemExit):
                _await_end(begun, insist)
            raise


def _await_end(begun: Sequence[Future[Result]], end: Callable[[], object]) -> None:
    end()
    # Of futures that are cancelled before they begin, `wait` alone never has news.
    while going_on := [one for one in begun if not one.done()]:
        wait(going_on, timeout=_AGAIN)
        end()  # those that were about to be made


def close(iterable: Iterable[Any]) -> None:
    """Ends a generator, so that what it holds is let go; nothing for an iterable that cannot be closed."""
    end = getattr(iterable, "close", None)
    if end is not None:
        end()


def forward(items: Iterable[Item], take: Callable[[Item], object]) -> None:
    """Hands every item on, and closes the iterator however that ends: this is what cancels on the engine."""
    try:
        for item in items:
            take(item)
    finally:
        close(items)
