"""A streamed request body: its progress, its errors and its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from robenv.engine.transport.upload import Upload


class _Answer:
    """As much of a response of requests' as an upload touches."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = chunks
        self.closed = False

    def iter_content(self, size: int) -> Iterator[bytes]:
        while self.chunks:
            yield self.chunks.pop()

    def close(self) -> None:
        self.closed = True


def _take_all(body: Iterator[bytes]) -> _Answer:
    return _Answer([b"".join(body)])


def test_everything_arrives_and_is_counted() -> None:
    upload = Upload(_take_all, [b"one", b"", b"two"])
    answer = upload.response()
    assert answer.chunks == [b"onetwo"]
    assert upload.sent == 6


def test_progress_is_told_while_it_goes() -> None:
    go_on = threading.Event()

    def chunks() -> Iterator[bytes]:
        yield b"12345"
        assert go_on.wait(10)
        yield b"67890"

    upload = Upload(_take_all, chunks())
    seen = []
    for sent in upload.progress():
        seen.append(sent)
        if sent == 5:
            go_on.set()
    assert 5 in seen
    assert seen == sorted(set(seen))
    assert upload.response().chunks == [b"1234567890"]


def test_what_the_source_raises_wins_over_what_the_connection_makes_of_it() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"x"
        raise LookupError("the file changed")

    def post(body: Iterator[bytes]) -> None:
        try:
            list(body)
        except LookupError as error:
            raise ConnectionError("aborted") from error

    upload = Upload(post, chunks())
    assert list(upload.progress()) in ([], [0], [1])
    with pytest.raises(LookupError, match="the file changed"):
        upload.response()


def test_what_the_connection_raises_comes_out() -> None:
    def post(body: Iterator[bytes]) -> None:
        next(body)
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        Upload(post, iter([b"x", b"y"])).response()


def test_abandoning_ends_an_endless_body() -> None:
    ended = threading.Event()

    closed = threading.Event()

    def chunks() -> Iterator[bytes]:
        try:
            while True:
                yield b"x"
        finally:
            closed.set()

    def post(body: Iterator[bytes]) -> None:
        try:
            for _ in body:
                pass
        finally:
            ended.set()

    upload = Upload(post, chunks())
    upload.abandon(drain=False, timeout=10)
    assert ended.is_set()
    assert closed.is_set()


@pytest.mark.parametrize("drain", [True, False])
def test_abandoning_closes_the_answer(drain: bool) -> None:
    answer = _Answer([b"rest"])
    upload = Upload(lambda body: answer, [])
    upload.response()
    upload.abandon(drain, timeout=10)
    assert answer.closed
    assert (answer.chunks == []) is drain
