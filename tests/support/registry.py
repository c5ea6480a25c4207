"""A real registry on localhost: Debian's docker-registry."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

USER = "robenvtest"
PASSWORD = "sesame"
# bcrypt of PASSWORD, the one form that the registry takes.
_HTPASSWD = "robenvtest:$2b$04$GLwN04KUTWNvCrOV2X/Qo.Y3rpPpxrSaxD6/0bLfdU1Lnlqx9ymoW\n"


class Registry:
    """Serves on ``address`` (127.0.0.1:PORT), which engines take as insecure and so speak plain HTTP to.

    ``login``: whether it asks for USER and PASSWORD.
    """

    def __init__(self, login: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="robenvtest-registry-"))
        self.login = login
        self.address = f"127.0.0.1:{free_port()}"
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
        if self.login:
            config["auth"] = {"htpasswd": {"realm": "robenvtest", "path": str(self.folder / "htpasswd")}}
        return config

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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
