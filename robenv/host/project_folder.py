"""Which folder a project is in, beyond its path: what belongs to it stays with it when it is moved or renamed.

A folder is known by its inode, and by its birth, since inodes are used again. A note in the state folder says which
identity each of this user's project folders has; without the note an identity follows from the path alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from robenv.host.birth import birth_of
from robenv.paths import BROKEN_NOTE, state_folder

FILE = "folders.json"
_MAX_BYTES = 16 << 20
ID_DIGITS = 6


@dataclass(frozen=True)
class FolderIdentity:
    """A project's folder and whose containers of it are meant."""

    root: str
    """The folder, links resolved."""
    uid: int
    """The user's, on this machine."""
    id: str
    """Six hex digits that tell apart projects of the same name. They stay when the folder is moved."""
    suffix: str = ""
    """``-UID`` for everybody but the folder's owner: people who share a checkout have containers of their own."""
    prefix: str = ""
    """What the names of its volumes begin with, where some have been made; see ``plan.names.resource_prefix``."""
    moved_from: str = ""
    """The path that the folder had when robenv saw it last, where that is another one."""
    note: str = ""
    """What a user would want to know of how this identity was found."""
    homes: tuple[str, ...] = ()
    """Home volumes that have been made for it."""
    device: int = 0
    inode: int = 0
    """As stat(2) gives them; 0 where the folder is not known here."""


@dataclass(frozen=True)
class RecordedFolder:
    """What the state folder says of one project folder."""

    uid: int
    root: str
    device: int
    inode: int
    id: str
    suffix: str
    files: Mapping[str, FileRecord]
    """By the name of the project's file."""
    born: int = 0
    """Of ``birth_of``; 0 where that is not known."""

    def to_json(self) -> dict[str, Any]:
        files = {name: [one.prefix, list(one.homes), one.stamp] for name, one in self.files.items()}
        return {
            **{key: getattr(self, key) for key in ("uid", "root", "device", "inode", "born", "id", "suffix")},
            "files": files,
        }


@dataclass(frozen=True)
class FileRecord:
    prefix: str
    homes: tuple[str, ...]
    stamp: str
    """Of the file's time and content: `mv` to another disk and `cp -a` keep it, `git clone` does not."""


def project_id(directory: str | os.PathLike[str], salt: str = "") -> str:
    """Six hex digits; ``directory`` is absolute."""
    return hashlib.sha256(os.fsencode(directory) + salt.encode()).hexdigest()[:ID_DIGITS]


def read_place(root: str, file: str, uid: int) -> FolderIdentity:
    """The identity of the project described by ``file``, a name, in the folder ``root``. Changes nothing."""
    known = [one for one in read_known() if one.uid == uid]  # sudo may leave another user's state folder in place
    about = _stat(root)
    if about is None:
        return FolderIdentity(root, uid, project_id(root))
    at_path = next((one for one in known if one.root == root), None)
    if at_path is not None and at_path.inode == about.st_ino:
        return _place(at_path, root, file, uid, about)
    moved = _moved_here(known, root, file, about)
    if moved is not None:
        note = f"this folder was {moved.root} before; its home and volumes came with it"
        return _place(moved, root, file, uid, about, moved_from=moved.root, note=note)
    if at_path is not None:
        aside = sibling(at_path)
        if not aside:
            return _place(at_path, root, file, uid, about)  # removed and made anew, as by a fresh clone
        note = f"the folder that was {root} before is now {aside} and keeps its home; this one gets its own"
        fresh = project_id(root, f":{about.st_ino}")
        return FolderIdentity(root, uid, fresh, _suffix(about, uid), note=note, device=about.st_dev, inode=about.st_ino)
    taken = {one.id for one in known}
    identifier = project_id(root) if project_id(root) not in taken else project_id(root, f":{about.st_ino}")
    return FolderIdentity(root, uid, identifier, _suffix(about, uid), device=about.st_dev, inode=about.st_ino)


def read_known() -> list[RecordedFolder]:
    """All project folders that the state folder knows, of whichever users; none where it cannot be read."""
    try:
        with open(os.path.join(state_folder(), FILE), "rb") as opened:
            document = json.loads(opened.read(_MAX_BYTES))
        return [_known(one) for one in document["folders"]]
    except BROKEN_NOTE:
        return []


