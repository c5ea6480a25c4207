"""Entering a container by the Engine API: what the quick engine and the whole one do alike."""

from __future__ import annotations

import time
from typing import Any

from robenv.engine.terminal import signals
from robenv.engine.terminal.process_session import SocketSession, detach_bytes, first_line
from robenv.engine.terminal.types import ContainerInfo, ExecRequest
from robenv.engine.transport.http_client import HttpConnection, quoted, with_query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from robenv.engine.transport.http_client import HttpAnswer, Stream

_CONSOLE_SIZE = (1, 42)
"""The first API version whose exec takes the terminal's size from the start."""
_START = 10.0
"""Seconds that an engine may take to start a process whose input has ended."""
_SIGNAL_TIMEOUT = 10.0
"""Seconds that a signal may take."""


class ExecutionCalls:
    """``find_container``, ``open_exec`` and ``open_attach`` over what a subclass knows of asking the engine."""

    def _call(self, action: str, method: str, path: str, body: Any = None, absent_ok: bool = False) -> Any:
        """The JSON of the answer. ``action`` as in "could not ACTION". ``absent_ok``: None for an answer 404.

        Raises robenv's errors.
        """
        raise NotImplementedError

    def _dial(self, action: str) -> Stream:
        """A new connection to the engine, blocking with a timeout. Raises robenv's errors."""
        raise NotImplementedError

    def _path(self, path: str) -> str:
        """``path`` with the API's version, where one is asked for."""
        return path

    def _api_version(self) -> tuple[int, ...]:
        raise NotImplementedError

    def _note(self, answer: HttpAnswer) -> None:
        """Looks at an answer's headers."""

    def find_container(self, name: str) -> ContainerInfo | None:
        if not name:
            return None
        path = f"/containers/{quoted(name)}/json"
        found = self._call(f"look at the container {short_id(name)}", "GET", path, absent_ok=True)
        return container_info(found) if found else None

    def open_exec(self, request: ExecRequest, size: tuple[int, int] | None = None) -> SocketSession:
        action = f"run {request.argv[0]} in {short_id(request.container)}"
        marker = signals.new_marker()
        size = size if request.tty else None
        exec_id = self._created_exec(action, request, marker, size)
        start: dict[str, Any] = {"Detach": False, "Tty": request.tty}
        if size:
            start["ConsoleSize"] = list(size)
        stream, rest = self._take_over(action, f"/exec/{exec_id}/start", start)
        process = _Exec(self, exec_id, request, marker)
        session = SocketSession(
            stream, process, request.tty, request.stdin, rest, detach_keys=detach_bytes(request.detach_keys)
        )
        if size and self._api_version() >= _CONSOLE_SIZE:
            session.size = size
        elif size:
            session.resize(*size)
        return session

    def open_attach(self, container: str, tty: bool, stdin: bool, detach_keys: str = "") -> SocketSession:
        streams = {"stream": "1", "stdout": "1", "stderr": "1", "stdin": "1" if stdin else ""}
        path = with_query(f"/containers/{quoted(container)}/attach", **streams, detachKeys=detach_keys)
        stream, rest = self._take_over(f"attach to the container {short_id(container)}", path)
        process = _Main(self, container)
        return SocketSession(stream, process, tty, stdin, rest, detach_keys=detach_bytes(detach_keys))

    def _take_over(
        self,
        action: str,
        path: str,
        body: Any = None,
        protocol: str = "tcp",
        headers: Iterable[tuple[str, str]] = (),
    ) -> tuple[Stream, bytes]:
        """POSTs and has the connection for raw bytes: (a blocking socket, bytes that came already)."""
        stream = self._dial(action)
        try:
            answer, rest = HttpConnection(stream).take_over(self._path(path), body, protocol, headers)
            stream.settimeout(None)
        except OSError as error:
            stream.close()
            raise connection_error(error, action) from error
        except BaseException:
            stream.close()
            raise
        self._note(answer)
        if answer.status >= 300:
            stream.close()
            raise error_of_answer(answer, action)
        return stream, rest

    def _created_exec(self, action: str, request: ExecRequest, marker: str, size: tuple[int, int] | None) -> str:
        path = f"/containers/{quoted(request.container)}/exec"
        return str(self._call(action, "POST", path, exec_body(request, marker, size))["Id"])


class _Exec:
    """A command that ``exec`` started."""

    def __init__(self, calls: ExecutionCalls, exec_id: str, request: ExecRequest, marker: str) -> None:
        self._calls = calls
        self._id = exec_id
        self._request = request
        self._marker = marker

    def resize(self, rows: int, columns: int) -> None:
        _resize(self._calls, f"/exec/{self._id}/resize", rows, columns)

    def poll(self) -> int | None:
        doing = f"{self._request.argv[0]} ran in it"
        found = _looked_at(self._calls, f"/exec/{self._id}/json", self._request.container, doing)
        return None if found.get("Running") else int(found.get("ExitCode") or 0)

    def await_start(self) -> None:
        """Docker Engine loses an end of input that comes before containerd has started the process, which then waits
        for it for ever: seen on 28.5 and 29.7, on a busy machine."""
        end, pause = time.monotonic() + _START, 0.001
        while not self._has_begun() and time.monotonic() < end:
            time.sleep(pause)
            pause = min(pause * 2, 0.05)

    def _has_begun(self) -> bool:
        from robenv.errors import RobenvError

        try:
            found = self._calls._call("look whether it runs", "GET", f"/exec/{self._id}/json", absent_ok=True)
        except RobenvError:
            return True  # the stream tells what is wrong
        return found is None or bool(found.get("Pid")) or found.get("ExitCode") is not None

    def send_signal(self, name: str) -> int:
        request = ExecRequest(
            container=self._request.container,
            argv=signals.command(self._marker, name, self._request.argv),
            user=self._request.user,
            working_dir="/",
            stdin=False,
            privileged=self._request.privileged,  # else it may not look at the processes of a privileged command
        )
        # Only its word is waited for, not its end: Docker Engine 20.10 tells of no command's end in a container while
        # the output of another one that has ended is unread, and the caller reads that after this.
        return signals.signalled_count(first_line(self._calls.open_exec(request), _SIGNAL_TIMEOUT))


