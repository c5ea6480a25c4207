"""The live picture of a build on a terminal: what runs, side by side, with its last lines; it fits the screen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from robenv.cli.progress.report import duration, is_hidden, size

if TYPE_CHECKING:
    from robenv.engine.build.progress import BuildState, BuildStep, Transfer

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_MOST_LINES = 6
"""Lines of output under a running step."""
_MOST_TRANSFERS = 4


class LiveView:
    """Draws what ``state()`` returns, some times a second, until it is stopped; then the picture is gone."""

    def __init__(self, title: str, state: Callable[[], BuildState], stream: TextIO) -> None:
        self._title = title
        self._state = state
        self._started = time.time()
        self._console = Console(file=stream, highlight=False, markup=False, emoji=False)
        self._live = Live(
            get_renderable=self._picture,
            console=self._console,
            refresh_per_second=8,
            transient=True,
            vertical_overflow="crop",
        )

    @property
    def width(self) -> int:
        return self._console.width

    def start(self) -> None:
        self._live.start()

    def stop(self) -> None:
        self._live.stop()

    def _picture(self) -> RenderableType:
        return picture(self._title, self._state(), self._started, time.time(), self._console.height)


def picture(title: str, state: BuildState, began: float, now: float, height: int) -> RenderableType:
    """The state at ``now`` in fewer than ``height`` lines. Pure."""
    steps = [step for step in state.steps if not is_hidden(step, now)]
    running = sorted((step for step in steps if step.running), key=lambda step: step.started or 0)
    ended = sorted((step for step in steps if step.completed is not None), key=lambda step: step.completed or 0)
    room = max(1, height - 2)  # the header, and the line that the cursor stands on
    running = running[-room:]
    below = _share(room - len(running), [_details(step) for step in running])
    above = ended[-left:] if (left := room - len(running) - sum(map(len, below))) > 0 else []
    lines: list[RenderableType] = [_header(title, steps, now - began)]
    lines += [_line(step, now) for step in above]
    for step, details in zip(running, below, strict=True):
        lines.append(_line(step, now))
        lines += details
    return Group(*lines)


def _share(room: int, wanted: list[list[Text]]) -> list[list[Text]]:
    """The last of each one's details, so that all get about as much of ``room`` lines."""
    shares: list[list[Text]] = []
    for left, details in zip(range(len(wanted), 0, -1), wanted, strict=True):
        most = max(0, room) // left
        shares.append(details[-most:] if most else [])
        room -= len(shares[-1])
    return shares


def _header(title: str, steps: list[BuildStep], seconds: float) -> Text:
    done = sum(step.completed is not None for step in steps)
    text = Text(title, "bold", no_wrap=True, overflow="ellipsis")
    return text.append(f"  {duration(seconds)}  {done}/{len(steps)} steps", "not bold dim")


def _line(step: BuildStep, now: float) -> Table:
    """Mark, name and time in one line, cut in the name."""
    if step.error:
        mark, style, right = "✗", "red", "FAILED" if not step.cancelled else "stopped"
    elif step.cached:
        mark, style, right = "✓", "green", "CACHED"
    elif step.completed is not None:
        mark, style, right = "✓", "green", duration(step.seconds(now))
    else:
        mark, style, right = _FRAMES[int(now * 8) % len(_FRAMES)], "cyan", duration(step.seconds(now))
    line = Table.grid(expand=True, padding=(0, 1, 0, 0))
    line.add_column(width=1, no_wrap=True)
    line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    line.add_column(justify="right", no_wrap=True)
    line.add_row(Text(mark, style), Text(step.name), Text(right, "dim" if step.completed else style))
    return line


def _details(step: BuildStep) -> list[Text]:
    moving = [transfer for transfer in step.transfers.values() if not transfer.completed and transfer.current]
    texts = [_moving(transfer) for transfer in moving[-_MOST_TRANSFERS:]] + list(step.lines[-_MOST_LINES:])
    return [Text(f"    {text}", "dim", no_wrap=True, overflow="ellipsis", end="\n") for text in texts]


def _moving(transfer: Transfer) -> str:
    total = f" / {size(transfer.total)}" if transfer.total else ""
    return f"{transfer.name} {size(transfer.current)}{total}"
