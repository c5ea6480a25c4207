"""The release volume of a project on a robot: its files read and written through a container that has it."""

from __future__ import annotations

import io
import tarfile
import time
from contextlib import suppress

from robenv.deploy.release import ACTIVE, FOLDER, LOCK, confirmed_file
from robenv.engine.protocol import Engine
from robenv.errors import OperationFailed
from robenv.remote.exec_with_timeout import run_inside


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
