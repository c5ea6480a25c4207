"""How the clones of a workspace differ from what its .repos files and its lock say."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from robenv.errors import Problem
from robenv.git.workspace.repos_file import RepositoryEntry
from robenv.git.workspace.versions import names_in_clone
from robenv.host.git.addresses import is_same_repository, without_login
from robenv.host.git.view import GitView, UnreadableRepository, git_view
from robenv.paths import link_target
from robenv.util.sanitize import safe


def tell_difference(entry: RepositoryEntry, target: Path, pin: str, note: Callable[[str], None]) -> None:
    """Notes how what is at an entry's place is not what is wanted."""
    if not os.path.lexists(target / ".git"):
        note(f"{entry.path} is {_described(target)}, and no git repository: left as it is, not compared")
        return
    try:
        with git_view(str(target), os.environ) as clone:
            if differs := _difference(entry, clone, pin):
                note(f"{differs}: left as it is")
    except UnreadableRepository as error:
        note(f"{entry.path} cannot be compared, since {error}: left as it is")


def _described(target: Path) -> str:
    if target.is_symlink():
        return f"a link to {safe(link_target(str(target)))}"
    return "a folder" if target.is_dir() else "a file"


def _difference(entry: RepositoryEntry, clone: GitView, pin: str) -> str:
    """How a clone is not what is wanted; "" for as it should be."""
    if not is_same_repository(clone.origin, entry.url):
        origin = safe(without_login(clone.origin)) or "nowhere"
        return f"{entry.path} comes from {origin}, not from {without_login(entry.url)}"
    head, on_branch = clone.commit("HEAD"), clone.branch == entry.version or not entry.version
    if pin and on_branch:
        # Whoever works there may be further on, but not back.
        if clone.ask("merge-base", pin, "HEAD").strip() != pin:
            return f"{entry.path} is at {head[:12]}, and the lock has {pin[:12]} of {safe(clone.branch) or 'HEAD'}"
    elif not on_branch and head != (_peeled(clone, pin) or _meant(clone, entry)):
        held = f" ({pin[:12]} by the lock)" if pin else ""
        return f"{entry.path} is at {head[:12]}, not at {entry.version}{held}"
    return ""


def _meant(clone: GitView, entry: RepositoryEntry) -> str:
    found = (clone.commit(f"{name}^{{commit}}") for name in names_in_clone(entry))
    return next(filter(None, found), "")


def _peeled(clone: GitView, name: str) -> str:
    """The commit that a name or an object means; what the clone does not know stays as it is, so that it differs."""
    return (clone.commit(f"{name}^{{commit}}") or name) if name else ""


def differences(entries: Iterable[RepositoryEntry], folder: Path, pins: Mapping[str, str]) -> tuple[Problem, ...]:
    """Of what is below ``folder``, that which is not at the lock's commit."""
    problems = []
    for entry in entries:
        target, wanted = folder / entry.path, entry.commit or pins.get(entry.source, "")
        if not wanted or not os.path.lexists(target):
            continue
        hint = "move it away, and the next `up` clones it anew"
        if not os.path.lexists(target / ".git"):
            message = (
                f"{entry.path} cannot be compared with the lock: it is {_described(target)}, and no git repository"
            )
            problems.append(Problem(message, entry.location, hint))
            continue
        try:
            with git_view(str(target), os.environ) as clone:
                head, commit = clone.commit("HEAD"), _peeled(clone, wanted)
        except UnreadableRepository as error:
            problems.append(Problem(f"{entry.path} cannot be compared with the lock: {error}", entry.location, hint))
            continue
        if head != commit:
            message = f"{entry.path} is at {head[:12] or 'no commit'}, and the lock has {commit[:12]}"
            hint = f"`git -C {shlex.quote(str(target))} checkout {commit[:12]}`, after a `git fetch` if need be"
            problems.append(Problem(message, entry.location, hint))
    return tuple(problems)
