"""One deploy at a time on a robot: a lock in its engine, so that none but those who may deploy can take it.

Who wants it makes a volume in the engine that says so, and then looks: it is held once no other such volume belongs to
somebody alive. Of two who come at once each sees the other's, so never both hold it. Alive is a holder whose shell on
the robot runs: that ends with the client or with the link, and is known by what no other process can be: the boot, the
PID namespace, the PID and when it began. What a dead holder left is removed by the next one.
"""

from __future__ import annotations

import random
import re
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from robenv.engine.protocol import Engine, VolumeInfo
from robenv.engine.transport.ssh import GREETING
from robenv.errors import RobenvError, RobotRefused
from robenv.plan.names import LABEL_HOLDER, LABEL_LOCK
from robenv.remote.connection import Connection

_BEAT = 5.0
"""Seconds between two signs of life."""
_SILENCE = 30
"""Seconds without one after which the robot ends the shell: how long a link that was cut keeps the lock."""
_TRIES = 4
"""Of those who come at the same time, and all give way at first."""
_PAUSE = 1.0
"""Seconds at most between two tries."""
_LONGEST = 256
"""Bytes of what the shell tells of itself: it takes about 70."""

_HOLD = (
    "set -- $(cat /proc/$$/stat); "
    'echo "$(cat /proc/sys/kernel/random/boot_id) $(readlink /proc/self/ns/pid) $$ ${22}"; '
    f'while [ -n "$(timeout {_SILENCE} head -c 1)" ]; do :; done'
)
"""Tells what it is (field 22 of /proc/PID/stat: when it began), and lives until its input ends or falls silent. In one
line, since login shells differ."""
_TOLD = re.compile(r"[0-9a-f-]{36} pid:\[\d+\] \d+ \d+")

_LOOK = (
    '[ "$(cat /proc/sys/kernel/random/boot_id)" = "$1" ] || { echo dead; exit; }; '
    '[ "$(readlink /proc/self/ns/pid)" = "$2" ] || exit 0; '
    'if [ -r "/proc/$3/stat" ]; then began=$4; set -- $(cat "/proc/$3/stat"); [ "${22}" = "$began" ] || echo dead; '
    'else case "$(LC_ALL=C kill -0 "$3" 2>&1)" in *"o such process"*) echo dead;; esac; fi'
)
"""Says ``dead`` where the shell is gone for certain. Of others' processes /proc may show nothing; a signal tells."""


@contextmanager
def robot_locked(connection: Connection, project: str) -> Iterator[None]:
    """Raises RobotRefused where another deploy of the project is at work there, RobotUnreachable for a broken link."""
    done = threading.Event()
    pipe = subprocess.PIPE
    # A session of its own: ^C must not release it before what was begun is undone.
    holder = subprocess.Popen(
        connection.ssh(f"exec sh -c '{_HOLD}'"), stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    name = f"robenv-{project}-deploy-{secrets.token_hex(8)}"
    try:
        engine, told = connection.engine, _told(connection, holder)
        threading.Thread(target=_beat, args=(connection, holder, done), daemon=True).start()
        _take(connection, project, name, told)
        try:
            yield
        finally:
            with suppress(RobenvError):  # the next one sees that its holder is gone
                engine.remove_volume(name)
    finally:
        done.set()
        _end(holder)


def _take(connection: Connection, project: str, name: str, told: str) -> None:
    """Makes the volume and holds the lock by it, or leaves none."""
    engine = connection.engine
    for left in reversed(range(_TRIES)):
        engine.create_volume(name, {LABEL_LOCK: project, LABEL_HOLDER: told})
        try:
            others = _alive(connection, engine, project, name)
        except BaseException:
            with suppress(RobenvError):
                engine.remove_volume(name)
            raise
        if not others:
            return
        engine.remove_volume(name)
        if left:
            time.sleep(random.uniform(0.1, _PAUSE))  # noqa: S311 (only so that two do not meet again)
    raise RobotRefused(
        f"{connection.robot.name}: another deploy is at work there",
        hint="wait for it to end; the lock goes with it, however it ends",
    )


def _alive(connection: Connection, engine: Engine, project: str, own: str) -> list[VolumeInfo]:
    """The others that hold the lock or want it; what the dead left is removed."""
    others = [volume for volume in engine.volumes({LABEL_LOCK: project}) if volume.name != own]
    dead = [volume for volume in others if _is_dead(connection, volume.labels.get(LABEL_HOLDER, ""))]
    for volume in dead:
        engine.remove_volume(volume.name)
    return [volume for volume in others if volume not in dead]


def projects_at_work(connection: Connection) -> frozenset[str]:
    """The projects of which a deploy goes on there."""
    held = {volume.labels[LABEL_LOCK]: volume for volume in connection.engine.volumes({LABEL_LOCK: None})}
    return frozenset(
        project for project, one in held.items() if not _is_dead(connection, one.labels.get(LABEL_HOLDER, ""))
    )


def _is_dead(connection: Connection, told: str) -> bool:
    if not _TOLD.fullmatch(told):
        return True  # not of a robenv
    return connection.run("sh", "-c", _LOOK, "sh", *told.split()).output.strip() == b"dead"


def _told(connection: Connection, holder: subprocess.Popen[bytes]) -> str:
    """What the shell over there is, which lives as long as this deploy."""
    if holder.stdout is None or holder.stderr is None:
        raise OSError("no pipes")
    told, read = "", 0
    while read < GREETING and (line := holder.stdout.readline(_LONGEST)):
        read += len(line)
        told = line.decode(errors="replace").strip()
        if match := _TOLD.search(told):  # behind what a login shell has greeted with
            return match[0]
    holder.kill()
    said = told or holder.stderr.read(_LONGEST).decode(errors="replace").strip()
    if not connection.alive:
        raise connection.lost(said)
    raise RobotRefused(
        f"{connection.robot.name}: no lock can be held there",
        details=said,
        hint="it needs a POSIX shell, timeout and head (coreutils or busybox)",
    )


def _end(holder: subprocess.Popen[bytes]) -> None:
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


def _beat(connection: Connection, holder: subprocess.Popen[bytes], done: threading.Event) -> None:
    """Signs of life. Where the shell is gone, somebody else may have the lock: then nothing more goes there."""
    with suppress(OSError, ValueError):
        while not done.wait(_BEAT) and holder.stdin is not None and holder.poll() is None:
            holder.stdin.write(b".")
            holder.stdin.flush()
    if not done.is_set():
        connection.cut()
