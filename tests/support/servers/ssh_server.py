"""A real sshd on localhost, in front of the tests' engine, and an ssh that knows it and nothing of the user's own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from tests.support.servers.registry import free_port

USER = "robenvtest"

_SERVER = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
SetEnv PATH={path} DOCKER_HOST={engine}
"""
# The user is root by another name, with a password that is not locked; only sshd sees these files.
_START = """
mount --bind "$0/passwd" /etc/passwd && mount --bind "$0/shadow" /etc/shadow &&
  exec "$1" -D -e -f "$0/sshd_config"
"""
_CLIENT = """\
Host *
  UserKnownHostsFile {folder}/known
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  IdentityFile {folder}/user
  IdentitiesOnly yes
  IdentityAgent none
Host robenvtest-Robot
  HostName 127.0.0.1
  Port {port}
  User {user}
"""


class SshServer:
    """``url`` leads through it to the engine at ``engine``, with ``environment`` in the environment of robenv.

    ``path``: where programs are over there; default: where they are here.
    """

    def __init__(self, engine: str, path: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="robenvtest-ssh-"))
        self._port = free_port()
        self.url = f"ssh://{USER}@127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._made = not Path("/run/sshd").exists()
        names = {"folder": self.folder, "port": self._port, "user": USER, "engine": engine}
        (self.folder / "sshd_config").write_text(_SERVER.format(path=path or os.environ["PATH"], **names))
        (self.folder / "ssh_config").write_text(_CLIENT.format(**names))
        self._make_accounts()
        self._make_keys()
        self._make_client()

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "DOCKER_HOST": self.url}

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def authorize(self, yes: bool) -> None:
        """Whether the user's key opens the door."""
        key = (self.folder / "user.pub").read_text()
        (self.folder / "authorized").write_text(key if yes else "")

    def _make_accounts(self) -> None:
        accounts = {"passwd": f"{USER}:x:0:0::/:/bin/sh", "shadow": f"{USER}:*:1:0:99999:7:::"}
        for name, line in accounts.items():
            (self.folder / name).write_text(Path("/etc", name).read_text() + line + "\n")
        (self.folder / "shadow").chmod(0o600)

    def _make_keys(self) -> None:
        for name in ("host", "user"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(self.folder / name)]
            subprocess.run(command, check=True)
        host = (self.folder / "host.pub").read_text()
        (self.folder / "known").write_text(f"[127.0.0.1]:{self._port} {host}")
        self.authorize(True)

    def _make_client(self) -> None:
        """ssh reads the configuration of the account's home folder whatever HOME says, so it is told of another."""
        program = self.folder / "bin" / "ssh"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {self.folder}/ssh_config "$@"\n')
        program.chmod(0o755)

    def start(self, timeout: float = 20) -> SshServer:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # which sshd insists on
        sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin")
        command = ["unshare", "--mount", "sh", "-c", _START, str(self.folder), str(sshd)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + timeout
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"sshd did not start:\n{self.log[-3000:]}")
            time.sleep(0.05)
        return self

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=20)
        shutil.rmtree(self.folder)
        if self._made:
            Path("/run/sshd").rmdir()
