"""Keeps which identity each project folder has, and takes along what belongs to a folder that was moved."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from robenv.engine.protocol import Engine
from robenv.host.birth import birth_of
from robenv.host.project_folder import (
    FILE,
    FileRecord,
    FolderIdentity,
    RecordedFolder,
    is_gone,
    read_known,
    read_place,
    sibling,
    stamp_of,
)
from robenv.paths import state_folder, write_atomically
from robenv.plan.models import RunPlan
from robenv.plan.names import LABEL_PROJECT, resource_prefix
from robenv.plan.owner import is_own
from robenv.profile.chain.project import ProjectFiles
from robenv.profile.default_name import default_name, earlier_default_name
from robenv.project.trust.baseline import move_baseline
from robenv.util.file_lock import locked

_KEPT = 1000
"""Folders that are gone are forgotten beyond this number."""


def place_of(files: ProjectFiles) -> FolderIdentity:
    """The identity of a project of this user. Changes nothing."""
    return read_place(str(files.root), files.file.name, os.geteuid())


def settle_identity(engine: Engine, files: ProjectFiles, project: str, note: Callable[[str], None]) -> None:
    """Notes the new path of a folder that was moved, and tells. To be called before anything is planned for it.

    ``project``: its name, by which volumes of an earlier robenv are found."""
    place = place_of(files)
    if place.note:
        note(place.note)
    if place.moved_from:
        with suppress(OSError):  # said when the container is admitted
            move_baseline(place.moved_from, place.root)
        record_identity(files, place)
    elif prefix := _earlier_prefix(engine, place, project):
        record_identity(files, place, prefix)


def _earlier_prefix(engine: Engine, place: FolderIdentity, project: str) -> str:
    """What the names of the project's volumes begin with, where these were made when letters of the folder's name were
    passed over; else ""."""
    earlier = earlier_default_name(place.root)
    if place.prefix or project in ("", earlier) or project != default_name(place.root):
        return ""
    made = engine.volumes({LABEL_PROJECT: earlier})
    mine = any(is_own(volume.labels, place, volume.name) for volume in made)
    return resource_prefix(earlier, place.id) if mine else ""


def record_identity(files: ProjectFiles, place: FolderIdentity, prefix: str = "", home: str = "") -> None:
    """Notes the identity under which something is made for a project. Where the state folder cannot be written, the
    identity goes on following from the path."""
    prefix = prefix or place.prefix

    def with_this(known: list[RecordedFolder]) -> list[RecordedFolder]:
        mine = next((one for one in known if (one.id, one.uid) == (place.id, place.uid)), None)
        record = dict(mine.files) if mine else {}
        if prefix:
            homes = dict.fromkeys((*place.homes, *((home,) if home else ())))
            record[files.file.name] = FileRecord(prefix, tuple(homes), stamp_of(str(files.file)))
        entry = RecordedFolder(
            place.uid, place.root, place.device, place.inode, place.id, place.suffix, record, birth_of(place.root)
        )
        rest = [one for one in known if (one.id, one.uid) != (place.id, place.uid)]
        others = (_elsewhere(one) if (one.root, one.uid) == (place.root, place.uid) else one for one in rest)
        return [*_bounded([other for other in others if other is not None]), entry]

    _change(with_this)


def keep_identity(
    files: ProjectFiles, place: FolderIdentity | None, plan: RunPlan, home_is_new: bool, note: Callable[[str], None]
) -> None:
    """Notes the names under which a container is made; tells where a home that was there is gone."""
    if place is None:
        return
    if home_is_new and plan.home_volume in place.homes:
        note(f"the home folder is new: the volume {plan.home_volume}, which held it, is gone")
    record_identity(files, place, plan.prefix.removesuffix(place.suffix), plan.home_volume)


def user_name(uid: str) -> str:
    """Of this machine, for messages."""
    import pwd

    try:
        return pwd.getpwuid(int(uid)).pw_name
    except (KeyError, ValueError, OverflowError):
        return f"UID {uid}" if uid else "somebody else"


def forget_homes(place: FolderIdentity, removed: Collection[str]) -> None:
    """Notes that home volumes were removed on purpose: a new one is no surprise."""

    def without(known: RecordedFolder) -> RecordedFolder:
        files = {
            name: replace(one, homes=tuple(home for home in one.homes if home not in removed))
            for name, one in known.files.items()
        }
        return replace(known, files=files)

    _change(lambda known: [without(one) if (one.id, one.uid) == (place.id, place.uid) else one for one in known])


def _elsewhere(known: RecordedFolder) -> RecordedFolder | None:
    """A folder in whose place there is another one now, by its new path; None where that is not known."""
    aside = sibling(known)
    return replace(known, root=aside) if aside else None


def _bounded(known: list[RecordedFolder]) -> list[RecordedFolder]:
    if len(known) < _KEPT:
        return known
    return [one for one in known if not is_gone(one.root)]


def _change(change: Callable[[list[RecordedFolder]], list[RecordedFolder]]) -> None:
    with suppress(OSError), locked("folders", lambda _: None):
        known = read_known()
        changed = change(known)
        if sorted(map(repr, changed)) != sorted(map(repr, known)):
            document = {"folders": [one.to_json() for one in changed]}
            write_atomically(str(Path(state_folder(), FILE)), json.dumps(document, indent=1).encode(), mode=0o600)
