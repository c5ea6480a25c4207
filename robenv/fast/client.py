"""The quick way into a running container: plain HTTP on the engine's unix socket, and nothing heavy imported.

Paths have no version: the engine then takes its own newest, and no call is needed to ask for it. What is asked for
here has the same form in every version since 1.35.
"""

from __future__ import annotations

import json
import socket
from typing import Any

from robenv.engine.api.exec_api import ExecutionCalls, connection_error, error_of_answer, short_id
from robenv.engine.transport.http_client import HttpAnswer, HttpConnection, with_query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from robenv.engine.transport.endpoint import Endpoint

_SCHEME = "unix://"
_TIMEOUT = 60.0
"""Seconds that the engine has for a plain answer."""


def supports(endpoint: Endpoint | str) -> bool:
    """Whether the quick way can go there, to an endpoint or its URL: only to a unix socket."""
    return _url(endpoint).startswith(f"{_SCHEME}/")


class DirectEngine(ExecutionCalls):
    """A SessionEngine on an endpoint or its URL, ``unix:///path``.

    Connects at the first call. Not for use by several threads at once.
    """

    def __init__(self, endpoint: Endpoint | str) -> None:
        self.endpoint = _url(endpoint)
        self._given = endpoint
        self._plain: HttpConnection | None = None
        self._version: tuple[int, ...] = ()

    def close(self) -> None:
        if self._plain is not None:
            self._plain.close()
            self._plain = None

    def oom_events(self, container: str, since: float, until: float) -> int:
        """As the whole engine's."""
        filters = {"type": ["container"], "container": [container], "event": ["oom"]}
        params = {"since": f"{since:.9f}", "until": f"{until:.9f}", "filters": json.dumps(filters)}
        action = f"ask what happened to {short_id(container)}"
        answer = self._asked(action, "GET", with_query("/events", **params), None)
        if answer.status >= 400:
            raise error_of_answer(answer, action)
        return answer.body.count(b'"Action":"oom"')

    def _call(self, action: str, method: str, path: str, body: Any = None, absent_ok: bool = False) -> Any:
        answer = self._asked(action, method, path, body)
        self._note(answer)
        if answer.status == 404 and absent_ok:
            return None
        if answer.status >= 400:
            raise error_of_answer(answer, action)
        try:
            return answer.json()
        except ValueError as error:
            raise connection_error(OSError(f"the engine's answer is no JSON: {error}"), action) from error

    def _asked(self, action: str, method: str, path: str, body: Any) -> HttpAnswer:
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
                raise connection_error(error, action) from error
        connection = HttpConnection(self._dial(action))
        try:
            return self._asked_on(connection, method, path, body)
        except OSError as error:
            connection.close()
            raise connection_error(error, action) from error

    def _asked_on(self, connection: HttpConnection, method: str, path: str, body: Any) -> HttpAnswer:
        answer = connection.request(method, path, body)
        if connection.reusable:
            self._plain = connection
        else:
            connection.close()
        return answer

    def _dial(self, action: str) -> socket.socket:
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(_TIMEOUT)
        try:
            stream.connect(self.endpoint.removeprefix(_SCHEME))
        except OSError as error:
            stream.close()
            from robenv.engine.transport.endpoint import engine_unreachable

            raise engine_unreachable(error, self._endpoint()) from error
        return stream

    def _endpoint(self) -> Endpoint:
        from robenv.engine.transport.endpoint import Endpoint

        return self._given if isinstance(self._given, Endpoint) else Endpoint(self._given, "as before")

    def _note(self, answer: HttpAnswer) -> None:
        parts = answer.headers.get("api-version", "").split(".")
        if all(part.isdigit() for part in parts):
            self._version = tuple(int(part) for part in parts)

    def _api_version(self) -> tuple[int, ...]:
        return self._version


def _url(endpoint: Endpoint | str) -> str:
    return endpoint if isinstance(endpoint, str) else endpoint.url
