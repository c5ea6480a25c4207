"""The fold over a build's events, on the recorded streams of a real engine and on streams that are hard."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robenv.engine.api.pull import transfers
from robenv.engine.build.output import GAP, KEPT_LINES, Output, split_lines
from robenv.engine.build.progress import BuildState, apply_event
from robenv.engine.protocol import BuildEvent, ImageEvent, LogEvent, StepEvent, TransferEvent, WarningEvent
from robenv.util.sanitize import printable
from tests.support.engines import recorded_streams


def _fold(*events: BuildEvent) -> BuildState:
    state = BuildState()
    for event in events:
        state = apply_event(state, event)
    return state


@pytest.mark.parametrize("name", ["parallel", "classic", "classic_podman"])
def test_output_reads_as_a_terminal_would_show_it(name: str) -> None:
    state = recorded_streams.state(name)
    bar = next(step for step in state.steps if "downloading" in step.name)
    assert bar.lines == ("downloading 100%", "green ü")
    lines = next(step for step in state.steps if "seq 1 60" in step.name)
    assert lines.lines == (*(str(number) for number in range(22, 61)), "no newline at the end")
    assert len(lines.lines) == KEPT_LINES


@pytest.mark.parametrize(
    "name", ["parallel", "cached", "classic", "classic_cached", "classic_podman", "classic_podman_cached"]
)
def test_a_good_build_ends_with_every_step_ended(name: str) -> None:
    state = recorded_streams.state(name)
    assert state.failed is None
    assert state.steps
    assert all(step.completed is not None for step in state.steps)
    assert not any(step.running for step in state.steps)


def test_stages_run_side_by_side() -> None:
    state = recorded_streams.state("parallel")
    first, second = (
        next(step for step in state.steps if step.stage == stage and "RUN" in step.name) for stage in ("bar", "lines")
    )
    assert first.started is not None
    assert second.started is not None
    assert max(first.started, second.started) < min(first.completed or 0, second.completed or 0)


def test_cached_steps_are_told() -> None:
    assert [step.cached for step in recorded_streams.state("cached").steps if "] RUN" in step.name] == [True] * 3
    assert not any(step.cached for step in recorded_streams.state("parallel").steps if "] RUN" in step.name)


@pytest.mark.parametrize("name", ["failing", "classic_failing", "classic_podman_failing"])
def test_the_step_that_failed_by_itself_is_found(name: str) -> None:
    failed = recorded_streams.state(name).failed
    assert failed is not None
    assert "exit 3" in failed.name
    assert "no such thing" in failed.lines
    assert re.search(r"[ :]3\b", failed.error)


def test_a_step_that_was_stopped_for_another_is_no_culprit() -> None:
    slow = next(step for step in recorded_streams.state("failing").steps if "sleep 30" in step.name)
    assert slow.cancelled
    assert slow.error


def test_a_pull_moves_bytes() -> None:
    state = _fold(*(event for record in recorded_streams.records("pull") for event in transfers(record, "pull")))
    moved = state.by_id["pull"].transfers
    assert len(moved) == 4  # two layers, each downloaded and unpacked
    assert all(transfer.completed for transfer in moved.values())
    assert all(transfer.total > 4_000_000 for transfer in moved.values())


def test_the_first_start_is_when_a_step_began() -> None:
    state = _fold(
        StepEvent("a", "x", started=10, completed=11),
        StepEvent("a", "x", started=12),
    )
    step = state.by_id["a"]
    assert step.running
    assert step.seconds(15) == 5


def test_what_comes_before_its_step_waits_for_it() -> None:
    state = _fold(LogEvent("a", "hello\n"), TransferEvent("a t", "t", 1, 2, step="a"), StepEvent("a", "x", 1))
    step = state.by_id["a"]
    assert (step.name, step.lines, step.transfers["a t"].current) == ("x", ("hello",), 1)


def test_folding_leaves_the_old_state_alone() -> None:
    before = _fold(StepEvent("a", "x", 1))
    apply_event(before, LogEvent("a", "hello\n"))
    apply_event(before, StepEvent("b", "y", 1))
    assert before == _fold(StepEvent("a", "x", 1))


def test_image_and_warnings() -> None:
    state = _fold(WarningEvent("one\x1b[31m"), ImageEvent("sha256:1"))
    assert (state.warnings, state.image_id) == (("one",), "sha256:1")


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        (["a\r", "\nb"], ("a", "b")),
        (["10%\r", "20%\r", "30%"], ("30%",)),
        (["10%\r20%\r\n"], ("20%",)),
        (["a\r\nb\r\n"], ("a", "b")),
        (["half", " line"], ("half line",)),
        (["\x1b[3", "1mred\x1b[0", "m\n"], ("red",)),
        (["\n\n"], ("", "")),
        (["tab\tstop\n"], ("tab     stop",)),
    ],
)
def test_lines_however_they_are_cut(pieces: list[str], lines: tuple[str, ...]) -> None:
    assert _fold(*(LogEvent("a", piece) for piece in pieces)).by_id["a"].lines == lines


@pytest.mark.parametrize("stderr", [False, True])
def test_what_tells_the_cause_is_kept_however_much_comes_after_it(stderr: bool) -> None:
    noise = "".join(f"line {number}\n" for number in range(500))
    events = [LogEvent("a", noise), LogEvent("a", "make: not found\n", stderr=stderr), LogEvent("a", noise)]
    output = _fold(*events).by_id["a"].output
    assert output.telling == ("make: not found", GAP, *(f"line {number}" for number in range(460, 500)))
    assert output.cause == "make: not found"
    assert len(output.lines) == KEPT_LINES


def test_two_streams_do_not_mix_in_a_line() -> None:
    output = Output().add("compiling").add("make: not ", stderr=True).add(" a.c\n").add("found", stderr=True)
    assert output.lines == ("compiling a.c", "make: not found")


def test_of_a_step_no_more_is_kept_than_can_be_shown() -> None:
    output = Output()
    for number in range(300):
        output = output.add(f"error {number}\n", stderr=True).add(f"failed {number}\n")
    assert len(output.telling) < KEPT_LINES + 30


@given(st.lists(st.text(max_size=30), max_size=8))
def test_lines_do_not_depend_on_where_the_output_was_cut(pieces: list[str]) -> None:
    whole = _fold(LogEvent("a", "".join(pieces)))
    cut = _fold(LogEvent("a", ""), *(LogEvent("a", piece) for piece in pieces))
    assert cut.by_id["a"].lines == whole.by_id["a"].lines


@given(st.text())
def test_nothing_that_a_build_prints_can_drive_the_terminal(text: str) -> None:
    shown = printable(text)
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in shown)


@pytest.mark.parametrize(
    "evil",
    [
        "\x1b]0;title\x07",
        "\x1b]52;c;Zm9v\x1b\\",
        "\x1b[2J",
        "\x9b2J",
        "\x1bc",
        "\x1b(0",
        "\x1bP1;2q\x1b\\",
        "\u202e",
        "\x08",
        "\x07",
    ],
)
def test_sequences_go_and_the_text_around_them_stays(evil: str) -> None:
    assert printable(f"before{evil}after") == "beforeafter"


def test_a_line_without_end_does_not_grow() -> None:
    part = ""
    for _ in range(2000):
        _, part = split_lines(part, "x" * 100)
    assert len(part) <= 4096
    for number in range(2000):
        _, part = split_lines(part, f"\r{number:0100}")
    assert len(part) <= 4300
    assert part.endswith("1999")
