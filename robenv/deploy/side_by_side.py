"""The same for several robots at once, and a way out of it for the user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from robenv.deploy import interrupt
from robenv.errors import RobenvError, RobotRefused, RobotUnreachable
from robenv.remote.connection import end_all
from robenv.util import concurrency

AT_ONCE = 16
"""Robots that are worked on side by side; each takes two or three processes of ssh."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(items: Sequence[Item], work: Callable[[Item], Result]) -> list[Result]:
    """``work`` on each, in threads; the results in the order of ``items``.

    Where one raises, or ^C comes, those not begun are dropped, and connections are broken, so that nobody waits for
    whoever does not answer; but over those of a robot on which a release is on trial it is taken back. A further ^C
    breaks these too: the robot goes back by itself.
    """
    interrupt.clear_interrupt()
    return concurrency.side_by_side(items, work, AT_ONCE, _give_up, end_all)


def _give_up() -> None:
    interrupt.request_interrupt()
    end_all(interrupt.is_handing_over)


def state_after(error: RobenvError) -> str:
    """``unreachable`` (off, out of reach), ``refused`` (it answers and refuses) or ``failed``."""
    if isinstance(error, RobotRefused):
        return "refused"
    return "unreachable" if isinstance(error, RobotUnreachable) else "failed"
