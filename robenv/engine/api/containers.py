"""Containers and volumes, by docker-py."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import docker

from robenv.engine.api.exec_api import ExecutionCalls, short_id
from robenv.engine.api.start_errors import explained_start
from robenv.engine.protocol import ContainerInfo, Json, VolumeInfo
from robenv.engine.terminal.process_session import STDERR, capture, demultiplexer
from robenv.engine.terminal.types import ExecRequest
from robenv.engine.transport.docker_py_session import EVER, json_of, request_json, send
from robenv.engine.transport.errors import status_of, translated_errors
from robenv.engine.transport.sockets import open_socket
from robenv.errors import OperationFailed
from robenv.util.bounded_json import OUTPUT, join_bounded, parse_json

if TYPE_CHECKING:
    from robenv.engine.transport.http_client import Stream

_MARGIN = 60.0
"""Seconds that the engine has for a plain answer, beyond what it was told to wait."""
_RELEASED = 5.0
"""Seconds: Podman counts a container that was removed among a volume's users until its own clean-up has ended."""
_CHUNK = 64 * 1024
_SMALL = 64 * 1024 * 1024
"""Bytes."""
_TITLES = {"COMMAND": "CMD"}
_NO_CGROUP = "unable to get all container pids"
"""What runc says where the container has no cgroup, by which it lists processes: rootless with cgroup v1."""
_PROCESSES = r"""
for place in /proc/[0-9]*; do
  pid=${place#/proc/} parent=
  [ "$pid" = $$ ] && continue
  while read -r key value rest; do [ "$key" != PPid: ] || parent=$value; done <"$place/status" || continue
  echo "$pid $parent $(tr '\0' ' ' <"$place/cmdline")"
done 2>/dev/null
:
"""
_KINDS = ("C", "A", "D")
"""What the numbers of ``/changes`` mean: changed, added, deleted."""


