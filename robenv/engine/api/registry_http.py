"""One repository of a registry, asked without an engine, which has no word for an index of several platforms.

By the OCI distribution specification 1.1, with the docker config's login and what the engine trusts: its folder of
certificates (/etc/docker/certs.d/HOST), and the registries that it takes as insecure.
"""

from __future__ import annotations

import base64
import hashlib
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context

from robenv.engine.api.pull import login_hint
from robenv.engine.transport.docker_py_session import engine_proxies, json_of, limit_answers, log_requests
from robenv.engine.transport.sockets import trusting_as_docker
from robenv.errors import ImageNotFound, OperationFailed, RegistryDenied, RegistryUnreachable
from robenv.paths import home_folder

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_ACCEPTED = ", ".join((OCI_INDEX, DOCKER_INDEX, OCI_MANIFEST, DOCKER_MANIFEST))
_HUB = "registry-1.docker.io"
_TIMEOUT = 30
_ANSWER = 4 << 20
"""Bytes of a manifest or a token: what the OCI distribution specification has registries take at least."""
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class RepositoryHttp:
    """``registry``: HOST[:PORT]. ``login``: as the docker config has it. ``insecure``: whether the engine would speak
    to it without trust, or in plain HTTP. ``complaint``: why there is no login. Use as a context manager.

    Its methods raise ImageNotFound, RegistryDenied, RegistryUnreachable, OperationFailed.
    """

    def __init__(
        self, registry: str, repository: str, login: Mapping[str, Any] | None, insecure: bool,
        complaint: str = "",
    ) -> None:  # fmt: skip
        self._complaint = complaint
        self._registry, self._repository = registry, repository
        self._login = {key.lower(): str(value) for key, value in (login or {}).items()}
        host = _HUB if registry == "docker.io" else registry
        self._schemes = ["https", "http"] if insecure else ["https"]
        self._host = host
        self._authorization = ""
        self._session = requests.Session()
        self._session.trust_env = False  # nor ~/.netrc
        limit_answers(self._session, _ANSWER)
        log_requests(self._session, f"registry {registry}")
        self._session.mount("https://", _RegistryAdapter(_context(registry, insecure)))

    def __enter__(self) -> RepositoryHttp:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def manifest(self, reference: str) -> tuple[str, bytes]:
        """The media type and the text of what has that tag or digest."""
        answer = self._ask("GET", f"manifests/{reference}", headers={"Accept": _ACCEPTED})
        return answer.headers.get("Content-Type", "").partition(";")[0], answer.content

    def put_manifest(self, tag: str, media_type: str, text: bytes) -> str:
        """Gives the tag to this manifest or index; its digest."""
        self._ask("PUT", f"manifests/{tag}", headers={"Content-Type": media_type}, data=text)
        return f"sha256:{hashlib.sha256(text).hexdigest()}"

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = self._send(method, path, **options)
        if answer.status_code == 401:
            self._authorization = self._authorize(answer.headers.get("WWW-Authenticate", ""))
            answer = self._send(method, path, **options)
        if not answer.ok:
            raise self._failure(answer)
        return answer

    def _send(self, method: str, path: str, headers: dict[str, str], **options: Any) -> requests.Response:
        own = {**headers, **({"Authorization": self._authorization} if self._authorization else {})}
        failed: requests.RequestException | None = None
        for scheme in self._schemes:
            url = f"{scheme}://{self._host}/v2/{self._repository}/{path}"
            try:
                answer = self._request(method, url, headers=own, **options)
            except requests.RequestException as error:
                failed = failed or error
            else:
                self._schemes = [scheme]
                return answer
        raise self._unreachable(failed)

    def _request(self, method: str, url: str, **options: Any) -> requests.Response:
        return self._session.request(method, url, timeout=_TIMEOUT, proxies=engine_proxies(url), **options)

    def _authorize(self, challenge: str) -> str:
        kind, _, rest = challenge.partition(" ")
        if kind.lower() == "bearer":
            return f"Bearer {self._token(dict(_PARAMETER.findall(rest)))}"
        return self._basic()

    def _basic(self) -> str:
        if not self._login.get("username"):
            return ""
        text = f"{self._login['username']}:{self._login.get('password', '')}"
        return f"Basic {base64.b64encode(text.encode()).decode()}"

    def _token(self, asked: Mapping[str, str]) -> str:
        """Of the registry's own server of tokens, for this repository. Source: distribution's spec/auth."""
        wanted = {"service": asked.get("service", ""), "scope": f"repository:{self._repository}:pull,push"}
        basic, refresh = self._basic(), self._login.get("identitytoken", "")
        try:
            if refresh:
                form = {**wanted, "grant_type": "refresh_token", "refresh_token": refresh, "client_id": "robenv"}
                answer = self._request("POST", asked.get("realm", ""), data=form)
            else:
                headers = {"Authorization": basic} if basic else {}
                answer = self._request("GET", asked.get("realm", ""), params=wanted, headers=headers)
            if not answer.ok:
                raise self._failure(answer)
            said = json_of(answer)
        except (requests.RequestException, ValueError) as error:
            raise self._unreachable(error) from error
        return str(said.get("token") or said.get("access_token") or "") if isinstance(said, dict) else ""

    def _failure(self, answer: requests.Response) -> OperationFailed:
        name, details = f"{self._registry}/{self._repository}", f"{answer.status_code}: {answer.text[:500].strip()}"
        if answer.status_code in (401, 403):
            refused = "refused the credentials that it was given" if self._login else "wants a login"
            hint = login_hint(self._registry, self._complaint)
            return RegistryDenied(f"The registry {self._registry} {refused} for {name}.", details=details, hint=hint)
        if answer.status_code == 404:
            return ImageNotFound(f"The registry {self._registry} does not have that image of {name}.", details=details)
        return OperationFailed(f"The registry {self._registry} did not take an index for {name}.", details=details)

    def _unreachable(self, error: Exception | None) -> RegistryUnreachable:
        hint = "An index of several platforms is written by this machine, and not by the engine, which reached it."
        if isinstance(error, requests.exceptions.SSLError):
            hint = f"If you trust it, put its CA into /etc/docker/certs.d/{self._registry}/ca.crt on this machine too."
        return RegistryUnreachable(
            f"This machine could not reach the registry {self._registry}.", details=str(error or ""), hint=hint
        )


class _RegistryAdapter(HTTPAdapter):
    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> Any:
        return super().init_poolmanager(*arguments, ssl_context=self._context, **options)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._context, **options)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """The context decides alone: requests would put its own bundle of CAs in the place of the system's."""


def certificate_folders(registry: str) -> list[Path]:
    """Where Docker looks for a registry's certificates: the machine's folder, and the user's own."""
    home = home_folder()
    places = ["/etc/docker/certs.d", *([f"{home}/.config/docker/certs.d"] if home else ())]
    return [Path(place, registry) for place in places]


def _context(registry: str, insecure: bool) -> ssl.SSLContext:
    context = trusting_as_docker(create_urllib3_context())
    context.load_default_certs()
    for folder in certificate_folders(registry):
        for authority in sorted(folder.glob("*.crt")):
            context.load_verify_locations(authority)
        for certificate in sorted(folder.glob("*.cert")):
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
