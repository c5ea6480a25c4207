"""A request whose body is a stream, sent from a thread: its progress can be told, and ^C is heard at once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from robenv.engine.transport.docker_py_session import hang_up
from robenv.util.concurrency import close

_TICK = 0.1
"""Seconds between two looks at how far it is."""


class Upload:
    """``post(body)`` sends an iterator of bytes and returns the response's headers; it runs in a thread of its own."""

    def __init__(self, post: Callable[[Iterator[bytes]], Any], chunks: Iterable[bytes]) -> None:
        self.sent = 0
        """Bytes handed to the connection so far."""
        self._chunks = chunks
        self._response: Any = None
        self._error: BaseException | None = None
        self._source_error: BaseException | None = None
        self._abandoned = threading.Event()
        self._answered = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(post,), name="upload", daemon=True)
        self._thread.start()

    def progress(self) -> Iterator[int]:
        """The bytes sent so far, whenever that has changed, until the answer begins."""
        told = -1
        while not self._answered.wait(_TICK):
            if self.sent != told:
                told = self.sent
                yield told

    def response(self) -> Any:
        """The answer. Raises what reading the chunks or sending them raised; call it after ``progress`` has ended."""
        self._answered.wait()
        # Whatever the connection says then is only an echo of the source that failed.
        error = self._source_error or self._error
        if error is not None:
            raise error
        return self._response

    def hang_up(self) -> None:
        """Breaks the connection, for whoever reads the answer in another thread."""
        self._abandoned.set()
        if self._response is not None:
            hang_up(self._response)

    def abandon(self, drain: bool, timeout: float) -> None:
        """Gives up, and waits at most ``timeout`` seconds for the engine to notice.

        ``drain``: reads the answer to its end, which is when the engine has let go of the build; else closes at once.
        Docker Engine 26.1 kills a step's process some hundredths of a second after that, 20.10 before.
        """
        self._abandoned.set()
        if self._answered.wait(timeout) and self._response is not None:
            if drain:
                self._drain(timeout)
            self._response.close()

    def _drain(self, timeout: float) -> None:
        reader = threading.Thread(target=self._read_to_the_end, name="drain", daemon=True)
        reader.start()
        reader.join(timeout)

    def _read_to_the_end(self) -> None:
        with contextlib.suppress(Exception):  # however it ends, it has ended
            for _ in self._response.iter_content(65536):
                pass

    def _run(self, post: Callable[[Iterator[bytes]], Any]) -> None:
        try:
            self._response = post(self._body())
        except BaseException as error:
            self._error = error
        finally:
            self._answered.set()

    def _body(self) -> Iterator[bytes]:
        try:
            for chunk in self._chunks:
                self._go_on()
                yield chunk
                self.sent += len(chunk)
        except (GeneratorExit, InterruptedError):
            raise
        except BaseException as error:
            self._source_error = error
            raise
        finally:
            close(self._chunks)

    def _go_on(self) -> None:
        """Raises in the middle of the body once it is abandoned, so that the connection closes."""
        if self._abandoned.is_set():
            raise InterruptedError
