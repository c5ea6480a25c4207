"""Starts the earlier release again where that had to be stopped and the client may be gone: a container on the robot.

Of two releases that publish one port the second cannot even be started while the first runs, so there is no standby.
The guard is an empty image of robenv's own with the robot's programs in it, read-only, and its engine's socket: no
program of the project's image gets near that. Once the new release ends, or is never started, the guard starts the
earlier one; it ends itself when the new one's trial is over. A robot that boots does so by the restart policies.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from robenv.engine.protocol import Engine
from robenv.errors import OperationFailed, RobenvError
from robenv.plan.names import LABEL_PROJECT, LABEL_ROLE, ROLE_GUARD
from robenv.transfer.layers import archive, digest, path_of, plain_blob
from robenv.transfer.load_stream import small_tar
from robenv.transfer.target import forget_container, forget_images

_SOCKET = "/engine.sock"
_IDLE = 15
"""Seconds that neither release runs, after which the client is taken for dead."""
_READY = "ready"
_TO_START = 20.0
"""Seconds in which it has to be ready."""
_FOLDERS = ("/usr", "/bin", "/lib", "/lib64")
"""Where a robot's programs are; not every one has the last."""

_SCRIPT = f"""\
new=$1 old=$2 trial=$3 idle=0
PATH=/usr/local/bin:/usr/bin:/bin
ask() {{
  case $tool in
  curl) curl -s -m 60 -X "$1" --unix-socket {_SOCKET} "http://engine$2" ;;
  python3) python3 -c '
import socket, sys
engine = socket.socket(socket.AF_UNIX)
engine.settimeout(60)
engine.connect("{_SOCKET}")
engine.sendall(("%s %s HTTP/1.0\\r\\nContent-Length: 0\\r\\n\\r\\n" % tuple(sys.argv[1:])).encode())
while True:
    data = engine.recv(65536)
    if not data: break
    sys.stdout.write(data.decode("utf-8", "replace"))
' "$1" "$2" ;;
  perl) perl -MIO::Socket::UNIX -e '
alarm 60;
my $engine = IO::Socket::UNIX->new("{_SOCKET}") or die;
print $engine "$ARGV[0] $ARGV[1] HTTP/1.0\\r\\nContent-Length: 0\\r\\n\\r\\n";
print while <$engine>;
' "$1" "$2" ;;
  esac
}}
state() {{
  case $(ask GET "/containers/$1/json") in
  *'"Running":true'*) echo up ;;
  *'"Running":false'*) echo down ;;
  *'o such container'*) echo gone ;;
  esac
}}
for tool in curl python3 perl ''; do [ "$(state "$old")" = up ] && break; done
[ "$tool" ] || exit 1
echo {_READY}
while [ "$(state "$new")" != up ] && [ $idle -lt {_IDLE} ]; do
  case $(state "$old") in down | gone) idle=$((idle + 1)) ;; esac
  sleep 1
done
while [ "$trial" -gt 0 ]; do
  case $(state "$new") in down | gone) break ;; esac
  trial=$((trial - 1))
  sleep 1
done
while [ "$(state "$new")" != up ]; do
  case $(state "$old") in up | gone) exit ;; esac
  ask POST "/containers/$old/start"
  sleep 1
done
"""
"""``sh -c SCRIPT sh NEW OLD TRIAL``: the containers, and the seconds in which NEW is confirmed or has ended itself."""


@contextmanager
def guarded(engine: Engine, project: str, new: str, old: str, trial: float, socket: str) -> Iterator[None]:
    """While this lasts, and after it where this client dies in it, ``old`` is started again where ``new`` does not run.

    ``socket``: where the robot's engine listens. Raises OperationFailed where there can be no guard; then nothing has
    been done.
    """
    try:
        _start(engine, project, (new, old, f"{trial:.0f}"), socket)
        yield
    finally:
        with suppress(RobenvError):
            _remove(engine, project)


def remove_guard(engine: Engine, project: str) -> None:
    """Removes the guard that a client that was killed has left."""
    if engine.containers({LABEL_PROJECT: project, LABEL_ROLE: ROLE_GUARD}):
        _remove(engine, project)


def _remove(engine: Engine, project: str) -> None:
    forget_container(engine, _name(project))
    forget_images(engine, [_image(project)])


def _name(project: str) -> str:
    return f"robenv-{project}-guard"


def _image(project: str) -> str:
    return f"robenv-{project}-guard:1"


def _start(engine: Engine, project: str, arguments: tuple[str, ...], socket: str) -> None:
    remove_guard(engine, project)
    _load(engine, _image(project))
    request = {
        "Image": _image(project),
        "Entrypoint": ["/bin/sh", "-c", _SCRIPT, "sh", *arguments],
        "Labels": {LABEL_PROJECT: project, LABEL_ROLE: ROLE_GUARD},
    }
    host = {
        "NetworkMode": "none",
        "UsernsMode": "host",  # the engine's socket belongs to the robot's own root
        "CapDrop": ["ALL"],
        "SecurityOpt": ["label=disable", "no-new-privileges"],
    }
    own = {"Type": "bind", "Source": socket, "Target": _SOCKET}
    for folders in (_FOLDERS, _FOLDERS[:-1]):
        mounts = [{"Type": "bind", "Source": folder, "Target": folder, "ReadOnly": True} for folder in folders]
        try:
            container = engine.create_container(
                _name(project), {**request, "HostConfig": {**host, "Mounts": [*mounts, own]}}
            )
            break
        except OperationFailed as error:
            refused = error
    else:
        raise _impossible(str(refused))
    engine.start(container)
    _await_ready(engine, container)


def _await_ready(engine: Engine, container: str) -> None:
    until = time.monotonic() + _TO_START
    while time.monotonic() < until:
        info = engine.find_container(container)
        written = b"".join(data for _, data in engine.logs(container)).decode("utf-8", "replace")
        if _READY in written.split():
            return
        if info is None or not info.running:
            raise _impossible(written)
        time.sleep(0.1)
    raise _impossible("it did not become ready")


def _impossible(details: str) -> OperationFailed:
    return OperationFailed(
        "nothing on the robot could start the earlier release again, so it was not stopped",
        details=details,
        hint="for that the robot needs curl, python3 or perl, and its engine's socket where robots.yaml says",
    )


def _load(engine: Engine, name: str) -> None:
    """An image without a file in it, for the engine's own platform."""
    layer = small_tar([])
    system, architecture, *_ = engine.info().platform.split("/")
    rootfs = {"type": "layers", "diff_ids": [digest(layer)]}
    config = json.dumps({"os": system, "architecture": architecture, "config": {}, "rootfs": rootfs}).encode()
    blob = plain_blob(digest(layer), len(layer))
    said = archive(name, config, [blob])
    engine.load_images([small_tar([(path_of(blob.digest), layer), *said.files])])
