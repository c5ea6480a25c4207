"""Git's own objects, as far as a commit's files need them: what is fetched is held against the commit's name here.

A commit names its tree by a hash, that one its folders and files: so the raw commit and trees, kept beside the files
that were written by them, are a manifest that nobody can change without the commit's name being another.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robenv.util.safe_tree import CLOSED, FILE, FOLDER, LIMITS, LINK, BadTree, Limits, check_path, shown_path

MAX_OBJECT = 8 << 20
"""Bytes of one commit or tree."""
_MAX_MANIFEST = 64 << 20
_TREE = re.compile(rb"tree ([0-9a-f]{40}|[0-9a-f]{64})\n")
_ENTRY = re.compile(rb"([0-7]{5,7}) ([^\0/]+)\0")
_HEADER = re.compile(rb"(commit|tree) ([0-9]{1,8})\0")
_PIECE = 1 << 18

ReadObject = Callable[[str, str], bytes]
"""(kind, id) → an object's content, of MAX_OBJECT bytes at most. Raises BadTree where it cannot be had."""


@dataclass(frozen=True)
class GitEntry:
    """A file, folder, link or (CLOSED) submodule. ``name``: of its blob, tree or commit."""

    path: str
    kind: str
    name: str
    executable: bool = False

    @property
    def mode(self) -> int:
        """A file's on disk: nobody writes to what was fetched."""
        return 0o555 if self.executable else 0o444


def start_hash(kind: str, size: int, name: str) -> Any:
    """The hash by which an object with a name like ``name`` is named: SHA-1, or SHA-256 for 64 digits."""
    digest = hashlib.new("sha256" if len(name) == 64 else "sha1", usedforsecurity=False)
    digest.update(f"{kind} {size}\0".encode())
    return digest


def is_object(kind: str, name: str, data: bytes) -> bool:
    digest = start_hash(kind, len(data), name)
    digest.update(data)
    return bool(digest.hexdigest() == name)


def walk(commit: str, read: ReadObject, limits: Limits = LIMITS) -> Iterator[GitEntry]:
    """All that a commit holds, each folder before what is in it; each object is held against its name.

    Raises BadTree, before there is more of it than ``limits``.
    """
    match = _TREE.match(_checked(read, "commit", commit))
    if match is None or len(match[1]) != len(commit):
        raise BadTree("a commit without a tree")
    left = limits.entries + limits.folders
    ahead = [iter([GitEntry("", FOLDER, match[1].decode())])]
    while ahead:
        entry = next(ahead[-1], None)
        if entry is None:
            ahead.pop()
            continue
        if entry.path:
            left -= 1
            if left < 0:
                raise BadTree(f"more than {limits.entries} files")
            check_path(entry.path, limits)
            yield entry
        if entry.kind == FOLDER:
            ahead.append(_entries(entry.path, _checked(read, "tree", entry.name), len(commit)))


def _checked(read: ReadObject, kind: str, name: str) -> bytes:
    data = read(kind, name)
    if not is_object(kind, name, data):
        raise BadTree(f"a {kind} that is not the one of its name, {name[:12]}")
    return data


