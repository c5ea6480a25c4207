"""How a deploy is shown: one live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from robenv.cli.common import human_size
from robenv.cli.errors import hanging_indent
from robenv.cli.output import raw_stream, safe_stream
from robenv.util.sanitize import safe

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

_DONE = ("deployed", "unchanged", "stopped", "started", "restarted", "removed")
_STYLES = {**dict.fromkeys(_DONE, "green"), "unreachable": "yellow", "refused": "red", "failed": "red"}


@dataclass
class RobotRow:
    """What is known of one robot's way."""

    doing: str = "logging in"
    state: str = ""
    sent: int = 0
    total: int = 0
    began: float = 0.0
    ended: float = 0.0

    def moving(self, now: float) -> str:
        """``12.3MB of 40MB, 14 s left``; "" where nothing moves."""
        if not self.total or self.state or self.sent >= self.total:
            return ""
        text = f"{human_size(self.sent)} of {human_size(self.total)}"
        passed = now - self.began
        if self.sent and passed > 1 and self.sent < self.total:
            text += f", {(self.total - self.sent) * passed / self.sent:.0f} s left"
        return text


class FleetView:
    """A ``robenv.deploy.fleet.FleetReport``. Use as a context manager."""

    def __init__(self, robots: list[str], quiet: bool) -> None:
        self.rows = {name: RobotRow() for name in robots}
        self._quiet = quiet
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._live: Live | None = None

    def __enter__(self) -> FleetView:
        self._show()
        return self

    def _show(self) -> None:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            console = Console(file=raw_stream(sys.stderr), highlight=False, markup=False, emoji=False)
            self._live = Live(get_renderable=self.picture, console=console, refresh_per_second=6, transient=True)
            self._live.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        shown = self._live is not None
        self._hide()
        if kind is not None and shown:  # the table is gone; what it showed last is all that is known
            for robot, row in self.rows.items():
                self._line(robot, f"{row.state}: {row.doing}" if row.state else row.doing)

    def _hide(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    @contextmanager
    def aside(self) -> Iterator[None]:
        """The table goes while something else is shown."""
        self._hide()
        try:
            yield
        finally:
            self._show()

    def say(self, robot: str, text: str) -> None:
        with self._lock:
            row = self.rows.setdefault(robot, RobotRow())
            changed, row.doing, row.total = row.doing != text, text, 0
        if changed:
            self._line(robot, text)

    def moved(self, robot: str, sent: int, total: int) -> None:
        with self._lock:
            row = self.rows.setdefault(robot, RobotRow())
            if not row.total or sent < row.sent:
                row.began = time.monotonic()
            row.sent, row.total = sent, total

    def ended(self, robot: str, state: str, text: str) -> None:
        with self._lock:
            row = self.rows.setdefault(robot, RobotRow())
            row.state, row.doing, row.ended = state, text, time.monotonic()
        self._line(robot, f"{state}: {text}" if text else state)

    def picture(self) -> Table:
        """The table as it stands."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False)
        for title in ("ROBOT", "STATE", "", "TIME"):
            table.add_column(title, no_wrap=True, overflow="ellipsis")
        now = time.monotonic()
        with self._lock:
            for name, row in self.rows.items():
                state = Text(row.state or "working", style=_STYLES.get(row.state, "cyan"))
                detail = row.moving(now) or safe(row.doing)
                table.add_row(safe(name), state, detail, f"{(row.ended or now) - self._started:.0f} s")
        return table

    def _line(self, robot: str, text: str) -> None:
        if self._live is None and not self._quiet:
            # At once: other robots write too, and print() would do it in parts.
            safe_stream(sys.stderr).write(f"{robot}: {hanging_indent(text)}\n")
            sys.stderr.flush()


def outcome_rows(outcomes: list[Any]) -> list[tuple[str, ...]]:
    """For the table at the end."""
    return [
        (
            outcome.robot,
            outcome.state,
            outcome.release[:8] or "-",
            outcome.was[:8] or "-",
            human_size(outcome.sent) if outcome.sent else "-",
            f"{outcome.seconds:.1f} s",
        )
        for outcome in outcomes
    ]
