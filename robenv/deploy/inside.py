"""Small things done inside a container of a robot: a command to its end, a file read or written."""

from __future__ import annotations

import io
import select
import tarfile
import time
from collections.abc import Callable
from contextlib import suppress

from robenv.deploy.release import ACTIVE, FOLDER, LOCK, confirmed_file
from robenv.engine.protocol import ContainerInfo, Engine, ExecRequest
from robenv.environment.entry import Entry
from robenv.errors import OperationFailed

_LOOK = 0.5
"""Seconds between two looks."""
_MOST = 64 * 1024
"""Bytes of a command's output that are kept."""


def run_inside(
    engine: Engine,
    container: ContainerInfo,
    argv: tuple[str, ...],
    timeout: float,
    user: str = "",
    look: Callable[[], object] = lambda: None,
) -> tuple[int | None, str]:
    """(exit code, last output) of a command run as ``user``, by default the container's own; None where it took longer
    than ``timeout`` seconds. ``look`` is called meanwhile, and may raise. Raises ContainerNotFound, EngineLost."""
    request = ExecRequest(container.id, argv, user or Entry(container.labels).user, tty=True, stdin=False)
    until = time.monotonic() + timeout
    output = bytearray()
    session = engine.open_exec(request)
    try:
        session.set_blocking(False)
        while True:
            look()
            left = until - time.monotonic()
            if left <= 0:
                return None, _text(output)
            if not session.pending() and not select.select([session.fileno()], [], [], min(left, _LOOK))[0]:
                continue
            try:
                data = session.recv(_MOST)
            except BlockingIOError:
                continue
            if not data:
                break
            output += data
            del output[:-_MOST]
        session.set_blocking(True)
        return session.exit_code(), _text(output)
    finally:
        session.close()


def _text(output: bytearray) -> str:
    return output.decode("utf-8", "replace").replace("\r\n", "\n").strip()


def read_file(engine: Engine, container: str, name: str) -> str:
    """A file of the release volume; "" where there is none."""
    tar = engine.get_archive(container, f"{FOLDER}/{name}")
    if tar is None:
        return ""
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        member = archive.next()
        content = archive.extractfile(member) if member is not None and member.isreg() else None
        return content.read().decode("utf-8", "replace").strip() if content is not None else ""


def read_notes(engine: Engine, container: str) -> dict[str, str]:
    """Every file of the release volume, by name, in one go."""
    tar = engine.get_archive(container, FOLDER)
    notes: dict[str, str] = {}
    if tar is not None:
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                if content is not None:
                    notes[member.name.rpartition("/")[2]] = content.read().decode("utf-8", "replace").strip()
    return notes


def prepare_folder(engine: Engine, container: str, release: str) -> None:
    """Makes the files of a new release volume, and forgets what they say of an earlier container of this release: the
    new one is on trial. A lock that is in use stays: it is its file, not its name."""
    notes = read_notes(engine, container)
    files = {confirmed_file(release): ""}
    if LOCK not in notes:
        files[LOCK] = ""
    if notes.get(ACTIVE, "") in ("", release):
        files[ACTIVE] = ""
    write_files(engine, container, files)


def keep_file(engine: Engine, container: str, name: str) -> None:
    """Has the robot write it to its disk now, where that can be asked of the container: the power may go."""
    info = engine.find_container(container)
    if info is not None and info.status == "running":
        with suppress(OperationFailed):
            run_inside(engine, info, ("sync", f"{FOLDER}/{name}"), timeout=30)


def write_files(engine: Engine, container: str, files: dict[str, str]) -> None:
    """Puts files into the release volume, which any user inside may then write."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, text in files.items():
            data = text.encode()
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(data), 0o666, int(time.time())
            archive.addfile(member, io.BytesIO(data))
    engine.put_archive(container, FOLDER, stream.getvalue())
