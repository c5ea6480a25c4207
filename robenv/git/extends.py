"""The resolver of git addresses in ``extends``: by the lock where it has them, else from their origin."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from robenv.git.command import Git, GitFailed
from robenv.git.profile_cache import CachedRepository
from robenv.git.references import GitReference, parse_reference
from robenv.profile.chain.extends import SUFFIX, ProfileSource
from robenv.profile.yaml.files import kind_of
from robenv.profile.yaml.nodes import SourceFile
from robenv.profile.yaml.parse_error import BadValue
from robenv.util.sanitize import show


@dataclass
class GitSources:
    """A SourceResolver. ``pinned``: source → commit, as the lock has it; ``used`` gathers those that were looked at.

    ``frozen``: what the lock does not have is refused. ``moving``: sources that are asked for anew.
    """

    pinned: Mapping[str, str] = field(default_factory=dict)
    frozen: bool = False
    moving: Callable[[str], bool] = lambda source: False
    note: Callable[[str], None] = lambda text: None
    used: dict[str, str] = field(default_factory=dict)
    git: Callable[[], Git] = Git
    _roots: dict[tuple[str, str], Path] = field(default_factory=dict)
    """By address and commit, the trees that were held against it: once for all of their profiles."""

    def __call__(self, reference: str, source: SourceFile) -> ProfileSource:
        wanted = parse_reference(reference)
        if wanted.url.startswith("file://") and source.origin == "git":
            raise BadValue("a profile from git cannot name a repository on this machine")
        repository = CachedRepository(wanted.url, self.note, self.git())
        try:
            commit = self._commit(wanted, repository)
            if (root := self._roots.get((wanted.url, commit))) is None:
                root = self._roots[wanted.url, commit] = repository.unpacked(commit)
        except GitFailed as error:
            raise BadValue(
                f"{error.message}" + (f" ({_first(error.details)})" if error.details else ""), error.hint
            ) from None
        path = root / (wanted.profile + SUFFIX)
        name = f"{wanted.source}#{wanted.profile}"
        if kind_of(path) != "file" or not os.path.realpath(path).startswith(os.path.realpath(root) + os.sep):
            hint = f"there are {', '.join(_profiles(root))}" if _profiles(root) else ""
            raise BadValue(f"{show(wanted.source)} has no profile {show(wanted.profile + SUFFIX)}", hint)
        return ProfileSource(path, "git", name, root, display=name + SUFFIX)

    def _commit(self, wanted: GitReference, repository: CachedRepository) -> str:
        known = self.used.get(wanted.source)
        if known is not None:
            return known
        pinned = self.pinned.get(wanted.source)
        if pinned is not None and not self.moving(wanted.source):
            repository.fetch(pinned, wanted.ref)
        elif self.frozen:
            raise GitFailed(f"robenv.lock does not have {wanted.source}", hint="`robenv lock` adds it")
        else:
            pinned = repository.resolve(wanted)
        self.used[wanted.source] = pinned
        return pinned


def _first(details: str) -> str:
    return next((line.strip() for line in details.splitlines() if line.strip()), "")


def _profiles(root: os.PathLike[str]) -> list[str]:
    """Some of the profiles of a repository, for a hint."""
    found: list[str] = []
    for folder, folders, files in os.walk(root):
        folders.sort()
        inside = os.path.relpath(folder, root)
        found += [os.path.normpath(f"{inside}/{name}") for name in sorted(files) if name.endswith(SUFFIX)]
        if len(found) > 8:
            break
    return found[:8]
