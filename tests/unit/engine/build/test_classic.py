"""The classic builder's stream, as real engines send it."""

from __future__ import annotations

from itertools import pairwise

from robenv.engine.build.classic import ClassicTrace
from robenv.engine.build.progress import BuildState, apply_event
from robenv.engine.protocol import LogEvent, StepEvent
from tests.support.engines import recorded_streams


def _steps(name: str) -> dict[str, StepEvent]:
    """The last event of each step."""
    return {event.id: event for event in recorded_streams.events(name) if isinstance(event, StepEvent)}


def test_steps_have_the_engines_names_and_follow_each_other() -> None:
    steps = list(_steps("classic").values())
    assert [step.name.partition(" : ")[0] for step in steps] == [f"Step {n}/8" for n in range(1, 9)]
    assert steps[-1].name == "Step 8/8 : RUN echo both"
    for before, after in pairwise(steps):
        assert before.completed is not None
        assert after.started is not None
        assert before.completed <= after.started


def test_output_comes_without_the_builders_own_remarks() -> None:
    said = "".join(event.text for event in recorded_streams.events("classic") if isinstance(event, LogEvent))
    assert "\rdownloading 100%" in said
    assert "no newline at the end" in said
    assert "--->" not in said
    assert "intermediate container" not in said


def test_cached_steps_say_so() -> None:
    assert [step.cached for step in _steps("classic_cached").values()] == [
        False,
        True,
        False,
        True,
        False,
        True,
        True,
        True,
    ]
    assert not any(step.cached for step in _steps("classic").values())


def test_only_the_image_of_the_last_step_counts() -> None:
    trace = ClassicTrace()
    images = [record["aux"]["ID"] for record in recorded_streams.records("classic") if "aux" in record]
    assert len(images) == 3
    for record in recorded_streams.records("classic"):
        if "aux" in record and record["aux"]["ID"] != images[-1]:
            list(trace.events(record))
            assert trace.image_id == ""
        else:
            list(trace.events(record))
    assert trace.image_id == images[-1]


def test_the_failing_step_carries_the_error() -> None:
    last = list(_steps("classic_failing").values())[-1]
    assert "returned a non-zero code: 3" in last.error
    assert last.name.startswith("Step 4/4 : RUN echo two")


def test_it_knows_the_container_that_runs() -> None:
    trace = ClassicTrace()
    seen = set()
    for record in recorded_streams.records("classic"):
        list(trace.events(record))
        seen.add(trace.container)
    assert trace.container == ""
    assert len(seen) == 4  # three RUN steps, and none


def test_output_that_looks_like_the_builders_words_changes_nothing() -> None:
    trace = ClassicTrace(lambda: 0.0)
    lines = ["Step 1/2 : RUN sh", "\n", "hello\n", " ---> Using cache\n", "Step 9/9 : RUN more\n"]
    events = [event for line in lines for event in trace.events({"stream": line})]
    assert [event.text for event in events if isinstance(event, LogEvent)] == [
        "hello\n",
        " ---> Using cache\n",
        "Step 9/9 : RUN more\n",
    ]
    assert not any(event.cached for event in events if isinstance(event, StepEvent))
    list(trace.events({"aux": {"ID": "sha256:1"}}))
    assert trace.image_id == ""


def test_podman_counts_in_each_stage() -> None:
    steps = _steps("classic_podman")
    assert [step.name.partition(" : ")[0] for step in steps.values()] == [
        "Step 1/2",
        "Step 2/2",
        "Step 3/4",
        "Step 4/4",
        "Step 5/8",
        "Step 6/8",
        "Step 7/8",
        "Step 8/8",
    ]
    assert list(steps) == list(_steps("classic"))
    assert all(step.completed is not None for step in steps.values())


def test_podmans_last_words_are_no_output() -> None:
    said = [event.text for event in recorded_streams.events("classic_podman") if isinstance(event, LogEvent)]
    assert said[-1] == "both\n"
    assert not any("COMMIT" in text or "-->" in text for text in said)


def test_podman_names_its_image_and_what_it_kept() -> None:
    trace = ClassicTrace()
    for record in recorded_streams.records("classic_podman"):
        list(trace.events(record))
    assert trace.image_id == recorded_streams.records("classic_podman")[-3]["aux"]["ID"]
    cached = [step.cached for step in _steps("classic_podman_cached").values() if "FROM" not in step.name]
    assert all(cached)


def test_podmans_failing_step_carries_the_error() -> None:
    last = list(_steps("classic_podman_failing").values())[-1]
    assert "exit status 3" in last.error
    assert "RUN echo two" in last.name


def test_records_of_any_shape_are_survived() -> None:
    trace = ClassicTrace()
    for record in (
        {},
        {"stream": 7},
        {"aux": "x"},
        {"aux": None},
        {"error": None, "errorDetail": "x"},
        {"status": "y"},
    ):
        assert list(trace.events(record)) == []


def test_the_spelling_of_docker_28_is_understood() -> None:
    trace = ClassicTrace(lambda: 0.0)
    lines = [
        "Step 1/1 : RUN true",
        "\n",
        " ---> Running in 0123456789ab\n",
        " ---> Removed intermediate container 0123456789ab\n",
    ]
    events = [event for line in lines for event in trace.events({"stream": line})]
    assert not any(isinstance(event, LogEvent) for event in events)


def test_the_end_of_a_line_counts_also_where_it_comes_alone() -> None:
    trace = ClassicTrace(lambda: 0.0)
    state = BuildState()
    for text in ("Step 1/1 : RUN x", "\n", "sh: x: not found", "\n", "line 1\n", "\n", "line 2\n"):
        for event in trace.events({"stream": text}):
            state = apply_event(state, event)
    (step,) = state.steps
    assert step.lines == ("sh: x: not found", "line 1", "", "line 2")
    assert step.output.cause == "sh: x: not found"
