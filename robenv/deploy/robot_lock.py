"""One deploy at a time on a robot: a lock over there that dies with whoever holds it."""

from __future__ import annotations

import shlex
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from robenv.deploy.connection import Connection
from robenv.errors import RobotRefused

_BEAT = 5.0
"""Seconds between two signs of life."""
_SILENCE = 30
"""Seconds without one after which the robot takes the holder for dead."""
_BUSY = 75


def script(project: str) -> str:
    """Holds the lock until its input ends or falls silent. A folder, since any user may open one to lock it."""
    folder = shlex.quote(f"/tmp/robenv-deploy-{project}")  # noqa: S108 (only locked, never read)
    alive = f'while [ -n "$(timeout {_SILENCE} head -c 1)" ]; do :; done'
    held = shlex.quote(f"echo held; {alive}")
    return f"mkdir -p {folder} 2>/dev/null; exec flock -n -E {_BUSY} {folder} sh -c {held}"


@contextmanager
def robot_locked(connection: Connection, project: str) -> Iterator[None]:
    """Raises RobotRefused where another deploy of the project is at work there, RobotUnreachable for a broken link."""
    pipe = subprocess.PIPE
    # A session of its own: ^C must not release it before what was begun is undone.
    holder = subprocess.Popen(
        connection.ssh(script(project)), stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    done = threading.Event()
    try:
        if holder.stdout is None or holder.stdin is None or holder.stderr is None:
            raise OSError("no pipes")
        if holder.stdout.readline().strip() != b"held":
            raise _not_held(connection, holder.wait(), holder.stderr.read().decode(errors="replace"))
        threading.Thread(target=_beat, args=(holder, done), daemon=True).start()
        yield
    finally:
        done.set()
        with suppress(OSError):
            if holder.stdin is not None:
                holder.stdin.close()
        try:
            holder.wait(timeout=2)
        except subprocess.TimeoutExpired:
            holder.kill()
            holder.wait()
        for stream in (holder.stdout, holder.stderr):
            if stream is not None:
                stream.close()


def _not_held(connection: Connection, code: int, said: str) -> Exception:
    name = connection.robot.name
    if code == _BUSY:
        return RobotRefused(
            f"{name}: another deploy is at work there",
            hint="wait for it to end; the lock goes with it, however it ends",
        )
    if not connection.alive:
        return connection.lost(said)
    return RobotRefused(f"{name}: no lock can be held there", details=said.strip(), hint="it needs flock (util-linux)")


def _beat(holder: subprocess.Popen[bytes], done: threading.Event) -> None:
    with suppress(OSError, ValueError):
        while not done.wait(_BEAT) and holder.stdin is not None:
            holder.stdin.write(b".")
            holder.stdin.flush()
