"""A workspace's repositories before they leave: where git has their commits here, and what stays behind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from robenv.errors import Problem
from robenv.git import packs
from robenv.git.command import Git, GitFailed
from robenv.git.profile_cache import CachedRepository
from robenv.git.workspace.clones import problem_of
from robenv.git.workspace.clones_in import HEADS, TAGS, CarriedCommit
from robenv.git.workspace.repos_file import RepositoryEntry
from robenv.git.workspace.submodules import submodule_paths
from robenv.host.git.addresses import is_same_repository
from robenv.host.git.view import GitView, UnreadableRepository, git_view


@dataclass(frozen=True)
class HeldCommit:
    """An entry's commit, and where git has it here. ``clone``: in the workspace, where a container can write; None: in
    robenv's own cache."""

    entry: RepositoryEntry
    at: CarriedCommit
    clone: Path | None

    def write_pack(self, git: Git, target: Path) -> None:
        """Raises GitFailed."""
        names = (self.at.commit, *((self.at.tag,) if self.at.tag else ()))
        with self._here() as here:
            packs.write_pack(git, self.entry.url, here, names, target)

    def has_filters(self) -> bool:
        """Whether files of it are kept elsewhere, or otherwise, by a filter such as git LFS."""
        words = ("grep", "-l", "-e", "filter=", self.at.commit, "--", ":(glob)**/.gitattributes")
        with self._here() as here:
            return bool(packs.ask(self.entry.url, here, *words))

    def submodules(self) -> list[str]:
        """Where it has submodules, which do not go along."""
        with self._here() as here:
            return submodule_paths(self.entry.url, here, self.at.commit)

    @contextmanager
    def _here(self) -> Iterator[tuple[str, ...]]:
        """The words by which git works where it is."""
        if self.clone is None:
            yield CachedRepository(self.entry.url, lambda text: None).here
            return
        try:
            with git_view(str(self.clone), os.environ) as clone:
                yield clone.here
        except UnreadableRepository as error:
            raise GitFailed(f"{self.clone} is not what it was a moment ago: {error}") from error


def hold(
    entries: Sequence[RepositoryEntry], folder: Path, pins: Mapping[str, str], git: Git, note: Callable[[str], None]
) -> tuple[tuple[HeldCommit, ...], tuple[Problem, ...]]:
    """Finds the commit of each: in its clone below ``folder``, which asks nobody, else at its origin. With them,
    those that cannot be had."""
    held, problems = [], []
    for entry in entries:
        try:
            held.append(_held(entry, folder / entry.path, entry.commit or pins[entry.source], git, note))
        except GitFailed as error:
            problems.append(problem_of(entry, error, git))
    return tuple(held), tuple(problems)


def _held(entry: RepositoryEntry, clone: Path, commit: str, git: Git, note: Callable[[str], None]) -> HeldCommit:
    if os.path.lexists(clone / ".git"):
        try:
            with git_view(str(clone), os.environ) as seen:
                if seen.is_whole(commit):
                    return HeldCommit(entry, _called(entry, commit, _names_here(entry, seen)), clone)
        except UnreadableRepository as error:
            note(f"{entry.path} is taken from its origin, since of its clone {error}")
    repository = CachedRepository(entry.url, note, git)
    repository.fetch(commit, entry.version)
    at = _called(entry, commit, {} if entry.commit else _names_there(entry, git))
    if at.tag:
        repository.fetch(at.tag, entry.version)
    return HeldCommit(entry, at, None)


def _called(entry: RepositoryEntry, commit: str, names: Mapping[str, str]) -> CarriedCommit:
    """``names``: what refs are, as ls-remote tells it; ``HEAD`` is the default branch's own ref."""
    tag, branch = f"{TAGS}{entry.version}", f"{HEADS}{entry.version}"
    if entry.version and not entry.is_name:
        return CarriedCommit(entry.url, commit, "", "")
    if not entry.version:
        default = names.get("HEAD", "")
        return CarriedCommit(entry.url, commit, default, commit if default else "")
    if tag in names or branch not in names:
        same = commit == names.get(f"{tag}^{{}}", names.get(tag))
        return CarriedCommit(entry.url, commit, tag, names[tag] if same else "")
    return CarriedCommit(entry.url, commit, branch, commit)


def _names_here(entry: RepositoryEntry, clone: GitView) -> dict[str, str]:
    tag, branch = f"{TAGS}{entry.version}", f"refs/remotes/origin/{entry.version}"
    asked = {tag: tag, f"{tag}^{{}}": f"{tag}^{{}}", f"{HEADS}{entry.version}": branch}
    found = {name: clone.commit(ref) for name, ref in asked.items()} if entry.version else {}
    default = clone.ask("symbolic-ref", "--quiet", "refs/remotes/origin/HEAD").strip()
    found["HEAD"] = default.replace("refs/remotes/origin/", HEADS) or (clone.branch and HEADS + clone.branch)
    return {name: commit for name, commit in found.items() if commit}


def _names_there(entry: RepositoryEntry, git: Git) -> dict[str, str]:
    version = entry.version
    wanted = (f"{TAGS}{version}", f"{TAGS}{version}^{{}}", f"{HEADS}{version}") if version else ("HEAD",)
    said = git.run(entry.url, "ls-remote", "--symref", "--quiet", "--", entry.url, *wanted)
    found: dict[str, str] = {}
    for line in said.splitlines():
        what, _, name = line.partition("\t")
        found.setdefault(name, what.removeprefix("ref: "))
    return found if found.get("HEAD", HEADS).startswith(HEADS) else {}


def changes(held: HeldCommit, clone: Path) -> str:
    """What of a clone is not in the commit that is carried; "" for nothing."""
    if not os.path.lexists(clone / ".git"):
        return ""
    try:
        with git_view(str(clone), os.environ) as seen:
            head, changed = seen.commit("HEAD"), seen.changes()
    except UnreadableRepository as error:
        return f"not to be compared, since {error}"
    told = [f"at {head[:12] or 'no commit'}, not at {held.at.commit[:12]}"] if head != held.at.commit else []
    if changed:
        told.append(f"{changed} changed file{'s' * (changed > 1)}" if changed > 0 else "files that git cannot compare")
    return ", ".join(told)


def known_here(entry: RepositoryEntry, clone: Path) -> str:
    """The commit that the entry's version was at its origin when the clone last asked; "" where that is not known."""
    version = entry.version
    names = (f"{TAGS}{version}", f"refs/remotes/origin/{version}") if version else ("refs/remotes/origin/HEAD",)
    if not os.path.lexists(clone / ".git"):
        return ""
    try:
        with git_view(str(clone), os.environ) as seen:
            found = (
                [seen.commit(f"{name}^{{commit}}") for name in names]
                if is_same_repository(seen.origin, entry.url)
                else []
            )
    except UnreadableRepository:
        return ""
    return next(filter(None, found), "")
