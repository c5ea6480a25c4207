"""The same for several robots at once, and a way out of it for the user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from robenv.deploy.connection import end_all
from robenv.errors import RobenvError, RobotRefused, RobotUnreachable

AT_ONCE = 16
"""Robots that are worked on side by side; each takes two or three processes of ssh."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(items: Sequence[Item], work: Callable[[Item], Result]) -> list[Result]:
    """``work`` on each, in threads; the results in the order of ``items``.

    Where one raises, or ^C comes, those not begun are dropped, and every connection is broken, so that nobody waits for
    whoever does not answer; what was begun on a robot it finishes or takes back by itself.
    """
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(items)) or 1) as pool:
        begun: list[Future[Result]] = []
        try:
            begun.extend(pool.submit(work, item) for item in items)
            return [one.result() for one in begun]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            end_all()
            while wait(begun, timeout=0.1).not_done:
                end_all()  # those that were about to be made
            raise


def state_after(error: RobenvError) -> str:
    """``unreachable`` (off, out of reach), ``refused`` (it answers and refuses) or ``failed``."""
    if isinstance(error, RobotRefused):
        return "refused"
    return "unreachable" if isinstance(error, RobotUnreachable) else "failed"
