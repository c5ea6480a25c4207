"""The refs of a repository, read as plain files and written anew, without git."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from robenv.paths import open_folder

HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAME = re.compile(r"refs(?:/(?!\.)[^\x00-\x20~^:?*\[\\\x7f/]+)+")
"""git-check-ref-format(1), as far as it keeps a name inside of its folder."""
_MANY, _DEEP = 100_000, 40
_OURS = re.compile(r"refs/(?!replace/)")
"""An object that stands for another one is not what the commit names."""


@dataclass
class Refs:
    """``hashes`` and ``links``: by name, what a ref is, or which other ref. ``head`` is either."""

    head: str
    hashes: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    @property
    def branch(self) -> str:
        """The branch that HEAD is; "" for none."""
        return self.head.removeprefix("refs/heads/") if self.head.startswith("refs/heads/") else ""

    def write(self, folder: Path) -> None:
        """Into a git folder of one's own."""
        (folder / "HEAD").write_bytes(
            os.fsencode(self.head if HASH.fullmatch(self.head) else f"ref: {self.head}") + b"\n"
        )
        lines = sorted((os.fsencode(name), value.encode()) for name, value in self.hashes.items())
        packed = b"".join(value + b" " + name + b"\n" for name, value in lines)
        (folder / "packed-refs").write_bytes(b"# pack-refs with: sorted \n" + packed)
        for name, target in self.links.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(os.fsencode(f"ref: {target}\n"))


def read_refs(folder: int, head: bytes | None, packed: bytes | None) -> Refs | str:
    """The refs of the open git folder; in words why they cannot be read. Raises OSError."""
    first = _target(head or b"")
    if not first:
        return "its HEAD is no ref and no commit"
    refs = Refs(first, hashes=dict(_packed(os.fsdecode(packed or b""))))
    if len(refs.hashes) > _MANY or not _add_loose(open_folder(folder, "refs"), "refs", refs, _DEEP):
        return f"it has more than {_MANY} refs, or too deep ones"
    return refs


def _target(data: bytes) -> str:
    """What a ref's file says: another ref, or an object; "" for neither."""
    text = os.fsdecode(data).strip()
    name = text.removeprefix("ref:").strip()
    if name != text:
        return name if _is_name(name) else ""
    return text if HASH.fullmatch(text) else ""


def _is_name(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and ".." not in name and not name.endswith(".lock") and len(name) < 1000


def _packed(text: str) -> Mapping[str, str]:
    found = {}
    for line in text.split("\n"):
        value, _, name = line.partition(" ")
        if HASH.fullmatch(value) and _is_name(name) and _OURS.match(name):
            found[name] = value
    return found


def _add_loose(folder: int, above: str, refs: Refs, deep: int) -> bool:
    """Adds what lies in the open folder, which is closed; False where that is too much."""
    try:
        for name in os.listdir(folder):
            full = f"{above}/{name}"
            if not _is_name(full) or not _OURS.match(f"{full}/"):
                continue
            try:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                inside = open_folder(folder, name) if stat.S_ISDIR(status.st_mode) else -1
                data = _read(folder, name) if stat.S_ISREG(status.st_mode) else b""
            except OSError:
                continue  # Somebody works in it just now.
            if inside >= 0 and not _add_loose(inside, full, refs, deep - 1):
                return False
            _add(full, data, refs)
            if deep < 0 or len(refs.hashes) + len(refs.links) > _MANY:
                return False
    finally:
        os.close(folder)
    return True


def _add(name: str, data: bytes, refs: Refs) -> None:
    target = _target(data)
    if HASH.fullmatch(target):
        refs.hashes[name] = target
    elif target:
        refs.links[name] = target
        refs.hashes.pop(name, None)


def _read(folder: int, name: str) -> bytes:
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        return os.read(file, 4096) if stat.S_ISREG(os.fstat(file).st_mode) else b""
    finally:
        os.close(file)
