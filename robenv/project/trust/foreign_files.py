"""Which files of a chain are not the user's own: from git, another user's, or such as somebody else can write."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from robenv.profile.chain.reader import ChainDocument
from robenv.profile.resolve.resolved import Resolved
from robenv.profile.yaml.files import MAX_BYTES, BadFile, decode
from robenv.profile.yaml.nodes import Mapping, Scalar, Sequence, find
from robenv.project.trust.approvals import own_uids


@dataclass(frozen=True)
class ForeignFile:
    """Why a file of the chain is not the user's own, and what an approval of it is given to."""

    identity: str
    why: str


def find_foreign_files(resolved: Resolved) -> dict[ChainDocument, ForeignFile]:
    """The files of the chain that came from git, or that somebody else than the user and root could have written."""
    mine = own_uids()
    path = resolved.files.env_file if resolved.files else None
    # Its variables stand in the values of every file of the project: somebody else's makes all of them theirs.
    dotenv = foreign_path(path, mine, path.name) if path is not None and path in resolved.inputs.files else ""
    found: dict[ChainDocument, ForeignFile] = {}
    for document in resolved.documents:
        source = document.source
        if source.origin == "git":
            found[document] = ForeignFile(source.name, "it is from git")
        elif source.origin != "builtin":
            why = _foreign_file(document, mine) or dotenv or _foreign_reference(document, mine)
            if why:
                found[document] = ForeignFile(f"{os.path.realpath(source.path)} ({why})", why)
    return found


def _foreign_file(document: ChainDocument, mine: frozenset[int]) -> str:
    """Why a file is somebody else's; "" where what was read of it is the user's own.

    Read once more, so that the owner is that of the very text that was merged: by now the path could lead elsewhere.
    """
    path = document.source.path
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            about = [os.lstat(path), os.fstat(handle)]
            text = decode(file.read(MAX_BYTES + 1))
    except (OSError, BadFile):
        return "it changed while it was read"
    if text != document.source.text:
        return "it changed while it was read"
    return _first(path, about, mine, "it")


def _foreign_reference(document: ChainDocument, mine: frozenset[int]) -> str:
    """Why a file is somebody else's that counts as a part of this one: variables, a seccomp profile, repositories."""
    for keys in (("run", "env_file"), ("run", "security_opt"), ("workspace", "repos")):
        listed = find(document.root, keys)
        for item in listed.items if isinstance(listed, Sequence) else ():
            value = item.get("path") if isinstance(item, Mapping) else item
            text = value.text.removeprefix("seccomp=") if isinstance(value, Scalar) else ""
            with suppress(OSError):
                if text.startswith("/") and (why := foreign_path(Path(text), mine, Path(text).name)):
                    return why
    return ""


def foreign_path(path: Path, mine: frozenset[int], name: str = "it") -> str:
    """Why somebody else could have written a file; "" where only the user and root could. Raises OSError."""
    return _first(path, [os.lstat(path), path.stat()], mine, name)


def _first(path: Path, about: list[os.stat_result], mine: frozenset[int], name: str) -> str:
    """Of a path and of what it leads to, with the folders in which each has its name: whoever may write into those can
    put another file there."""
    places = [about[0], path.parent.stat()]
    if stat.S_ISLNK(about[0].st_mode):
        places.append(Path(os.path.realpath(path)).parent.stat())
    owners = [_belongs(name, one.st_uid) for one in about if one.st_uid not in mine]
    owners += [_belongs("its folder", place.st_uid) for place in places[1:] if place.st_uid not in mine]
    files = (_writable(name, one) for one in about[1:])
    folders = (_writable("its folder", place) for place in places[1:] if not place.st_mode & stat.S_ISVTX)
    lists = ("it has an access list (getfacl)" for one in (path, path.parent) if _has_list(one))
    return next(filter(None, (*owners, *files, *folders, *lists)), "")


def _has_list(path: Path) -> bool:
    """Whether more users are named than the mode says."""
    try:
        return bool(os.getxattr(path, "system.posix_acl_access"))
    except OSError:
        return False


def _writable(name: str, about: os.stat_result) -> str:
    """Whether others than its owner may write it. A group in which nobody else is counts as the user's own: on many
    distributions every user has one, and their files are its to write."""
    if about.st_mode & stat.S_IWOTH:
        return f"everybody may write {'it' if name == 'it' else name}"
    if about.st_mode & stat.S_IWGRP and not _is_private(about.st_gid):
        return f"{_group(about.st_gid)} may write {'it' if name == 'it' else name}"
    return ""


def _is_private(gid: int) -> bool:
    """Whether a group is root's, or has the name of the user whose it is, and no other member."""
    if gid == 0:
        return True
    try:
        group = grp.getgrgid(gid)
        people = {pwd.getpwuid(uid).pw_name for uid in own_uids() if uid}
    except KeyError:
        return gid == os.getegid() and os.geteuid() != 0
    return group.gr_name in people and set(group.gr_mem) <= {group.gr_name}


def _group(gid: int) -> str:
    try:
        return f"the group {grp.getgrgid(gid).gr_name}"
    except KeyError:
        return f"the group {gid}"


def _belongs(what: str, uid: int) -> str:
    try:
        return f"{what} belongs to {pwd.getpwuid(uid).pw_name}, UID {uid}"
    except KeyError:
        return f"{what} belongs to UID {uid}"