def _entries(folder: str, data: bytes, digits: int) -> Iterator[GitEntry]:
    at = 0
    while at < len(data):
        match = _ENTRY.match(data, at)
        at = match.end() + digits // 2 if match else 0
        if match is None or at > len(data):
            raise BadTree(f"a broken folder, {shown_path(folder)}")
        path = os.fsdecode(match[2])
        mode = int(match[1], 8)
        kind = _KINDS.get(stat.S_IFMT(mode))
        if kind is None:
            raise BadTree(f"{shown_path(path)}, which is no file, folder or link")
        name = data[at - digits // 2 : at].hex()
        yield GitEntry(f"{folder}/{path}" if folder else path, kind, name, bool(mode & 0o100) and kind == FILE)


_KINDS = {stat.S_IFREG: FILE, stat.S_IFLNK: LINK, stat.S_IFDIR: FOLDER, 0o160000: CLOSED}


class ObjectRecorder:
    """A ReadObject that keeps what it gives, for ``manifest``."""

    def __init__(self, read: ReadObject) -> None:
        self._read = read
        self._found: dict[tuple[str, str], bytes] = {}

    def __call__(self, kind: str, name: str) -> bytes:
        if (kind, name) not in self._found:
            self._found[kind, name] = self._read(kind, name)
        return self._found[kind, name]

    def manifest(self) -> bytes:
        """The objects, one after the other, as git would write them before it packs them."""
        return b"".join(f"{kind} {len(data)}\0".encode() + data for (kind, _), data in self._found.items())


def read_manifest(path: Path, digits: int) -> ReadObject | None:
    """The objects of a manifest; None where there is none. ``digits``: of the names."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(file, "rb") as opened:
            data = opened.read(_MAX_MANIFEST + 1)
    except OSError:
        return None
    objects: dict[tuple[str, str], bytes] = {}
    at = 0
    while (match := _HEADER.match(data, at)) and match.end() + int(match[2]) <= len(data):
        at = match.end() + int(match[2])
        kind, content = match[1].decode(), data[match.end() : at]
        digest = start_hash(kind, len(content), "0" * digits)
        digest.update(content)
        objects[kind, digest.hexdigest()] = content
    return lambda kind, name: objects.get((kind, name), b"")


def difference(root: Path, commit: str, read: ReadObject) -> str:
    """In what the folder ``root`` is not what the commit holds, written by Extractor; "" for nothing."""
    try:
        folders: dict[str, dict[str, GitEntry]] = {"": {}}
        for entry in walk(commit, read):
            above, _, name = entry.path.rpartition("/")
            if entry.kind == FOLDER:
                folders[entry.path] = {}
            if entry.kind != CLOSED:
                folders[above][name] = entry
        return next(filter(None, (_compare(root, path, those) for path, those in folders.items())), "")
    except BadTree as error:
        return f"its list holds {error}"
    except OSError as error:
        return f"{shown_path(str(error.filename))}: {error.strerror}"


def _compare(root: Path, path: str, wanted: dict[str, GitEntry]) -> str:
    folder = _open_folder(root, path)
    try:
        if stat.S_IMODE(os.fstat(folder).st_mode) != 0o555:
            return f"{shown_path(path)}: it has other permissions"
        left = dict(wanted)
        with os.scandir(folder) as there:
            for one in there:
                entry = left.pop(one.name, None)
                if entry is None:
                    return f"{shown_path(one.name)}: there is no such file in the commit"
                if not _is_same(folder, one.name, entry):
                    return f"{shown_path(entry.path)}: it was changed"
    finally:
        os.close(folder)
    return f"{shown_path(next(iter(left)))}: it is gone" if left else ""


def _open_folder(root: Path, path: str) -> int:
    folder = os.open(root, _FOLDER)
    for part in path.split("/") if path else ():
        try:
            below = os.open(part, _FOLDER, dir_fd=folder)
        finally:
            os.close(folder)
        folder = below
    return folder


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def _is_same(folder: int, name: str, entry: GitEntry) -> bool:
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if entry.kind == FOLDER:
        return stat.S_ISDIR(status.st_mode)
    if entry.kind == LINK:
        return stat.S_ISLNK(status.st_mode) and is_object(
            "blob", entry.name, os.fsencode(os.readlink(name, dir_fd=folder))
        )
    if not stat.S_ISREG(status.st_mode) or stat.S_IMODE(status.st_mode) != entry.mode:
        return False
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(file, "rb", buffering=0) as opened:
        digest, left = start_hash("blob", status.st_size, entry.name), status.st_size + 1
        while left > 0 and (piece := opened.read(min(_PIECE, left))):
            digest.update(piece)
            left -= len(piece)
    return bool(digest.hexdigest() == entry.name)
