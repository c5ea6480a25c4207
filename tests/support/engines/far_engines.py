"""Engines that are reached over TCP, TLS and SSH."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.support.engines.second_engine import SecondEngine

Furnish = Callable[[SecondEngine], None]
"""Done to an engine before it starts."""
Far = tuple[SecondEngine, dict[str, str]]
"""An engine, and the environment of whom it is the engine of."""

_SSH = """#!{python}
# Stands in for ssh: notes its arguments and does here what the command at the other end would.
import socket, sys, threading
with open({log!r}, "a") as log:
    print(" ".join(sys.argv[1:]), file=log)
engine = socket.socket(socket.AF_UNIX)
engine.connect({socket!r})

def up():
    while data := sys.stdin.buffer.read1(65536):
        engine.sendall(data)
    engine.shutdown(socket.SHUT_WR)

threading.Thread(target=up, daemon=True).start()
while data := engine.recv(65536):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
"""


PORT = 2376
"""In the network of the engine's own."""


def material(folder: Path) -> list[str]:
    files = {"cacert": "ca", "cert": "cert", "key": "key"}
    return [f"--tls{name}={folder}/{file}.pem" for name, file in files.items()]


def certificates(folder: Path) -> None:
    """ca.pem, and for 127.0.0.1 cert.pem and key.pem, which serve as the engine's and as the user's."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ["req", "-newkey", "rsa:2048", "-nodes"]
    # What Python 3.13 demands of a CA and of what it has signed, and OpenSSL's own defaults need not say.
    authority = ["-x509", "-days", "2", "-subj", "/CN=robenvtest", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    openssl(*new, *authority, "-keyout", "ca-key.pem", "-out", "ca.pem")
    openssl(*new, "-subj", "/CN=127.0.0.1", "-keyout", "key.pem", "-out", "request.pem")
    extensions = ["subjectAltName=IP:127.0.0.1", "extendedKeyUsage=serverAuth,clientAuth"]
    extensions += ["subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid"]
    (folder / "extensions").write_text("\n".join(extensions) + "\n")
    sign = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "2", "-extfile", "extensions"]
    openssl("x509", "-req", "-in", "request.pem", *sign, "-out", "cert.pem")


_RELAY = """
import fcntl, socket, struct, sys, threading
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sH22x", b"lo", 1))  # SIOCSIFFLAGS: a new network's lo is down
listener, port = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])

def copy(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for stream in (source, sink):
            stream.close()

while True:
    outside, _ = listener.accept()
    try:
        inside = socket.create_connection(("127.0.0.1", port))
    except OSError:
        outside.close()
        continue
    for pair in ((outside, inside), (inside, outside)):
        threading.Thread(target=copy, args=pair, daemon=True).start()
"""


@contextmanager
def reachable(second: SecondEngine, port: int) -> Iterator[str]:
    """The URL under which a port of the engine's own network is reached from this one."""
    process = second._process
    assert process
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        there = ["nsenter", f"--net=/proc/{process.pid}/ns/net", sys.executable, "-c", _RELAY]
        relay = subprocess.Popen([*there, str(listener.fileno()), str(port)], pass_fds=[listener.fileno()])
        try:
            yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            relay.kill()
            relay.wait()


@contextmanager
def over_tcp(tls: bool, folder: Path, furnish: Furnish) -> Iterator[Far]:
    options, environment = ["--tls=false"], {}
    if tls:
        certificates(folder)
        options = ["--tlsverify", *material(folder)]
        environment = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)}
    second = SecondEngine(options=("--host", f"tcp://127.0.0.1:{PORT}", *options))
    try:
        furnish(second)
        second.start()
        with reachable(second, PORT) as url:
            yield second, {"DOCKER_HOST": url, **environment}
    finally:
        second.close()


@contextmanager
def by_context(folder: Path, furnish: Furnish) -> Iterator[Far]:
    """Over TCP, as the docker config's current context says, and no variable."""
    name = "robot"
    with over_tcp(False, folder, furnish) as (second, environment):
        place = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
        place.mkdir(parents=True)
        endpoints = {"docker": {"Host": environment["DOCKER_HOST"], "SkipTLSVerify": False}}
        (place / "meta.json").write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": endpoints}))
        (folder / "config.json").write_text(json.dumps({"currentContext": name}))
        yield second, {"DOCKER_HOST": "", "DOCKER_CONFIG": str(folder)}


@contextmanager
def over_ssh(folder: Path, furnish: Furnish) -> Iterator[Far]:
    second = SecondEngine()
    program = folder / "ssh"
    program.write_text(_SSH.format(python=sys.executable, log=str(folder / "log"), socket=str(second.socket)))
    program.chmod(0o755)
    url = "ssh://somebody@robot:2222"
    try:
        furnish(second)
        second.start()
        yield second, {"DOCKER_HOST": url, "PATH": f"{folder}:{os.environ['PATH']}"}
        lines = set((folder / "log").read_text().splitlines())
        assert lines - {"-V"}
        assert all(line.endswith(" -- robot docker system dial-stdio") for line in lines - {"-V"}), lines
    finally:
        second.close()


WAYS: dict[str, Callable[[Path, Furnish], AbstractContextManager[Far]]] = {
    "tcp": functools.partial(over_tcp, False),
    "tls": functools.partial(over_tcp, True),
    "ssh": over_ssh,
    "context": by_context,
}
