"""Which commit a folder is at, as the user's own git tells it of a view of the repository: robenv.host.git.view."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from robenv.host.git.addresses import without_login
from robenv.host.git.view import GitView, UnreadableRepository, find_repository, git_view


@dataclass(frozen=True)
class Revision:
    """Texts are "" where there is none."""

    commit: str = ""
    time: int = 0
    """The commit's, in seconds since 1970."""
    dirty: bool = False
    """Whether what was asked about differs from the commit, or nobody can say."""
    origin: str = ""
    """The remote's address, without a login."""
    tag: str = ""
    """The nearest tag, with what came after it: ``1.2.0-3-gabcdef0``."""


def read_revision(folder: str, paths: Sequence[str], environ: Mapping[str, str]) -> Revision:
    """The revision of ``folder``; ``paths`` are those that may differ from it. Empty where git knows of none: no git,
    no repository, one that cannot be read."""
    top = find_repository(folder, environ)
    if not top:
        return Revision()
    try:
        with git_view(top, environ) as seen:
            return _revision(seen, paths)
    except UnreadableRepository:
        return Revision()


def _revision(seen: GitView, paths: Sequence[str]) -> Revision:
    commit, _, time = seen.ask("log", "-1", "--no-show-signature", "--format=%H %ct").strip().partition(" ")
    if not re.fullmatch(r"[0-9a-f]{40,64}", commit):
        return Revision()
    there = [_real(path) for path in paths if os.path.lexists(path)]
    return Revision(
        commit=commit,
        time=int(time),
        dirty=bool(there and seen.changes(there)),
        origin=without_login(seen.origin),
        tag=seen.ask("describe", "--tags").strip(),
    )


def _real(path: str) -> str:
    """As git has it: a link is what was committed, and not where it leads."""
    return str(Path(path).parent.resolve() / Path(path).name)