def _known(entry: dict[str, Any]) -> RecordedFolder:
    files = {
        str(name): FileRecord(str(prefix), tuple(map(str, homes)), str(stamp))
        for name, (prefix, homes, stamp) in entry["files"].items()
    }
    root, names = str(entry["root"]), (str(entry["id"]), str(entry["suffix"]))
    os.fsencode(root)  # ValueError for what is no path
    if not root.startswith("/") or "\0" in root or not re.fullmatch(r"[0-9a-f]{6}(-[0-9]+)?", "".join(names)):
        raise ValueError(root)
    numbers = int(entry["device"]), int(entry["inode"])
    return RecordedFolder(int(entry["uid"]), root, *numbers, *names, files, int(entry.get("born", 0)))


def is_gone(folder: str) -> bool:
    """Whether nothing is there. What may not be looked at counts as there."""
    try:
        os.stat(folder)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def disk_is_there(folder: str, device: int) -> bool:
    """Whether what is above a folder that is gone is on the disk on which the folder was: otherwise that disk may only
    not be mounted."""
    above = os.path.dirname(folder)
    while is_gone(above):
        above = os.path.dirname(above)
    about = _stat(above)
    return about is not None and about.st_dev == device


def stamp_of(path: str) -> str:
    """For ``FileRecord.stamp``; "" for a file that cannot be read."""
    try:
        with open(path, "rb") as opened:
            digest = hashlib.sha256(opened.read(_MAX_BYTES)).hexdigest()
            return f"{os.fstat(opened.fileno()).st_mtime_ns}:{digest}"
    except OSError:
        return ""


def search(known: RecordedFolder, leave_out: frozenset[str] = frozenset()) -> str:
    """Where this folder is now, looked for on the whole disk as far as this user may; "" where there is none.

    ``leave_out``: folders that are not looked into, such as the engine's own. Takes seconds on a large disk.
    """
    for top in _mount_points(known.device):
        pending = [top]
        while pending:
            for entry in _folders(pending.pop()):
                if _is_entry(entry, known):
                    return entry.path
                if entry.path not in leave_out and _same_disk(entry, known.device):
                    pending.append(entry.path)
    return ""


def _mount_points(device: int) -> Iterator[str]:
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as opened:
            points = [mount_point(line) for line in opened]
    except OSError:
        points = ["/"]
    for point in dict.fromkeys(points):
        about = _stat(point)
        if about is not None and about.st_dev == device:
            yield point


def mount_point(line: str) -> str:
    """Of a line of /proc/self/mountinfo, where spaces, line breaks and backslashes are octal: proc(5)."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), line.split(" ")[4])


def _folders(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return


def _same_disk(entry: os.DirEntry[str], device: int) -> bool:
    try:
        return entry.stat(follow_symlinks=False).st_dev == device
    except OSError:
        return False


def _place(
    known: RecordedFolder, root: str, file: str, uid: int, about: os.stat_result, moved_from: str = "", note: str = ""
) -> FolderIdentity:
    of_file = known.files.get(file)
    prefix, homes = (of_file.prefix, of_file.homes) if of_file else ("", ())
    return FolderIdentity(
        root, uid, known.id, known.suffix, prefix, moved_from, note, homes, device=about.st_dev, inode=about.st_ino
    )


def _moved_here(known: list[RecordedFolder], root: str, file: str, about: os.stat_result) -> RecordedFolder | None:
    """Whose folder this was under another path. One that has a bind mount as a second name has not moved."""
    for one in known:
        if (
            (one.device, one.inode) == (about.st_dev, about.st_ino)
            and _was_born(root, one)
            and not _is(one.root, one.inode)
        ):
            return one
    stamp = stamp_of(os.path.join(root, file))
    copies = [
        one
        for one in known
        if stamp
        and one.device != about.st_dev
        and (of_file := one.files.get(file)) is not None
        and of_file.stamp == stamp
        and is_gone(one.root)
        and disk_is_there(one.root, one.device)
    ]
    return copies[0] if len(copies) == 1 else None


def sibling(known: RecordedFolder) -> str:
    """Where beside its earlier path this folder is; "" where it is not."""
    return next((entry.path for entry in _folders(os.path.dirname(known.root)) if _is_entry(entry, known)), "")


def _is_entry(entry: os.DirEntry[str], known: RecordedFolder) -> bool:
    return entry.inode() == known.inode and _was_born(entry.path, known)


def _was_born(path: str, known: RecordedFolder) -> bool:
    """Whether a folder with the inode of this one can be it: another one may have got the inode after it."""
    return not known.born or birth_of(path) in (0, known.born)


def _is(path: str, inode: int) -> bool:
    about = _stat(path)
    return about is not None and about.st_ino == inode


def _suffix(about: os.stat_result, uid: int) -> str:
    return "" if about.st_uid == uid else f"-{uid}"


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None
