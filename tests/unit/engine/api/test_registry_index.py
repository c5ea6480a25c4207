"""Indexes: what they say, whom they are written to, and with what login."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from robenv.engine.api.registry_http import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, RepositoryHttp
from robenv.engine.api.registry_index import IndexEntry, index_of, is_insecure_registry
from robenv.errors import ImageNotFound, OperationFailed, RegistryDenied, RegistryUnreachable


def _entry(platform: str, media_type: str = DOCKER_MANIFEST) -> IndexEntry:
    return IndexEntry(platform, media_type, f"sha256:{platform.encode().hex():0<64}", 7)


def test_an_index_of_docker_images_is_docker_s_own() -> None:
    media_type, text = index_of([_entry("linux/arm/v7"), _entry("linux/amd64")])
    said = json.loads(text)
    assert (media_type, said["schemaVersion"], said["mediaType"]) == (DOCKER_INDEX, 2, DOCKER_INDEX)
    assert [one["platform"] for one in said["manifests"]] == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm", "os": "linux", "variant": "v7"},
    ]
    assert (said["manifests"][0]["size"], said["manifests"][0]["mediaType"]) == (7, DOCKER_MANIFEST)


def test_the_order_of_the_platforms_does_not_matter() -> None:
    one, other = _entry("linux/amd64"), _entry("linux/arm64")
    assert index_of([one, other]) == index_of([other, one])


@pytest.mark.parametrize("first", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_one_oci_image_makes_an_oci_index(first: str) -> None:
    media_type, text = index_of([_entry("linux/amd64", first), _entry("linux/arm64", OCI_MANIFEST)])
    assert (media_type, json.loads(text)["mediaType"]) == (OCI_INDEX, OCI_INDEX)


@pytest.mark.parametrize(
    ("registry", "insecure"),
    [
        ("127.0.0.1:5000", True),
        ("127.8.9.1", True),
        ("localhost:5000", True),
        ("10.0.0.1:5000", False),
        ("[::1]:5000", False),
        ("lan.example:5000", True),
        ("docker.io", False),
        ("no-such-host.invalid", False),
    ],
)
def test_which_registries_an_engine_takes_as_insecure(registry: str, insecure: bool) -> None:
    config = {
        "InsecureRegistryCIDRs": ["127.0.0.0/8"],
        "IndexConfigs": {"docker.io": {"Secure": True}, "lan.example:5000": {"Secure": False}},
    }
    assert is_insecure_registry(config, registry) is insecure
    assert is_insecure_registry({}, registry) is False


class _Registry(BaseHTTPRequestHandler):
    """As much of a registry, and of a server of tokens beside it, as the client meets."""

    seen: list[tuple[str, str, str]]
    refuse: bool

    def _answer(self, code: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _serve(self) -> None:
        parts, login = urlsplit(self.path), self.headers.get("Authorization", "")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.seen.append((self.command, parts.path, login))
        if parts.path == "/token":
            asked = parse_qs(parts.query or body)
            assert asked["scope"] == ["repository:team/picker:pull,push"]
            assert asked["service"] == ["here"]
            if self.refuse:
                return self._answer(401, b"no")
            key = "access_token" if asked.get("grant_type") == ["refresh_token"] else "token"
            return self._answer(200, json.dumps({key: f"for {asked.get('refresh_token', ['basic'])[0]}"}).encode())
        if not login.startswith("Bearer for "):
            realm = f"http://{self.headers['Host']}/token"
            return self._answer(401, WWW_Authenticate=f'Bearer realm="{realm}",service="here",scope="x"')
        if "absent" in parts.path:
            return self._answer(404, b'{"errors": []}')
        if self.command == "PUT":
            return self._answer(201 if "bad" not in parts.path else 400, b"refused")
        return self._answer(200, b'{"schemaVersion": 2}', Content_Type=f"{OCI_MANIFEST}; charset=utf-8")

    do_GET = do_PUT = do_POST = _serve

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def handler() -> type[_Registry]:
    return type("Handler", (_Registry,), {"seen": [], "refuse": False})


@pytest.fixture
def registry(handler: type[_Registry]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("login", "basic"),
    [
        ({"username": "ada", "password": "sesame"}, f"Basic {base64.b64encode(b'ada:sesame').decode()}"),
        ({"IdentityToken": "refresh"}, ""),
        (None, ""),
    ],
)
def test_a_server_of_tokens(registry: str, handler: type[_Registry], login: dict[str, str] | None, basic: str) -> None:
    with RepositoryHttp(registry, "team/picker", login, insecure=True) as there:
        assert there.manifest("v1") == (OCI_MANIFEST, b'{"schemaVersion": 2}')
        there.put_manifest("v2", OCI_INDEX, b"{}")
    token = "Bearer for refresh" if login and "IdentityToken" in login else "Bearer for basic"
    path = "/v2/team/picker/manifests/v1"
    method = "POST" if login and "IdentityToken" in login else "GET"
    assert handler.seen[:3] == [("GET", path, ""), (method, "/token", basic), ("GET", path, token)]
    assert handler.seen[3:] == [("PUT", "/v2/team/picker/manifests/v2", token)], "the token is kept"


def test_what_a_registry_refuses(registry: str, handler: type[_Registry]) -> None:
    with RepositoryHttp(registry, "team/picker", {"username": "ada", "password": "x"}, insecure=True) as there:
        with pytest.raises(ImageNotFound, match="does not have that image"):
            there.manifest("absent")
        with pytest.raises(OperationFailed, match="did not take an index"):
            there.put_manifest("bad", OCI_INDEX, b"{}")
        handler.refuse = True
    with (
        RepositoryHttp(registry, "team/picker", {"username": "ada", "password": "x"}, insecure=True) as there,
        pytest.raises(RegistryDenied, match="refused the credentials") as denied,
    ):
        there.manifest("v1")
    assert denied.value.hint == f"`docker login {registry}`"
    with (
        RepositoryHttp(registry, "team/picker", None, insecure=False) as there,
        pytest.raises(RegistryUnreachable, match="could not reach"),
    ):
        there.manifest("v1")  # plain HTTP is not spoken to one that must be trusted
