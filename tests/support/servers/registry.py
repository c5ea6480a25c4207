"""A real registry on this machine: Debian's docker-registry, in plain HTTP or behind TLS, open or with a login."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.engines.second_engine import SecondEngine

USER = "robenvtest"
PASSWORD = "sesame"
# bcrypt of PASSWORD, the one form that the registry takes.
_HTPASSWD = "robenvtest:$2b$04$GLwN04KUTWNvCrOV2X/Qo.Y3rpPpxrSaxD6/0bLfdU1Lnlqx9ymoW\n"


class Registry:
    """Serves on ``address``: 127.0.0.1:PORT, which engines take as insecure and so speak plain HTTP to.

    ``login``: whether it asks for USER and PASSWORD. ``tls``: it has a certificate of its own making, which nobody
    knows until ``trusted``, and an address of its own on this machine: one of 127.0.0.0/8 engines would let pass.
    """

    def __init__(self, login: bool = False, tls: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="robenvtest-registry-"))
        self.login = login
        self.tls = tls
        # RFC 2544: for tests of networks, and used by nobody else here.
        self.host = f"198.18.0.{secrets.randbelow(250) + 1}" if tls else "127.0.0.1"
        if tls:
            subprocess.run(["ip", "address", "replace", f"{self.host}/32", "dev", "lo"], check=True)
            self._certify()
        self.address = f"{self.host}:{free_port()}"
        self.log = self.folder / "registry.log"
        self._process: subprocess.Popen[bytes] | None = None
        (self.folder / "config.yml").write_text(json.dumps(self._config()))  # JSON is YAML
        if login:
            (self.folder / "htpasswd").write_text(_HTPASSWD)

    def _config(self) -> dict[str, object]:
        config: dict[str, object] = {
            "version": 0.1,
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "data")}, "delete": {"enabled": True}},
            "http": {"addr": self.address},
        }
        if self.tls:
            config["http"] = {
                "addr": self.address,
                "tls": {"certificate": str(self.folder / "server.crt"), "key": str(self.folder / "server.key")},
            }
        if self.login:
            config["auth"] = {"htpasswd": {"realm": "robenvtest", "path": str(self.folder / "htpasswd")}}
        return config

    def _certify(self) -> None:
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-days", "2", "-subj", "/CN=robenvtest", "-addext", f"subjectAltName=IP:{self.host}"]
        command += ["-keyout", str(self.folder / "server.key"), "-out", str(self.folder / "server.crt")]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)

    @contextmanager
    def trusted(self) -> Iterator[None]:
        """Lets every engine of this machine know the certificate, as robenv's hint says; may be nested."""
        folder = Path("/etc/docker/certs.d", self.address)
        if folder.exists():
            yield
            return
        folder.mkdir(parents=True)
        try:
            shutil.copy(self.folder / "server.crt", folder / "ca.crt")
            yield
        finally:
            shutil.rmtree(folder)

    def log_in(self, config: Path, password: str = PASSWORD) -> None:
        """Leaves the login in a docker config's folder, as `docker login` does without a helper."""
        config.mkdir(exist_ok=True)
        auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
        (config / "config.json").write_text(json.dumps({"auths": {self.address: {"auth": auth}}}))

    def start(self, timeout: float = 20) -> Registry:
        command = ["docker-registry", "serve", str(self.folder / "config.yml")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        host, port = self.address.split(":")
        deadline = time.monotonic() + timeout
        while True:
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
            except OSError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"The registry did not start:\n{self.log.read_text()[-3000:]}") from error
                time.sleep(0.05)
            else:
                return self

    def stop(self) -> None:
        """Ends it; what was pushed stays for the next ``start``."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=20)
            self._process = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)
        if self.tls:
            subprocess.run(["ip", "address", "delete", f"{self.host}/32", "dev", "lo"], check=False)


@contextmanager
def cable(second: SecondEngine) -> Iterator[None]:
    """A cable from this machine into the network that a second engine has of its own."""
    mark, block = secrets.token_hex(3), 4 * secrets.randbelow(60)
    here, there = f"rc{mark}a", f"rc{mark}b"
    process = (second.folder / "dockerd.pid").read_text().strip()
    inside = ["nsenter", f"--net=/proc/{process}/ns/net", "ip"]
    _run("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", process)
    try:
        _run("ip", "address", "add", f"198.18.1.{block + 1}/30", "dev", here)
        _run("ip", "link", "set", here, "up")
        _run(*inside, "address", "add", f"198.18.1.{block + 2}/30", "dev", there)
        _run(*inside, "link", "set", there, "up")
        _run(*inside, "route", "add", "default", "via", f"198.18.1.{block + 1}")
        yield
    finally:
        _run("ip", "link", "delete", here)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
