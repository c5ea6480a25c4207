"""Several builds in one picture, from the recorded streams of a real engine."""

from __future__ import annotations

import contextlib
import io
import os
import re

import pytest

from robenv.cli.progress.shared import SharedProgress, tag_event
from robenv.engine.protocol import BuildEvent, ImageEvent, LogEvent, StepEvent, TransferEvent, WarningEvent
from tests.support.engines import recorded_streams

pytestmark = pytest.mark.usefixtures("own_cache")

AMD, ARM = "linux/amd64", "linux/arm64"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("[2/5] RUN true", f"[{ARM} 2/5] RUN true"),
        ("[builder 1/2] FROM x", f"[{ARM} builder 1/2] FROM x"),
        ("[internal] load build definition", "[internal] load build definition"),
        ("copy /context /", "copy /context /"),
        ("", ""),
        ("exporting to image", f"exporting to image ({ARM})"),
        (f"pull x ({ARM})", f"pull x ({ARM})"),
    ],
)
def test_a_step_says_whose_it_is(name: str, shown: str) -> None:
    assert tag_event(StepEvent("1", name, inputs=("0",)), ARM) == StepEvent(f"{ARM} 1", shown, inputs=(f"{ARM} 0",))


def test_what_belongs_to_a_step_follows_it() -> None:
    same: list[BuildEvent] = [WarningEvent("w"), ImageEvent("i")]
    assert tag_event(LogEvent("1", "text"), ARM) == LogEvent(f"{ARM} 1", "text")
    assert tag_event(TransferEvent("2", "n", 1, 2, step="1"), ARM) == TransferEvent(
        f"{ARM} 2", "n", 1, 2, step=f"{ARM} 1"
    )
    assert [tag_event(one, ARM) for one in same] == same


def _events(stream: str) -> list[BuildEvent]:
    """With the image in the end, which the engine room tells once it has seen it."""
    return [*recorded_streams.events(stream), *([] if stream == "failing" else [ImageEvent("sha256:1")])]


def _show(streams: dict[str, str], quiet: bool, monkeypatch: pytest.MonkeyPatch) -> tuple[str, SharedProgress]:
    """What is printed of several recorded builds whose events come in turn."""
    out = io.StringIO()
    monkeypatch.setattr("sys.stderr", out)
    with SharedProgress("picker for all", quiet) as shared:
        lanes = {platform: shared.lane(platform) for platform in streams}
        for platform, lane in lanes.items():
            lane.building(f"picker for {platform}", None)
        waiting = {platform: iter(_events(stream)) for platform, stream in streams.items()}
        while waiting:
            for platform, coming in list(waiting.items()):
                event = next(coming, None)
                if event is None:
                    del waiting[platform]
                else:
                    lanes[platform].event(event)
        for lane in lanes.values():
            lane.note("a remark")
            lane.finished()
    return out.getvalue(), shared


def test_two_builds_in_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    text, shared = _show({AMD: "parallel", ARM: "parallel"}, False, monkeypatch)
    assert text.startswith("Building picker for all\n")
    for platform in (AMD, ARM):
        assert len(re.findall(rf"^#\d+ \[{platform} stage-2 4/4\] RUN echo both done", text, re.M)) == 1
        assert len(re.findall(rf"^Built picker for {platform} in ", text, re.M)) == 1
        assert f"{platform}: a remark" in text
    assert text.count("| downloading 100%") == 2
    assert len(shared.states) == 2
    assert all(state.image_id for state in shared.states)


def test_of_a_failure_and_a_success_each_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    text, _ = _show({AMD: "parallel", ARM: "failing"}, False, monkeypatch)
    assert f"Built picker for {AMD}" in text
    assert f"Built picker for {ARM}" not in text
    assert text.count("failed: ") == 1
    quiet, _ = _show({AMD: "parallel", ARM: "failing"}, True, monkeypatch)
    assert quiet.startswith("failed: ")
    assert "Built" not in quiet


def test_given_up_it_tells_of_no_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr("sys.stderr", out)
    with pytest.raises(KeyboardInterrupt), SharedProgress("picker", quiet=False) as shared:
        lane = shared.lane(AMD)
        lane.building("picker", None)
        lane.event(StepEvent("1", "[1/1] RUN x", started=1, completed=2, error="context canceled"))
        lane.finished()
        raise KeyboardInterrupt
    assert "failed" not in out.getvalue()


def _all_of(terminal: int) -> str:
    """All that was written to a terminal whose other side is still open."""
    os.set_blocking(terminal, False)
    read = b""
    with contextlib.suppress(BlockingIOError):
        while part := os.read(terminal, 1 << 16):
            read += part
    os.close(terminal)
    return read.decode()


def test_the_live_picture_has_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.setenv("LINES", "20")
        with SharedProgress("picker for both", quiet=False) as shared:
            for platform in (AMD, ARM):
                lane = shared.lane(platform)
                lane.building(f"picker for {platform}", None)
                lane.event(StepEvent("1", "[1/2] RUN sleep", started=1))
                lane.event(ImageEvent("sha256:1"))
                lane.finished()
        text = _all_of(ours)
    assert "Building picker for both" in text
    assert "[linux/amd64 1/2] RUN sleep" in text
    assert "[linux/arm64 1/2] RUN sleep" in text
    assert text.rindex("Built picker for linux/arm64") > text.rindex("RUN sleep")