class _Main:
    """A container's main process."""

    def __init__(self, calls: ExecutionCalls, container: str) -> None:
        self._calls = calls
        self._container = container

    def resize(self, rows: int, columns: int) -> None:
        _resize(self._calls, f"/containers/{quoted(self._container)}/resize", rows, columns)

    def poll(self) -> int | None:
        path = f"/containers/{quoted(self._container)}/json"
        info = container_info(_looked_at(self._calls, path, self._container, "it was attached to"))
        return None if info.running or info.status == "created" else info.exit_code

    def await_start(self) -> None:
        """Its input is there before it starts."""

    def send_signal(self, name: str) -> int:
        path = with_query(f"/containers/{quoted(self._container)}/kill", signal=f"SIG{name}")
        self._calls._call(f"signal the container {short_id(self._container)}", "POST", path)
        return 1


def short_id(container: str) -> str:
    """A container's name as it is; of a whole ID as much as is usually shown."""
    return container[:12] if len(container) == 64 and set(container) <= set("0123456789abcdef") else container


def error_of_answer(answer: HttpAnswer, action: str) -> Exception:
    """The error for an answer that is one."""
    from robenv.engine.transport.errors import from_sentence

    return from_sentence(answer.message(), action)


def connection_error(error: OSError, action: str) -> Exception:
    """The error for a connection that broke."""
    from robenv.engine.transport.errors import translate_error

    return translate_error(error, action)


def _resize(calls: ExecutionCalls, path: str, rows: int, columns: int) -> None:
    """Sets a terminal's size, unless it has ended or not begun: the stream tells of that."""
    try:
        calls._call("set the terminal's size", "POST", with_query(path, h=str(rows), w=str(columns)))
    except Exception as error:
        from robenv.errors import RobenvError

        if not isinstance(error, RobenvError):
            raise


def _looked_at(calls: ExecutionCalls, path: str, container: str, doing: str) -> Any:
    """What the engine says of a process whose streams have ended. Raises EngineLost, ContainerNotFound."""
    try:
        found = calls._call("ask for the exit code", "GET", path, absent_ok=True)
    except Exception as error:
        from robenv.errors import EngineLost, EngineUnreachable

        if isinstance(error, EngineUnreachable):
            raise EngineLost(
                "The connection to the engine broke.",
                details=error.details or error.message,
                hint="Look whether it still runs: `systemctl status docker`, `journalctl -u docker`.",
            ) from error
        raise
    if found is None:
        from robenv.errors import ContainerNotFound

        raise ContainerNotFound(
            f"The container {short_id(container)} was removed, or the engine was restarted, while {doing}.",
            hint="`robenv up` brings it up again.",
        )
    return found


def exec_body(request: ExecRequest, marker: str, size: tuple[int, int] | None) -> dict[str, Any]:
    """The body of ``POST /containers/ID/exec``."""
    body: dict[str, Any] = {
        "Cmd": [*request.launcher, *request.argv],
        "User": request.user,
        "Env": [*request.environment, marker],
        "Tty": request.tty,
        "AttachStdin": request.stdin,
        "AttachStdout": True,
        "AttachStderr": True,
        "Privileged": request.privileged,
    }
    if request.working_dir:
        body["WorkingDir"] = request.working_dir
    if request.detach_keys:
        body["DetachKeys"] = request.detach_keys
    if size:
        body["ConsoleSize"] = list(size)
    return body


def familiar_name(name: str) -> str:
    """An image's name as Docker shows it; Podman has the registry in front of that."""
    return name.removeprefix("docker.io/").removeprefix("library/") if name.startswith("docker.io/") else name


def container_info(raw: Mapping[str, Any]) -> ContainerInfo:
    """The answer of ``GET /containers/NAME/json`` in robenv's words."""
    state, config = raw.get("State") or {}, raw.get("Config") or {}
    return ContainerInfo(
        id=raw["Id"],
        name=str(raw.get("Name") or "").removeprefix("/"),
        image=familiar_name(config.get("Image") or ""),
        image_id=raw.get("Image") or "",
        labels=config.get("Labels") or {},
        status=state.get("Status") or "",
        exit_code=int(state.get("ExitCode") or 0),
        oom_killed=bool(state.get("OOMKilled")),
        error=state.get("Error") or "",
        created=raw.get("Created") or "",
        started_at=state.get("StartedAt") or "",
        exec_ids=tuple(raw.get("ExecIDs") or ()),
        health=(state.get("Health") or {}).get("Status") or "",
        restart_policy=((raw.get("HostConfig") or {}).get("RestartPolicy") or {}).get("Name") or "",
        restarts=int(raw.get("RestartCount") or 0),
        finished_at=state.get("FinishedAt") or "",
    )
