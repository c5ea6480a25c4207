"""The Engine of ``robenv.engine.protocol``, by docker-py."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import docker
import urllib3
from docker.tls import TLSConfig

from robenv.catalog.platforms import normalize
from robenv.engine.api.containers import ContainerCalls
from robenv.engine.api.images import ImageCalls
from robenv.engine.api.networks import NetworkCalls
from robenv.engine.protocol import PODMAN, PODMAN_HOST, EngineInfo, Json
from robenv.engine.transport.credentials import Logins
from robenv.engine.transport.docker_py_session import (
    ask_version,
    ignore_environment,
    limit_answers,
    log_requests,
    request_json,
    request_unversioned,
    trust_as_docker,
    use_version,
)
from robenv.engine.transport.endpoint import Endpoint, Tls, engine_insecure, engine_unreachable, find_endpoint
from robenv.engine.transport.errors import translated_errors
from robenv.engine.transport.sockets import open_socket
from robenv.engine.transport.ssh import SshRelay, parse_ssh_url
from robenv.errors import EngineDenied, EngineInsecure, EngineUnreachable, OperationFailed, UsageError
from robenv.util import log

if TYPE_CHECKING:
    from robenv.engine.transport.http_client import Stream

_TIMEOUT = 60
"""Seconds that an ordinary call may take; those that take longer set their own."""
_ANY_VERSION = "1.24"
"""docker-py wants a version at once; the real one is set from the engine's first answer."""
_PODMAN_COLUMNS = "user,pid,ppid,args"
"""These it reads from /proc; for ps's own options it runs the image's ps, if there is one, and shows whole lines."""
_PODMAN_INFO = "/v4.0.0/libpod/info"
_BUILDKIT_SINCE = (1, 39)
_BUILDKIT_MAPS_SINCE = (1, 45)


class DockerPyEngine(ImageCalls, ContainerCalls, NetworkCalls):
    """One engine. ``version`` is its answer to ``/version``, ``relay`` the way there over SSH. Close it when done."""

    def __init__(self, api: docker.APIClient, endpoint: Endpoint, version: Json, relay: SshRelay | None = None) -> None:
        self._api = api
        self._relay = relay
        self._config_folder = endpoint.config_folder
        self._logins = Logins(endpoint.config_folder)
        self._version = version
        self._info: EngineInfo | None = None
        if _product(version).startswith(PODMAN):
            self._columns = _PODMAN_COLUMNS
        self.endpoint = endpoint.url

    def info(self) -> EngineInfo:
        """Asked for once, then kept."""
        if self._info is None:
            with translated_errors("ask the engine what it is"):
                said = request_json(self._api, "get", "/info")
            info = engine_info(self.endpoint, self._version, said)
            self._info = replace(info, raw={**said, PODMAN_HOST: self._podman_host()}) if info.is_podman else info
        return self._info

    def _podman_host(self) -> Json:
        """By its own API (https://docs.podman.io/en/latest/_static/api.html); empty where a proxy shuts that off."""
        try:
            with translated_errors("ask Podman about its host"):
                said = request_unversioned(self._api, _PODMAN_INFO)
        except OperationFailed:
            return {}
        host = said.get("host") if isinstance(said, dict) else None
        return host if isinstance(host, dict) else {}

    def close(self) -> None:
        self._api.close()
        if self._relay is not None:
            self._relay.close()

    def _dial(self, action: str) -> Stream:
        if self._relay is None:
            return super()._dial(action)
        with translated_errors(action):
            return open_socket(self._relay.url, verify=False, certificate=None, timeout=_TIMEOUT)


def connect(environ: Mapping[str, str]) -> DockerPyEngine:
    """The engine that this environment means, as the docker CLI would choose it; one round trip.

    Raises EngineUnreachable, EngineDenied.
    """
    return connect_to(find_endpoint(environ))


