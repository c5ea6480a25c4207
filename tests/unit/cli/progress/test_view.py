"""What a person sees of a build, from the recorded streams of a real engine: in a file, and on a real terminal."""

from __future__ import annotations

import io
import os
import pty
import re
import stat
import threading
from pathlib import Path
from typing import TextIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from robenv.cli.progress.live import picture
from robenv.cli.progress.report import Origin, duration, shorten, size
from robenv.cli.progress.view import ProgressView
from robenv.engine.build.progress import BuildState, apply_event
from robenv.engine.protocol import ImageEvent, LogEvent, StepEvent, TransferEvent
from robenv.errors import Location
from robenv.resources import profiles_folder
from tests.support.engines import recorded_streams

pytestmark = pytest.mark.usefixtures("own_cache")


def _plain(name: str, quiet: bool = False) -> str:
    stream = io.StringIO()
    with ProgressView("picker for linux/amd64", stream=stream, quiet=quiet) as view:
        for event in recorded_streams.events(name):
            view.handle(event)
    return stream.getvalue()


def test_plain_lines_of_a_good_build() -> None:
    lines = _plain("parallel").splitlines()
    assert lines[0] == "Building picker for linux/amd64"
    assert any(re.fullmatch(r"#\d+ \[stage-2 4/4\] RUN echo both done \d\.\ds", line) for line in lines)
    assert any(re.fullmatch(r"#\d+ \| downloading 100%", line) for line in lines)
    numbers = [int(line.split("| ")[1]) for line in lines if re.fullmatch(r"#\d+ \| \d+", line)]
    assert numbers == list(range(1, 61))
    assert any(line.endswith("| no newline at the end") for line in lines)
    assert "[internal]" not in "\n".join(lines)
    assert "\x1b" not in "\n".join(lines)


def test_each_step_ends_once() -> None:
    ended = [line for line in _plain("cached").splitlines() if line.endswith("CACHED")]
    assert len(ended) == len(set(ended))
    assert any("RUN echo both CACHED" in line for line in ended)


def test_a_failure_shows_the_step_its_last_lines_and_where_it_comes_from() -> None:
    stream = io.StringIO()
    place = Location("robenv.yaml", 7, 3, ("ros/debian-bookworm", "robenv.yaml"), "7 | packages: [foo]\n   ^")

    def lookup(name: str) -> Origin | None:
        return Origin(place, "count") if "RUN seq" in name else None

    with ProgressView("picker", stream=stream, lookup=lookup) as view:
        for event in recorded_streams.events("failing"):
            view.handle(event)
    assert view.state.failed and view.state.failed.name == "[stage-1 2/3] count (robenv.yaml)"
    report = stream.getvalue().partition("failed:")[2]
    log = Path(report.partition("full log: ")[2].strip())
    assert "no such thing" in log.read_text()
    assert "| 1\n" in log.read_text(), "more than what the report has room for"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert [one.name for one in log.parent.iterdir()] == [log.name]
    said = [line.removeprefix("  | ") for line in report.splitlines() if line.startswith("  | ")]
    assert said == [*(str(number) for number in range(12, 51)), "no such thing"]
    assert "robenv.yaml:7:3" in report
    assert "  7 | packages: [foo]" in report
    assert "extended by ros/debian-bookworm ← robenv.yaml" in report


def test_a_step_is_called_by_what_it_is_for() -> None:
    built_in = Location(f"{profiles_folder()}/ros/jazzy.yaml", 7, 3)
    of_it = Origin(built_in, "ROS packages")
    assert of_it.named("[image 3/8] RUN --mount=type=cache,id=x apt-get update") == (
        "[image 3/8] ROS packages (ros/jazzy)"
    )
    assert of_it.named("[linux/arm64 image 3/8] RUN true") == "[linux/arm64 image 3/8] ROS packages (ros/jazzy)"
    assert of_it.named("[image 1/8] FROM ubuntu:24.04") == "[image 1/8] FROM ubuntu:24.04"
    mine = Origin(Location("../common.yaml", 1, 1), "calibration tool")
    assert mine.named("[2/2] RUN x") == "[2/2] calibration tool (../common.yaml)"
    assert Origin(None, "robenv's entrypoint").named("[2/2] RUN x") == "[2/2] robenv's entrypoint"


def test_no_log_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "robenv").mkdir()
    (tmp_path / "robenv" / "logs").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert _plain("failing", quiet=True).startswith("failed: [stage-1 2/3] RUN seq 1 50")
    assert "full log" not in _plain("failing", quiet=True)


