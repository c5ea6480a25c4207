"""The files of a folder that say something about an environment, read: their texts by path, and nothing else."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_DEEP, _MANY, _LARGE, _ALL = 6, 20_000, 256 * 1024, 32 * 1024 * 1024
_SKIPPED = frozenset(("build", "devel", "install", "log", "node_modules", "__pycache__", "site-packages"))
_LOOKED_INTO = (".devcontainer", ".docker")
"""Hidden folders that have what is looked for."""
_IGNORED = ("COLCON_IGNORE", "CATKIN_IGNORE", "AMENT_IGNORE")
_KINDS = (
    ("devcontainer", re.compile(r"\.?devcontainer\.json")),
    ("compose", re.compile(r"(?:.*[-_.])?compose(?:[-_.].*)?\.ya?ml")),
    ("dockerfile", re.compile(r"(?:Dockerfile|Containerfile)(?:[-_.].*)?|.*[-_.](?:[Dd]ockerfile|Containerfile)")),
    ("package.xml", re.compile(r"package\.xml")),
    ("repos", re.compile(r".*\.(?:repos|rosinstall)")),
    ("script", re.compile(r".*\.(?:sh|bash)|Makefile|README\.md")),
    ("requirements", re.compile(r"requirements[\w.-]*\.txt")),
)


@dataclass(frozen=True)
class FoundDescription:
    kind: str
    path: Path
    source: str
    """Relative to the folder."""
    text: str


@dataclass
class ScannedFolder:
    root: Path
    files: list[FoundDescription] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    branch: str = ""
    """git's HEAD."""

    def of(self, *kinds: str) -> Iterator[FoundDescription]:
        return (file for file in self.files if file.kind in kinds)

    def text_of(self, source: str) -> str | None:
        return next((file.text for file in self.files if file.source == source), None)


def read_folder(folder: Path) -> ScannedFolder:
    """Only looks; what cannot be read says nothing."""
    made = ScannedFolder(folder.resolve())
    read = 0
    for path, is_folder in _walk(made.root):
        source = path.relative_to(made.root).as_posix()
        if path.is_symlink() and not path.resolve().is_relative_to(made.root):
            continue  # a cloned folder may have links to any file of this machine
        if is_folder:
            made.folders.append(source)
        elif (kind := _kind_of(path.name)) and read < _ALL:
            text = _text(path, made.root)
            read += len(text)
            made.files.append(FoundDescription(kind, path, source, text))
    made.branch = _text(made.root / ".git/HEAD", made.root)
    return made


def _walk(root: Path) -> Iterator[tuple[Path, bool]]:
    """Files and folders, those nearest to the top first in each folder."""
    count = 0
    for top, folders, names in os.walk(root):
        deep = len(Path(top).relative_to(root).parts)
        kept = [name for name in sorted(folders) if name in _LOOKED_INTO or name[0] != "."]
        kept = [name for name in kept if name not in _SKIPPED]
        folders[:] = kept if deep < _DEEP else []
        ignored = any(name in _IGNORED for name in names)
        for name in sorted(names):
            count += 1
            if count > _MANY:
                return
            if not (ignored and name == "package.xml"):
                yield Path(top, name), False
        yield from ((Path(top, name), True) for name in kept)


def _kind_of(name: str) -> str:
    return next((kind for kind, pattern in _KINDS if pattern.fullmatch(name)), "")


def _text(path: Path, folder: Path) -> str:
    """Of a file of the folder, judged by what was opened: what a link has elsewhere would get into the profile."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(opened, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            is_file = stat.S_ISREG(os.fstat(opened).st_mode)
            inside = Path(f"/proc/self/fd/{opened}").readlink().is_relative_to(folder)
            return file.read(_LARGE) if is_file and inside else ""
    except OSError:
        return ""