def connect_to(endpoint: Endpoint) -> DockerPyEngine:
    """As ``connect``, for an endpoint that is known already."""
    log.decision(f"engine at {endpoint.url} ({endpoint.source})")
    relay = None
    with ExitStack() as opened:
        try:
            with translated_errors("reach the engine"):
                if endpoint.url.startswith("ssh://"):
                    relay = SshRelay(parse_ssh_url(endpoint.url).dial())
                    opened.callback(relay.close)
                api = docker.APIClient(
                    base_url=relay.url if relay else endpoint.url,
                    version=_ANY_VERSION,
                    timeout=_TIMEOUT,
                    tls=_tls(endpoint.tls),
                )
                opened.callback(api.close)
                ignore_environment(api)
                limit_answers(api)
                log_requests(api, "engine")
                if endpoint.tls is not None and endpoint.tls.verify:
                    trust_as_docker(api)
                elif endpoint.tls is not None:
                    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # the user says so: DOCKER_TLS
                version = ask_version(api)
                use_version(api, str(version["ApiVersion"]))
        except (EngineUnreachable, KeyError, UsageError) as error:
            raise _named(error, endpoint, relay.complaint() if relay else "") from error
        opened.pop_all()
    return DockerPyEngine(api, endpoint, version, relay)


def engine_info(endpoint: str, version: Json, info: Json) -> EngineInfo:
    """What ``/version`` and ``/info`` say, in robenv's words."""
    product = _product(version)
    return EngineInfo(
        endpoint=endpoint,
        product=product,
        version=str(version.get("Version", "")),
        api_version=str(version.get("ApiVersion", "")),
        platform=_platform(version, info),
        storage_driver=str(info.get("Driver", "")),
        root_dir=str(info.get("DockerRootDir", "")),
        buildkit=_has_buildkit(product, version) and not _mixes_up_owners(version, info),
        raw=info,
    )


def _has_buildkit(product: str, version: Json) -> bool:
    """Docker's own engine has it since 18.09 (API 1.39), on Linux; Podman's answers only the classic form."""
    recent = _numbers(version) >= _BUILDKIT_SINCE
    return recent and product == "Docker Engine" and version.get("Os", "linux") == "linux"


def _mixes_up_owners(version: Json, info: Json) -> bool:
    """Whether its BuildKit leaves what COPY and ADD write to an owner that userns-remap gives no container: before
    Docker 26 (github.com/moby/buildkit/pull/4712). The classic builder maps them."""
    return "name=userns" in (info.get("SecurityOptions") or ()) and _numbers(version) < _BUILDKIT_MAPS_SINCE


def _numbers(version: Json) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in str(version.get("ApiVersion", "0")).split("."))
    except ValueError:
        return ()


def _product(version: Json) -> str:
    """Docker calls its first component "Engine"; a compatible engine gives its own name there."""
    components: list[Any] = list(version.get("Components") or [{}])
    name = str(components[0].get("Name") or "Engine")
    return "Docker Engine" if name == "Engine" else name


def _platform(version: Json, info: Json) -> str:
    """``/version`` says arm for every 32-bit ARM; ``/info`` has the machine's own name."""
    system, architecture = str(version.get("Os", "linux")), str(version.get("Arch", ""))
    if architecture == "arm":
        architecture = str(info.get("Architecture") or architecture)
    try:
        return normalize(f"{system}/{architecture}")
    except UsageError:
        return f"{system}/{architecture}"


def _tls(material: Tls | None) -> TLSConfig | bool:
    if material is None:
        return False
    pair = (material.cert, material.key) if material.cert and material.key else None
    return TLSConfig(client_cert=pair, ca_cert=material.ca or None, verify=material.verify)


def _named(error: Exception, endpoint: Endpoint, complaint: str) -> EngineUnreachable:
    """The same error with the endpoint's name in it. ``complaint``: what ssh said, where it leads there and failed."""
    details = complaint or str(getattr(error, "details", "") or error)
    if isinstance(error, EngineDenied) and not complaint:
        return engine_unreachable(PermissionError(details), endpoint)
    if isinstance(error, EngineInsecure):
        return engine_insecure(details, endpoint)
    return engine_unreachable(OSError(details), endpoint)
