"""What a tree of files from elsewhere may look like, decided before anything of it is written.

A tree is judged by the names and kinds in it alone, never by what lies on a disk: no name twice, nothing below a file
or a link, no repository's own files, and no link that leads out, however many links of the tree it goes through.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

FILE, LINK, FOLDER, CLOSED = "file", "link", "folder", "closed"
"""Kinds. ``CLOSED``: a folder that something else fills, such as a repository of its own."""

_MAX_NAME = 255
"""Bytes: NAME_MAX of Linux' file systems."""
_MAX_PATH = 2048
"""Bytes: with the folder that it is written below, this stays under PATH_MAX (4096)."""
_MAX_TARGET = 2048
_MAX_HOPS = 40
"""Links that one path may lead through, as in Linux (path_resolution(7))."""
_MAX_STEPS = 1_000_000
"""Components looked at for all links of a tree together."""

_HFS_IGNORED = frozenset(map(chr, (*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF)))
"""Code points that HFS+ leaves out of names: as in git's utf8.c, next_hfs_char."""


class BadTree(ValueError):
    """A tree holds what is refused; its text completes "… holds"."""


@dataclass(frozen=True)
class Limits:
    """The most that a tree may have."""

    entries: int = 20_000
    folders: int = 20_000
    depth: int = 64
    size: int = 256 * 1024 * 1024
    """Bytes in all files together."""


LIMITS = Limits()


@dataclass(frozen=True)
class Item:
    """``path``: with single slashes, from the tree's top. ``target``: a link's."""

    path: str
    kind: str = FILE
    target: str = ""


@dataclass
class Tree:
    """A tree that grows item by item; ``check_links`` when all are there. All methods raise BadTree."""

    limits: Limits = LIMITS
    kinds: dict[str, str] = field(default_factory=dict)
    """By path; folders that are only led through included."""
    targets: dict[str, str] = field(default_factory=dict)
    _named: set[str] = field(default_factory=set)
    _folded: dict[str, str] = field(default_factory=dict)
    _folders: int = 0
    _steps: int = 0

    def add(self, item: Item) -> None:
        check_path(item.path, self.limits)
        if len(self._named) >= self.limits.entries:
            raise BadTree(f"more than {self.limits.entries} files")
        self._make_way(item.path.rpartition("/")[0], item.path)
        there = self.kinds.get(item.path)
        if item.path in self._named:
            raise BadTree(f"{shown_path(item.path)} twice")
        if there is not None and not there == item.kind == FOLDER:
            raise BadTree(f"{shown_path(item.path)} twice, once as a folder")
        if item.kind == LINK:
            _check_target(item)
            self.targets[item.path] = item.target
        self._named.add(item.path)
        if there is None:
            self._put(item.path, item.kind)

    def check_links(self) -> None:
        for path in self.targets:
            self._follow(path)

    def folders(self) -> list[str]:
        return [path for path, kind in self.kinds.items() if kind == FOLDER]

    def _make_way(self, folder: str, path: str) -> None:
        """Notes the folders above ``path``."""
        missing = []
        while folder and folder not in self.kinds:
            missing.append(folder)
            folder = folder.rpartition("/")[0]
        if folder and self.kinds[folder] != FOLDER:
            raise BadTree(f"{shown_path(path)}, which leads through {shown_path(folder)}")
        for one in reversed(missing):
            self._put(one, FOLDER)

    def _put(self, path: str, kind: str) -> None:
        """Names that are one on some file systems are refused, since there one would be written through the other."""
        same = self._folded.setdefault(_folded(path), path)
        if same != path:
            raise BadTree(f"{shown_path(path)} and {shown_path(same)}, which some file systems take for one")
        self._folders += kind == FOLDER
        if self._folders > self.limits.folders:
            raise BadTree(f"more than {self.limits.folders} folders")
        self.kinds[path] = kind

    def _follow(self, path: str) -> None:
        """Goes where the kernel would go, by the tree's own links."""
        at = path.split("/")[:-1]
        ahead = self.targets[path].split("/")[::-1]
        hops = 1
        while ahead:
            self._steps += 1
            if self._steps > _MAX_STEPS:
                raise BadTree("more links than can be followed")
            part = ahead.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if not at:
                    raise BadTree(
                        f"the link {shown_path(path)}, which leads out of it, to {shown_path(self.targets[path])}"
                    )
                at.pop()
                continue
            here = "/".join((*at, part))
            kind = self.kinds.get(here)
            if kind == FOLDER:
                at.append(part)
                continue
            if ".." in ahead:
                # Where it would go back from is known of folders alone.
                raise BadTree(
                    f"the link {shown_path(path)}, which leads back behind {shown_path(here)}, and that is no folder"
                )
            if kind != LINK:
                return
            hops += 1
            if hops > _MAX_HOPS:
                raise BadTree(f"the link {shown_path(path)}, which leads in circles")
            ahead += self.targets[here].split("/")[::-1]


def check_tree(items: Iterable[Item], limits: Limits = LIMITS) -> Tree:
    """Raises BadTree for a tree that may not be written."""
    tree = Tree(limits)
    for item in items:
        tree.add(item)
    tree.check_links()
    return tree


def check_path(path: str, limits: Limits = LIMITS) -> None:
    """Raises BadTree for a path that no file may have."""
    if _length(path) > _MAX_PATH:
        raise BadTree(f"a path of more than {_MAX_PATH} bytes")
    parts = path.split("/")
    if len(parts) > limits.depth:
        raise BadTree(f"folders more than {limits.depth} deep")
    for part in parts:
        if reason := _fault(part):
            raise BadTree(f"{shown_path(path)}, {reason}")


def _fault(name: str) -> str:
    if name in ("", ".", ".."):
        return "which leaves its folder"
    if any(one < " " or one in "\\\x7f" for one in name):
        return "with a control character or a backslash in its name"
    if _length(name) > _MAX_NAME:
        return f"with a name of more than {_MAX_NAME} bytes"
    return "which is a repository's own folder" if is_dot_git(name) else ""


def is_dot_git(name: str) -> bool:
    """Whether some file system takes the name for ``.git``: as git's is_ntfs_dotgit and is_hfs_dotgit."""
    plain = "".join(one for one in name if one not in _HFS_IGNORED).lower()
    return plain.replace("\\", ":").partition(":")[0].rstrip(" .") in (".git", "git~1")


def shown_path(path: str) -> str:
    """A path from elsewhere in a message: one line, and short."""
    return ascii(path) if len(path) <= 100 else f"{path[:100]!a}…"


def _check_target(item: Item) -> None:
    target = item.target
    if not target or _length(target) > _MAX_TARGET or any(one < " " or one in "\\\x7f" for one in target):
        raise BadTree(f"the link {shown_path(item.path)} to nothing that a link may lead to")
    if target.startswith("/"):
        raise BadTree(f"the link {shown_path(item.path)}, which leads out of it, to {shown_path(target)}")


def _folded(path: str) -> str:
    """One text for all names that a file system may take for this one."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


def _length(text: str) -> int:
    """Bytes."""
    try:
        return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        raise BadTree("a name that is no text") from None