class ContainerCalls(ExecutionCalls):
    """The run half of ``robenv.engine.protocol.Engine``; ``_api`` is docker-py's low-level client."""

    _api: docker.APIClient
    _columns = "-ef"
    """What of ps is asked for."""
    endpoint: str

    # what ExecutionCalls stands on

    def _call(self, action: str, method: str, path: str, body: Any = None, absent_ok: bool = False) -> Any:
        try:
            with translated_errors(action):
                answer = send(self._api, method.lower(), path, **_json(body))
                return json_of(answer) if answer.content.strip() else None
        except OperationFailed as error:
            if absent_ok and status_of(error) == 404:
                return None
            raise

    def _dial(self, action: str) -> Stream:
        inner: Any = self._api
        # docker-py's address says whether it is TLS, which no certificate need tell.
        url = self.endpoint if self.endpoint.startswith("unix://") else str(inner.base_url)
        with translated_errors(action):
            return open_socket(url, verify=inner.verify, certificate=inner.cert, timeout=_MARGIN)

    def _path(self, path: str) -> str:
        inner: Any = self._api
        return f"/v{inner.api_version}{path}"

    def _api_version(self) -> tuple[int, ...]:
        inner: Any = self._api
        return tuple(int(part) for part in str(inner.api_version).split("."))

    # containers

    def containers(self, labels: Mapping[str, str | None], all_states: bool = True) -> list[ContainerInfo]:
        """Those with these labels; a label's value None asks only for the name."""
        with translated_errors("list containers"):
            listed = request_json(
                self._api,
                "get",
                "/containers/json",
                params={"all": "1" if all_states else "0", "filters": json.dumps({"label": _label_filter(labels)})},
            )
        found = (self.find_container(one["Id"]) for one in listed)
        return [container for container in found if container is not None]  # one may have gone meanwhile

    def create_container(self, name: str, request: Json, platform: str = "") -> str:
        """``request`` is the Engine API's create body. Returns the ID. Raises NameTaken, ImageNotFound."""
        params = {"name": name} | ({"platform": platform} if platform else {})
        with explained_start(lambda: name), translated_errors("create the container", name):
            answer = request_json(self._api, "post", "/containers/create", params=params, **_json(dict(request)))
            return str(answer["Id"])

    def start(self, container: str) -> None:
        """Raises PortInUse, ContainerNotFound, OperationFailed with what the engine could not do and a way out.

        A container that could not be started stays, for its maker to remove.
        """
        name, addresses = (lambda: self._name_of(container)), (lambda: self._addresses_of(container))
        with explained_start(name, addresses), translated_errors("start the container", short_id(container)):
            send(self._api, "post", "/containers/{0}/start", container, timeout=EVER)

    def _name_of(self, container: str) -> str:
        found = self.find_container(container)
        return found.name if found else short_id(container)

    def _addresses_of(self, container: str) -> tuple[str, ...]:
        """Those that it asks for itself."""
        with translated_errors("look at the container", short_id(container)):
            networks = (
                request_json(self._api, "get", "/containers/{0}/json", container)["NetworkSettings"]["Networks"] or {}
            )
        asked = [network.get("IPAMConfig") or {} for network in networks.values()]
        return tuple(one[key] for one in asked for key in ("IPv4Address", "IPv6Address") if one.get(key))

    def stop(self, container: str, timeout: float | None = None) -> None:
        """Asks its main process to end and, after ``timeout`` seconds, kills it. Does nothing where it has stopped."""
        params = {} if timeout is None else {"t": str(max(0, round(timeout)))}
        with translated_errors("stop the container", short_id(container)):
            # Without a timeout the container's own one holds, which only the engine knows.
            patience = EVER if timeout is None else timeout + _MARGIN
            send(self._api, "post", "/containers/{0}/stop", container, params=params, timeout=patience)

    def restart(self, container: str, timeout: float | None = None) -> None:
        """Stops it as ``stop`` does, and starts it; one that is stopped is started. Raises as ``start`` does."""
        params = {} if timeout is None else {"t": str(max(0, round(timeout)))}
        with (
            explained_start(lambda: self._name_of(container)),
            translated_errors("restart the container", short_id(container)),
        ):
            send(self._api, "post", "/containers/{0}/restart", container, params=params, timeout=EVER)

    def kill(self, container: str, signal: str) -> None:
        """Sends ``SIGTERM`` or another signal, by name, to its main process. Raises ContainerNotFound."""
        with translated_errors("signal the container", short_id(container)):
            send(self._api, "post", "/containers/{0}/kill", container, params={"signal": signal})

    def remove_container(self, container: str, force: bool = False) -> None:
        """Removes it with its unnamed volumes. Raises ContainerNotFound; one that is being removed already is fine."""
        params = {"force": "1" if force else "0", "v": "1"}
        try:
            with translated_errors("remove the container", short_id(container)):
                send(self._api, "delete", "/containers/{0}", container, params=params, timeout=EVER)
        except OperationFailed as error:
            if "is already in progress" not in error.message:
                raise

    def set_restart_policy(self, container: str, policy: str) -> None:
        """``no``, ``always``, … from now on, whether it runs or not. Raises ContainerNotFound."""
        with translated_errors("change the restart policy of the container", short_id(container)):
            body = {"RestartPolicy": {"Name": policy, "MaximumRetryCount": 0}}
            send(self._api, "post", "/containers/{0}/update", container, **_json(body))

    def wait(self, container: str) -> int:
        with translated_errors("wait for the container", short_id(container)):
            answer = request_json(self._api, "post", "/containers/{0}/wait", container, timeout=EVER)
        return int(answer["StatusCode"])

    def logs(
        self,
        container: str,
        follow: bool = False,
        tail: int | None = None,
        timestamps: bool = False,
        since: float | None = None,
    ) -> Iterator[tuple[str, bytes]]:
        """("stdout" or "stderr", bytes) as they come; all of a container with a TTY is stdout."""
        params = {"stdout": "1", "stderr": "1", "tail": "all" if tail is None else str(tail)}
        params |= {"follow": "1"} if follow else {}
        params |= {"timestamps": "1"} if timestamps else {}
        params |= {} if since is None else {"since": f"{since:.9f}"}
        action = f"read the logs of {short_id(container)}"
        with translated_errors(action):
            raw = request_json(self._api, "get", "/containers/{0}/json", container)
            tty = bool((raw.get("Config") or {}).get("Tty"))
            answer = send(self._api, "get", "/containers/{0}/logs", container, params=params, stream=True, timeout=EVER)
        demux = demultiplexer(tty)
        try:
            for data in _pieces(answer, action):
                for stream, piece in demux.feed(data):
                    yield ("stderr" if stream == STDERR else "stdout"), piece
        finally:
            answer.close()

    def processes(self, container: str) -> list[Mapping[str, str]]:
        """What runs inside, by ps's titles PID, PPID and CMD at least. Raises OperationFailed, also where the engine's
        answer is of another form."""
        action = f"list what runs in {short_id(container)}"
        try:
            with translated_errors(action):
                told = request_json(
                    self._api, "get", "/containers/{0}/top", container, params={"ps_args": self._columns}
                )
        except OperationFailed as error:
            if _NO_CGROUP in error.message and (found := self._processes_inside(container)):
                return found
            raise
        titles = [_TITLES.get(str(title), str(title)) for title in told.get("Titles") or ()]
        rows = told.get("Processes") or ()
        if not rows or not {"PID", "PPID", "CMD"} <= set(titles):
            raise OperationFailed(f"Could not {action}: the engine shows {', '.join(titles) or 'nothing'}")
        return [dict(zip(titles, row, strict=False)) for row in rows]

    def _processes_inside(self, container: str) -> list[Mapping[str, str]]:
        """As a shell inside sees them, with the container's own PIDs; none where there is no shell."""
        code, output, _ = capture(self.open_exec(ExecRequest(container, ("sh", "-c", _PROCESSES), "0")))
        rows = (line.split(" ", 2) for line in output.decode(errors="replace").splitlines()) if code == 0 else ()
        return [dict(zip(("PID", "PPID", "CMD"), row, strict=False)) for row in rows]

    def changes(self, container: str) -> list[tuple[str, str]]:
        """("A", "C" or "D", path) for each path that differs from the image."""
        with translated_errors("look at what has changed in", short_id(container)):
            told = request_json(self._api, "get", "/containers/{0}/changes", container, timeout=EVER)
        return [(_KINDS[int(one["Kind"])], str(one["Path"])) for one in told or ()]

    def put_archive(self, container: str, path: str, tar: bytes) -> None:
        """Unpacks a tar at ``path`` inside; volumes are mounted while it does, started or not."""
        with translated_errors("unpack files into", f"{short_id(container)}:{path}"):
            send(self._api, "put", "/containers/{0}/archive", container, params={"path": path}, data=tar, timeout=EVER)

    def path_time(self, container: str, path: str) -> str:
        """When a file or folder inside was last changed, as in RFC 3339; "" where the engine does not tell. Raises
        ContainerNotFound, OperationFailed."""
        with translated_errors(f"look at {short_id(container)}:{path}"):
            answer = send(self._api, "head", "/containers/{0}/archive", container, params={"path": path})
        try:
            told = parse_json(base64.b64decode(answer.headers["X-Docker-Container-Path-Stat"]))
            return str(told["mtime"])
        except (KeyError, TypeError, ValueError):
            return ""

    def get_archive(self, container: str, path: str) -> bytes | None:
        """A tar of a small file or folder (64 MiB at most) inside; None where it does not exist.

        Raises ContainerNotFound, OperationFailed.
        """
        action = f"read {short_id(container)}:{path}"
        try:
            with translated_errors(action):
                answer = send(
                    self._api,
                    "get",
                    "/containers/{0}/archive",
                    container,
                    params={"path": path},
                    headers={"Accept-Encoding": "identity"},
                    stream=True,
                )
        except OperationFailed as error:
            if _is_absent(error):
                return None
            raise
        tar = bytearray()
        try:
            for data in _pieces(answer, action):
                tar += data
                if len(tar) > _SMALL:
                    raise OperationFailed(f"{path} in {short_id(container)} has more than {_SMALL >> 20} MiB.")
        finally:
            answer.close()
        return bytes(tar)

    def running_commands(self, container: str) -> list[tuple[str, ...]]:
        """The command lines that run inside by `exec`, whoever started them."""
        with translated_errors("list what runs in", short_id(container)):
            told = (self._api.exec_inspect(one) for one in self._api.inspect_container(container)["ExecIDs"] or ())
            config = [one["ProcessConfig"] for one in told if one.get("Running")]
        return [(str(one["entrypoint"]), *map(str, one.get("arguments") or ())) for one in config]

    def oom_events(self, container: str, since: float, until: float) -> int:
        """How often the kernel killed something inside for want of memory, between two times (epoch seconds)."""
        params = {
            "since": f"{since:.9f}",
            "until": f"{until:.9f}",
            "filters": json.dumps({"type": ["container"], "container": [container], "event": ["oom"]}),
        }
        action = f"ask what happened to {short_id(container)}"
        with translated_errors(action):
            answer = send(self._api, "get", "/events", params=params, stream=True)
        try:
            return join_bounded(_pieces(answer, action), OUTPUT).count(b'"Action":"oom"')
        except ValueError as error:
            raise OperationFailed(f"Could not {action}: the answer is too long", details=str(error)) from error
        finally:
            answer.close()

    # volumes

    def create_volume(self, name: str, labels: Mapping[str, str], options: Mapping[str, str] | None = None) -> None:
        """Makes a volume of the driver ``local``; one of that name that is there stays as it is."""
        body = {"Name": name, "Driver": "local", "Labels": dict(labels), "DriverOpts": dict(options or {})}
        with translated_errors("create the volume", name):
            send(self._api, "post", "/volumes/create", **_json(body))

    def volumes(self, labels: Mapping[str, str | None]) -> list[VolumeInfo]:
        with translated_errors("list volumes"):
            params = {"filters": json.dumps({"label": _label_filter(labels)})}
            listed = request_json(self._api, "get", "/volumes", params=params)
        return [VolumeInfo(one["Name"], one.get("Labels") or {}) for one in listed.get("Volumes") or ()]

    def remove_volume(self, name: str) -> None:
        """Removes it with its data; nothing happens where it is gone already. Raises OperationFailed: it is in use."""
        until = time.monotonic() + _RELEASED
        while True:
            try:
                with translated_errors("remove the volume", name):
                    send(self._api, "delete", "/volumes/{0}", name, timeout=EVER)
            except OperationFailed as error:
                if "is being used by the following container" in error.message and time.monotonic() < until:
                    time.sleep(0.1)
                    continue
                if status_of(error) != 404:
                    raise
            return


def _json(body: Any) -> dict[str, Any]:
    return {} if body is None else {"json": body}


def _label_filter(labels: Mapping[str, str | None]) -> list[str]:
    return [name if value is None else f"{name}={value}" for name, value in labels.items()]


def _is_absent(error: OperationFailed) -> bool:
    """Whether a path inside a container is not there, also since a part of it is no folder."""
    return type(error) is OperationFailed and (status_of(error) == 404 or error.message.endswith(": not a directory"))


def _pieces(answer: Any, action: str) -> Iterator[bytes]:
    """The body of an answer as it comes. Raises EngineLost where it breaks."""
    with translated_errors(action):
        yield from answer.raw.stream(_CHUNK, decode_content=False)
