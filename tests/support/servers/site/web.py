"""What the stand-ins serve over HTTP: files made in memory, by host and path, and signed package archives."""

from __future__ import annotations

import base64
import hashlib
import shutil
import ssl
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.support.servers.site.packages import Package, index


def bridge(api: Any) -> str:
    """This machine's address on the engine's bridge; an engine that has only just made it does not tell it yet."""
    config = api.inspect_network("bridge")["IPAM"]["Config"][0]
    return str(config.get("Gateway") or next(ip_network(config["Subnet"]).hosts()))


class Web:
    """Serves ``files`` at ``address``, which containers reach too; ``asked`` gathers the paths that were asked for.

    ``redirects``: beginnings of paths that lie elsewhere; ``passes_on``: of those that it gets from
    elsewhere itself. ``secure``: by HTTPS, with that certificate. ``login``: ``USER:PASSWORD`` that it wants of all.
    """

    def __init__(self, host: str, secure: ssl.SSLContext | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.passes_on: dict[str, str] = {}
        self.asked: list[str] = []
        self.login = ""
        self._server = _Server((host, 0), _handler(self))
        if secure is not None:
            self._server.socket = secure.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.address = f"http{'s' if secure else ''}://{host}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust the certificate hangs up."""


def _handler(web: Web) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            wanted = f"Basic {base64.b64encode(web.login.encode()).decode()}"
            if web.login and self.headers.get("Authorization") != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="robenvtest"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            path = unquote(self.path.lstrip("/"))  # apt writes + as %2b
            web.asked.append(path)
            data = web.files.get(path.partition("?")[0])
            for begin, to in web.passes_on.items():
                data = _fetched(to + path[len(begin) :]) if path.startswith(begin) else data
            away = next((to + path[len(begin) :] for begin, to in web.redirects.items() if path.startswith(begin)), "")
            self.send_response(200 if data is not None else 302 if away else 404)
            if data is None and away:
                self.send_header("Location", away)
            if path.endswith("/"):
                self.send_header("Content-Type", "text/html")  # which pip asks of an index
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


def _fetched(url: str) -> bytes | None:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError:
        return None


class Signer:
    """A key of the tests' own, which nobody trusts unless he is told to."""

    def __init__(self, born: str = "") -> None:
        """``born``: when it was made, for one that has expired since; as gpg takes it, ``20200101T000000``."""
        self._born = ("--faked-system-time", f"{born}!") if born else ()
        self.home = Path(tempfile.mkdtemp(prefix="rt-gpg-", dir="/var/tmp"))
        self._gpg("--quick-gen-key", "--passphrase", "", "robenvtest <robenvtest@example.org>", "rsa2048", "sign", "2d")
        self.key = self.home / "key.asc"
        self.key.write_bytes(self._gpg("--armor", "--export"))

    def sign(self, text: str) -> bytes:
        return self._gpg("--clearsign", text=text)

    def close(self) -> None:
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], check=False, capture_output=True)
        shutil.rmtree(self.home, ignore_errors=True)

    def _gpg(self, *arguments: str, text: str = "") -> bytes:
        command = [
            "gpg",
            "--homedir",
            str(self.home),
            "--batch",
            "--quiet",
            *self._born,
            "--pinentry-mode",
            "loopback",
            *arguments,
        ]
        return subprocess.run(command, input=text.encode(), check=True, capture_output=True).stdout


def publish(
    web: Web,
    signer: Signer,
    place: str,
    suite: str,
    packages: Iterable[Package] = (),
    text: str = "",
    components: tuple[str, ...] = ("main",),
) -> None:
    """Puts an archive with one suite at ``place``; ``text``: what its first list says besides ``packages``."""
    listed, pool = index(packages, f"pool/{suite}")
    lists = {
        f"{component}/binary-{architecture}/Packages": ((text + listed) if component == components[0] else "").encode()
        for component in components
        for architecture in ("amd64", "arm64", "armhf", "all")
    }
    date = datetime.now(timezone.utc).strftime("%a, %d %b %Y %H:%M:%S UTC")
    release = (
        f"Origin: stand-in\nLabel: stand-in\nSuite: {suite}\nCodename: {suite}\nDate: {date}\n"
        f"Architectures: amd64 arm64 armhf\nComponents: {' '.join(components)}\nSHA256:\n"
    )
    release += "".join(f" {hashlib.sha256(data).hexdigest()} {len(data)} {name}\n" for name, data in lists.items())
    web.files[f"{place}/dists/{suite}/InRelease"] = signer.sign(release)
    _add(web, f"{place}/dists/{suite}", lists)
    _add(web, place, pool)


def _add(web: Web, place: str, files: Mapping[str, bytes]) -> None:
    web.files.update({f"{place}/{name}": data for name, data in files.items()})
