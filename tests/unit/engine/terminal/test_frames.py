"""The Engine API's frames, cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robenv.engine.terminal.process_session import STDERR, STDOUT, FrameDecoder, RawDecoder, demultiplexer
from robenv.errors import OperationFailed
from tests.support.engines.sessions import collect, frame


@given(
    st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.binary(max_size=300)), max_size=12),
    st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=20),
)
def test_frames_come_together_wherever_the_stream_is_cut(sent: list[tuple[int, bytes]], cuts: list[int]) -> None:
    wire = b"".join(frame(stream, data) for stream, data in sent)
    frames, pieces, at, turn = FrameDecoder(), [], 0, 0
    while at < len(wire):
        size = cuts[turn % len(cuts)]
        pieces += frames.feed(wire[at : at + size])
        at, turn = at + size, turn + 1
    assert collect(pieces) == collect(sent)
    assert frames.whole


def test_the_order_of_stdout_and_stderr_is_kept() -> None:
    wire = frame(STDOUT, b"a") + frame(STDERR, b"b") + frame(STDOUT, b"c")
    assert FrameDecoder().feed(wire) == [(STDOUT, b"a"), (STDERR, b"b"), (STDOUT, b"c")]


def test_a_part_of_a_frame_comes_before_its_end() -> None:
    frames = FrameDecoder()
    assert frames.feed(frame(STDOUT, b"x" * 1000)[:108]) == [(STDOUT, b"x" * 100)]
    assert not frames.whole


@pytest.mark.parametrize("cut", [1, 7, 8, 9])
def test_a_stream_that_ends_inside_a_frame_is_not_whole(cut: int) -> None:
    frames = FrameDecoder()
    frames.feed(frame(STDOUT, b"ab")[:cut])
    assert not frames.whole


def test_empty_frames_say_nothing() -> None:
    frames = FrameDecoder()
    assert frames.feed(frame(STDOUT, b"") * 3) == []
    assert frames.whole


def test_a_frame_of_the_greatest_length_is_not_waited_for() -> None:
    frames = FrameDecoder()
    assert frames.feed(b"\x01\0\0\0\xff\xff\xff\xff" + b"y" * 10) == [(STDOUT, b"y" * 10)]


def test_the_engines_own_complaints_go_to_stderr() -> None:
    assert FrameDecoder().feed(frame(3, b"error grabbing logs")) == [(STDERR, b"error grabbing logs")]


@pytest.mark.parametrize("wire", [b"plain text, no frame", b"\x04\0\0\0\0\0\0\x01x", b"\x01\x01\0\0\0\0\0\x01x"])
def test_what_has_no_frames_is_refused(wire: bytes) -> None:
    with pytest.raises(OperationFailed, match="cannot be understood"):
        FrameDecoder().feed(wire)


def test_with_a_tty_everything_is_stdout() -> None:
    assert isinstance(demultiplexer(tty=True), RawDecoder)
    assert RawDecoder().feed(b"\x02\0\0\0") == [(STDOUT, b"\x02\0\0\0")]
    assert RawDecoder().feed(b"") == []


def test_what_podman_says_of_its_own_parts_is_left_out() -> None:
    noise = b"Error: read unixpacket @->/proc/self/fd/13/attach: read: connection reset by peer\n"
    wire = frame(2, b"no such program\n") + frame(2, noise) + frame(1, noise[:-1])
    assert FrameDecoder().feed(wire) == [(STDERR, b"no such program\n"), (STDOUT, noise[:-1])]
