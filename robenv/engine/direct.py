"""The quick way into a running container: plain HTTP on the engine's unix socket, and nothing heavy imported.

Paths have no version: the engine then takes its own newest, and no call is needed to ask for it. What is asked for
here has the same form in every version since 1.35.
"""

from __future__ import annotations

import socket
from typing import Any

from robenv.engine.execution import ExecutionCalls
from robenv.engine.http1 import Answer, Connection, Stream

_SCHEME = "unix://"
_TIMEOUT = 60.0
"""Seconds that the engine has for a plain answer."""


def supports(endpoint: str) -> bool:
    """Whether the quick way can go there: only a unix socket."""
    return endpoint.startswith(_SCHEME) and len(endpoint) > len(_SCHEME)


class DirectEngine(ExecutionCalls):
    """A SessionEngine. ``endpoint``: ``unix:///path``; ``source``: who says so, for messages.

    Connects at the first call. Not for use by several threads at once.
    """

    def __init__(self, endpoint: str, source: str = "the current endpoint") -> None:
        self.endpoint = endpoint
        self._source = source
        self._plain: Connection | None = None
        self._version: tuple[int, ...] = ()

    def close(self) -> None:
        if self._plain is not None:
            self._plain.close()
            self._plain = None

    def _call(self, action: str, method: str, path: str, body: Any = None, absent_ok: bool = False) -> Any:
        answer = self._asked(action, method, path, body)
        self._note_version(answer)
        if answer.status == 404 and absent_ok:
            return None
        if answer.status >= 400:
            raise self._refusal(answer, action)
        try:
            return answer.json()
        except ValueError as error:
            raise self._broken(OSError(f"the engine's answer is no JSON: {error}"), action) from error

    def _asked(self, action: str, method: str, path: str, body: Any) -> Answer:
        """Asks on the connection that is kept; once more on a new one, if the engine had closed it meanwhile.

        Every plain call here can be made twice: it looks at something, sets a size or makes an exec that never starts.
        """
        kept, self._plain = self._plain, None
        if kept is not None:
            try:
                return self._asked_on(kept, method, path, body)
            except ConnectionError:
                kept.close()
            except OSError as error:
                kept.close()
                raise self._broken(error, action) from error
        connection = Connection(self._dialed())
        try:
            return self._asked_on(connection, method, path, body)
        except OSError as error:
            connection.close()
            raise self._broken(error, action) from error

    def _asked_on(self, connection: Connection, method: str, path: str, body: Any) -> Answer:
        answer = connection.request(method, path, body)
        if connection.reusable:
            self._plain = connection
        else:
            connection.close()
        return answer

    def _take_over(self, action: str, path: str, body: Any = None) -> tuple[Stream, bytes]:
        stream = self._dialed()
        try:
            answer, rest = Connection(stream).take_over(path, body)
        except OSError as error:
            stream.close()
            raise self._broken(error, action) from error
        except BaseException:
            stream.close()
            raise
        self._note_version(answer)
        if answer.status >= 300:
            stream.close()
            raise self._refusal(answer, action)
        stream.settimeout(None)
        return stream, rest

    def _dialed(self) -> socket.socket:
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(_TIMEOUT)
        try:
            stream.connect(self.endpoint.removeprefix(_SCHEME))
        except OSError as error:
            stream.close()
            from robenv.engine.endpoint import Endpoint, unreachable

            raise unreachable(error, Endpoint(self.endpoint, self._source)) from error
        return stream

    def _note_version(self, answer: Answer) -> None:
        parts = answer.headers.get("api-version", "").split(".")
        if all(part.isdigit() for part in parts):
            self._version = tuple(int(part) for part in parts)

    def _api_version(self) -> tuple[int, ...]:
        return self._version

    def _refusal(self, answer: Answer, action: str) -> Exception:
        from robenv.engine.translate import from_sentence

        return from_sentence(answer.message(), action)

    def _broken(self, error: OSError, action: str) -> Exception:
        from robenv.engine.translate import translate

        return translate(error, action)
