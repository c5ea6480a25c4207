"""BuildKit's trace, as real engines send it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robenv.engine.build.buildkit.messages import StatusResponse
from robenv.engine.build.buildkit.trace import Trace
from robenv.engine.protocol import LogEvent, StepEvent, TransferEvent, WarningEvent
from tests.support.engines import recorded_streams


def _aux(status: object) -> dict[str, str]:
    return {"id": "moby.buildkit.trace", "aux": base64.b64encode(status.SerializeToString()).decode()}  # type: ignore[attr-defined]


def test_a_real_build_gives_steps_logs_and_transfers() -> None:
    events = recorded_streams.events("parallel")
    names = {event.name for event in events if isinstance(event, StepEvent)}
    assert "[bar 1/2] FROM docker.io/library/robenvtest-base:bookworm" in names or (
        "[lines 1/2] FROM docker.io/library/robenvtest-base:bookworm" in names
    )
    assert "[stage-2 4/4] RUN echo both" in names
    text = "".join(event.text for event in events if isinstance(event, LogEvent))
    assert "\rdownloading 100%" in text
    assert "green\x1b[0m ü\n" in text
    assert "exporting layers" in {event.name for event in events if isinstance(event, TransferEvent)}


def test_the_image_is_known_only_from_its_own_record() -> None:
    trace = Trace()
    for record in recorded_streams.records("parallel"):
        if record.get("id") == "moby.image.id":
            assert trace.image_id == ""
        list(trace.events(record))
    assert trace.image_id.startswith("sha256:")
    failing = Trace()
    for record in recorded_streams.records("failing"):
        list(failing.events(record))
    assert failing.image_id == ""


def test_times_are_seconds_since_the_epoch() -> None:
    steps = [event for event in recorded_streams.events("parallel") if isinstance(event, StepEvent) and event.completed]
    for step in steps:
        assert step.started is not None
        assert step.completed is not None
        assert 1_700_000_000 < step.started <= step.completed < 4_000_000_000


def test_a_character_cut_between_two_records_stays_whole() -> None:
    trace = Trace()
    first, second = StatusResponse(), StatusResponse()
    first.logs.add(vertex=b"sha256:1", stream=1, msg="grü".encode()[:-1])
    second.logs.add(vertex=b"sha256:1", stream=1, msg="grü".encode()[-1:] + b"n")
    said = [event for record in (_aux(first), _aux(second)) for event in trace.events(record)]
    assert "".join(event.text for event in said if isinstance(event, LogEvent)) == "grün"


def test_text_that_is_no_utf8_does_not_lose_the_record() -> None:
    status = StatusResponse()
    status.vertexes.add(digest=b"sha256:1", name=b"RUN echo \xff")
    (event,) = Trace().events(_aux(status))
    assert event == StepEvent("sha256:1", "RUN echo \ufffd")


def test_a_warning_carries_its_details() -> None:
    status = StatusResponse()
    status.warnings.add(vertex=b"sha256:1", short=b"JSONArgsRecommended", detail=[b"use the array form"])
    assert list(Trace().events(_aux(status))) == [WarningEvent("JSONArgsRecommended\nuse the array form")]


def test_unknown_fields_of_a_later_buildkit_are_ignored() -> None:
    # Field 8 of a Vertex is its progress group: a message that is not described here.
    vertex = b"\x0a\x08sha256:1" + b"\x1a\x03RUN" + b"\x42\x02\x0a\x00"
    record = b"\x0a" + bytes([len(vertex)]) + vertex
    (event,) = Trace().events({"id": "moby.buildkit.trace", "aux": base64.b64encode(record).decode()})
    assert event == StepEvent("sha256:1", "RUN")


@pytest.mark.parametrize(
    "aux", [None, 7, "", "****", "AAA", base64.b64encode(b"\x0a\xff\xff\xff\xff\x0f").decode(), "ü"]
)
def test_a_record_that_cannot_be_read_is_no_end_of_the_build(aux: object) -> None:
    events = list(Trace().events({"id": "moby.buildkit.trace", "aux": aux}))
    assert events == [] if aux == "" else all(isinstance(event, WarningEvent) for event in events) and len(events) == 1


@given(st.binary(max_size=200))
def test_no_bytes_break_the_decoder(data: bytes) -> None:
    for event in Trace().events({"id": "moby.buildkit.trace", "aux": base64.b64encode(data).decode()}):
        assert isinstance(event, StepEvent | LogEvent | TransferEvent | WarningEvent)
