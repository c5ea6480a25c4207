"""What the user has allowed profiles that are not their own: one small file for each, kept per user, never a cache.

An approval is given to a source and a list of powers, and its file is named by a digest over both: robenvs that approve
at once write the same file or different ones, and revoking is removing files. Shorter lists are within a longer one's.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from robenv.errors import OperationFailed
from robenv.paths import BROKEN_NOTE, state_folder, write_atomically

_MAX_BYTES = 4 << 20
"""Of an approval's file."""


@dataclass(frozen=True)
class Approval:
    source: str
    powers: tuple[str, ...]
    since: str
    """``2026-11-01T12:00:00Z``"""
    path: str
    """Its file."""
    content: str = ""
    """What was there when it was given: ``commit 1a2b…`` or ``sha256 1a2b…``; "" where that was not noted."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def own_uids() -> frozenset[int]:
    """Whose files count as the user's own: this user's, root's, and under sudo those of the one who called it."""
    uid = os.geteuid()
    caller = os.environ.get("SUDO_UID", "") if uid == 0 else ""
    return frozenset({uid, 0, *([int(caller)] if caller.isascii() and caller.isdigit() else [])})


def approvals() -> list[Approval]:
    """All of this user's, by source and time. What somebody else could have written, or nobody can read, is none."""
    folder = Path(state_folder()) / "approvals"
    try:
        paths = sorted(folder.glob("*.json"))
    except OSError:
        return []
    found = [_read(path) for path in paths]
    return sorted((one for one in found if one), key=lambda one: (one.source, one.since))


def _read(path: Path) -> Approval | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            about = os.fstat(handle)
            document = json.loads(file.read(_MAX_BYTES))
        source, powers, since = document["source"], tuple(document["powers"]), document["since"]
        content = document.get("content", "")
    except BROKEN_NOTE:
        return None
    if not stat.S_ISREG(about.st_mode) or about.st_uid not in own_uids() or about.st_mode & 0o077:
        return None
    texts = (source, since, content, *powers)
    if not all(isinstance(text, str) for text in texts) or path.name != _name(source, powers):
        return None
    return Approval(source, powers, since, str(path), content)


def _name(source: str, powers: Sequence[str]) -> str:
    content = json.dumps([source, sorted(powers)], separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest() + ".json"


def approval_of(source: str, powers: Sequence[str]) -> Approval | None:
    """An approval that has all of these powers for ``source``."""
    wanted = set(powers)
    return next(
        (approval for approval in approvals() if approval.source == source and wanted <= set(approval.powers)), None
    )


def approve(source: str, powers: Sequence[str], content: str = "") -> Approval:
    """Write down that the user allows ``source`` these powers. ``content``: what it is now.

    Raises OperationFailed where that cannot be kept.
    """
    path = Path(state_folder()) / "approvals" / _name(source, powers)
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    document = {"source": source, "powers": list(powers), "since": since, "content": content}
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(str(path), json.dumps(document, indent=1).encode(), mode=0o600)
    except OSError as error:
        hint = "make that folder writable, or name another one in XDG_STATE_HOME"
        raise OperationFailed(f"the approval cannot be kept: {error.strerror} ({path.parent})", hint=hint) from error
    return Approval(source, tuple(powers), since, str(path), content)


def revoke(source: str) -> int:
    """Takes back every approval of ``source``; how many there were."""
    gone = [approval for approval in approvals() if approval.source == source]
    for one in gone:
        Path(one.path).unlink(missing_ok=True)
    return len(gone)
