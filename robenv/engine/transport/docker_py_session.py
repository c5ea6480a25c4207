"""The one door to docker-py's inner parts: requests that its own methods do not make."""

from __future__ import annotations

import ipaddress
import json
import socket
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

import docker
from docker.utils import config as docker_py_config
from requests.adapters import HTTPAdapter
from requests.exceptions import ContentDecodingError, InvalidJSONError
from requests.utils import should_bypass_proxies
from urllib3.util.ssl_ import create_urllib3_context

from robenv.engine.transport.sockets import trusting_as_docker
from robenv.util.bounded_json import ANSWER, join_bounded, parse_json
from robenv.util.if_logged import timed_request

_PIECE = 64 * 1024
_REDIRECTS = 3
_SAID = 500
"""Bytes that are shown of an error's answer that is not in the engine's form."""
EVER = None
"""A timeout for what may take as long as it takes."""

# A client of docker-py reads the docker config by itself, and raises what it likes where the file is odd. What robenv
# needs of it, robenv.engine.transport.docker_config reads. (An empty mapping would make it look for logins.)
docker_py_config.load_general_config = lambda config_path=None: {"auths": {}}


def send(api: docker.APIClient, method: str, path: str, *parts: str, **options: Any) -> Any:
    """The answer of requests' to ``METHOD path``, whose ``{0}``, ``{1}``, … are ``parts``, quoted.

    ``options`` are those of ``requests.Session.request``. Raises docker.errors.APIError for an error answer.
    """
    inner: Any = api
    if method == "head":  # docker-py has none of its own, which would set the timeout
        response = inner.head(inner._url(path, *parts), **({"timeout": inner.timeout} | options))
    else:
        response = getattr(inner, f"_{method}")(inner._url(path, *parts), **options)
    inner._raise_for_status(response)
    return response


def hang_up(response: Any) -> None:
    """Breaks the connection of a streamed answer of requests', which another thread may be reading."""
    place = response
    for name in ("raw", "_fp", "fp", "raw", "_sock"):
        place = getattr(place, name, None)
    if isinstance(place, socket.socket):
        with suppress(OSError):  # it has ended already
            place.shutdown(socket.SHUT_RDWR)


def request_json(api: docker.APIClient, method: str, path: str, *parts: str, **options: Any) -> Any:
    """As ``send``, for the JSON of the answer."""
    return json_of(send(api, method, path, *parts, **options))


def ask_version(api: docker.APIClient) -> dict[str, Any]:
    """What ``/version`` says, which is asked for in no version of the API. Raises KeyError where it says nothing."""
    said = request_unversioned(api, "/version")
    if not isinstance(said, dict):
        raise KeyError("ApiVersion")
    return said


def request_unversioned(api: docker.APIClient, path: str) -> Any:
    """As ``request_json`` for a GET of exactly this path."""
    inner: Any = api
    response = inner._get(inner._url(path, versioned_api=False))
    inner._raise_for_status(response)
    return json_of(response)


def json_of(response: Any) -> Any:
    """A response's JSON. Raises requests' InvalidJSONError, also where it is nested too deeply."""
    try:
        return parse_json(response.content)
    except ValueError as error:
        raise InvalidJSONError(f"the answer is no JSON: {error}") from error


def limit_answers(session: Any, most: int = ANSWER) -> None:
    """Has a session of requests' read answers of at most ``most`` bytes, and follow few redirects. What is streamed is
    bounded by who reads it; an error's answer is always read here."""

    def read(response: Any, stream: bool = False, **_: Any) -> None:
        if stream and response.ok:
            return
        try:
            response._content = join_bounded(response.iter_content(_PIECE), most)
        except ValueError as error:
            response.close()
            raise ContentDecodingError(f"the answer is too long: {error}") from error
        response.json = partial(json_of, response)  # for docker-py's own methods
        if not response.ok:
            response._content = json.dumps({"message": _message(response)}).encode()

    session.hooks["response"].append(read)
    session.max_redirects = _REDIRECTS


def log_requests(session: Any, whom: str) -> None:
    """Has the log record each request of a session of requests' when it begins, and once its answer has begun."""
    send_request = session.send

    def send_logged(request: Any, **options: Any) -> Any:
        with timed_request(whom, request.method, request.path_url) as answer:
            response = send_request(request, **options)
            answer.append(str(response.status_code))
        return response

    session.send = send_logged


def _message(response: Any) -> str:
    """What an error's answer says, in whatever form it does."""
    with suppress(ValueError):
        said = parse_json(response.content)
        if isinstance(said, dict) and isinstance(said.get("message"), str):
            return str(said["message"])
    return str(response.content[:_SAID].decode("utf-8", "replace")).strip()


def use_version(api: docker.APIClient, version: str) -> None:
    """Speaks this version of the Engine API from now on."""
    inner: Any = api
    inner._version = version


class _EndpointAdapter(HTTPAdapter):
    """requests' own, but for whom it trusts, also by way of a proxy."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> Any:
        return super().init_poolmanager(*arguments, ssl_context=_context(), **options)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=_context(), **options)


def _context() -> Any:
    return trusting_as_docker(create_urllib3_context())


def trust_as_docker(api: docker.APIClient) -> None:
    """For an engine that is asked for its certificate."""
    inner: Any = api
    inner.mount("https://", _EndpointAdapter())


def ignore_environment(api: docker.APIClient) -> None:
    """Keeps requests from what it takes from the environment beside the endpoint itself.

    That is REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE, which would overrule the engine's own CA, the logins of ~/.netrc, and
    proxies that the docker CLI does not use: ALL_PROXY, and any for a loopback address. Those that it does use stay.
    """
    inner: Any = api
    inner.trust_env = False
    inner.proxies = engine_proxies(str(inner.base_url))


def engine_proxies(url: str) -> dict[str, str]:
    """The proxies for requests to an engine at ``http://…`` or ``https://…``, by Go's rules, which the docker CLI has.

    Source: pkg.go.dev/golang.org/x/net/http/httpproxy.
    """
    parts = urlsplit(url)
    proxy = getproxies_environment().get(parts.scheme, "")
    if parts.scheme not in ("http", "https") or not proxy or _is_loopback(parts.hostname or ""):
        return {}
    return {} if should_bypass_proxies(url, no_proxy=None) else {parts.scheme: proxy}


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