def test_quiet_says_nothing_but_why_it_failed() -> None:
    assert _plain("parallel", quiet=True) == ""
    assert _plain("failing", quiet=True).startswith("failed: [stage-1 2/3] RUN seq 1 50")


def test_a_build_that_was_interrupted_is_no_failure() -> None:
    stream = io.StringIO()
    with pytest.raises(KeyboardInterrupt), ProgressView("picker", stream=stream) as view:
        for event in recorded_streams.events("parallel")[:20]:
            view.handle(event)
        raise KeyboardInterrupt
    assert "failed" not in stream.getvalue()
    assert "Built" not in stream.getvalue()


def test_the_summary_counts() -> None:
    stream = io.StringIO()
    with ProgressView("picker", stream=stream) as view:
        view.handle(StepEvent("a", "RUN a", 1, 2, cached=True))
        view.handle(StepEvent("b", "RUN b", 1, 3))
        view.handle(ImageEvent("sha256:1"))
    assert re.search(r"^Built picker in \d+\.\ds: 2 steps, 1 cached$", stream.getvalue(), re.M)


def _picture(state: BuildState, height: int, width: int = 60, now: float = 100.0) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(picture("Building picker", state, 0.0, now, height))
    return capture.get().splitlines()


def _busy(running: int, ended: int, lines: int) -> BuildState:
    state = BuildState()
    for number in range(ended):
        state = apply_event(state, StepEvent(f"e{number}", f"ended {number}", 1, 2 + number))
    for number in range(running):
        state = apply_event(state, StepEvent(f"r{number}", f"[s{number} 2/3] RUN " + "long " * 30, 90.0))
        for line in range(lines):
            state = apply_event(state, LogEvent(f"r{number}", f"output {line} 漢字 " + "x" * 90 + "\n"))
    return state


@pytest.mark.parametrize("height", [2, 3, 5, 10, 24, 60])
@pytest.mark.parametrize(("running", "ended", "lines"), [(0, 0, 0), (1, 3, 2), (3, 40, 40), (30, 100, 40)])
def test_the_picture_always_fits(height: int, running: int, ended: int, lines: int) -> None:
    shown = _picture(_busy(running, ended, lines), height)
    assert len(shown) <= max(2, height - 1)
    assert all(cell_len(line) <= 60 for line in shown)


def test_the_picture_shows_what_runs_with_its_last_lines() -> None:
    shown = "\n".join(_picture(_busy(2, 3, 10), 24))
    assert "Building picker" in shown
    assert "3/5 steps" in shown
    assert shown.count("RUN long") == 2
    assert shown.count("output 9") == 2
    assert "output 3" not in shown
    assert "10.0s" in shown


def test_the_picture_shows_what_moves() -> None:
    state = apply_event(BuildState(), StepEvent("p", "pull ros:noetic", 90.0))
    state = apply_event(state, TransferEvent("p 1", "downloading 0123", 5_000_000, 20_000_000, step="p"))
    assert "downloading 0123 5MB / 20MB" in "\n".join(_picture(state, 24))


def _on_a_terminal(name: str) -> str:
    """All that a terminal got of a recorded build."""
    master, slave = pty.openpty()
    got: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(master, 65536):
                got.append(data)
        except OSError:  # the other side is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    stream: TextIO
    with os.fdopen(slave, "w") as stream, ProgressView("picker", stream=stream) as view:
        for event in recorded_streams.events(name):
            view.handle(event)
        view.handle(ImageEvent("sha256:1"))
    reader.join()
    os.close(master)
    return b"".join(got).decode()


def test_a_terminal_gets_a_picture_and_gets_its_cursor_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    got = _on_a_terminal("parallel")
    assert "Building picker" in got
    assert got.rindex("\x1b[?25h") > got.rindex("\x1b[?25l")
    assert "Built picker in" in got


def test_no_color_is_respected_and_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", _on_a_terminal("failing"))
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in _on_a_terminal("failing")


def test_words_for_times_and_sizes() -> None:
    assert [duration(seconds) for seconds in (0.04, 3.21, 65, 7380)] == ["0.0s", "3.2s", "1m 05s", "2h 03m"]
    assert [size(count) for count in (0, 999, 1500, 170_000_000, 2.5e12)] == ["0B", "999B", "1.5kB", "170MB", "2.5TB"]
    assert [shorten("abcdef", width) for width in (6, 5, 1)] == ["abcdef", "abcd…", "a…"]
