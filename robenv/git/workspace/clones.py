"""The repositories of a workspace: found at their origins, and cloned from there by the user's own git."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from robenv.errors import OperationFailed, Problem
from robenv.git import packs
from robenv.git.command import Git, GitFailed, GitNeedsCredentials, GitUnreachable
from robenv.git.placing import is_free, placed
from robenv.git.profile_cache import CachedRepository
from robenv.git.workspace.clones_in import carried_here, check_out, clone_kept
from robenv.git.workspace.differences import tell_difference
from robenv.git.workspace.repos_file import RepositoryEntry
from robenv.git.workspace.submodules import bring_submodules, submodule_paths, tell_of_lfs, tell_of_submodules
from robenv.git.workspace.versions import commit_in_clone, find_commit
from robenv.util.concurrency import side_by_side

_AT_ONCE = 4
"""Repositories that are asked for side by side."""

Result = TypeVar("Result")
Work = Callable[[RepositoryEntry, bool], Result]
"""With an entry; True: git is not to ask at a terminal, since others may do so at the same time."""


class RepositoriesMissing(OperationFailed):
    """Some repositories cannot be had. ``brought``: by source, the commits of those that came."""

    def __init__(self, message: str, problems: tuple[Problem, ...], brought: Mapping[str, str]) -> None:
        super().__init__(message, problems=problems)
        self.brought = brought


def find_commits(entries: Sequence[RepositoryEntry], git: Git) -> dict[str, str]:
    """By source, the commit that it means at its origin now; nothing is fetched. Raises OperationFailed with all that
    cannot be asked."""
    problems: list[Problem] = []
    found = _each(entries, lambda entry, silent: find_commit(entry, git, silent), git, problems)
    _raise(problems, "be asked for")
    return {entry.source: commit for entry, commit in found}


def bring(
    entries: Iterable[RepositoryEntry], folder: Path, pins: Mapping[str, str], git: Git, note: Callable[[str], None]
) -> dict[str, str]:
    """Clones what is not below ``folder`` yet, at the commits of ``pins`` where these have its source: from what `load`
    has brought, else from its origin. By source, the commit of each that was cloned. What is there stays as it is, and
    a note says where it differs.

    Raises NotAllBrought with all that cannot be had, the others brought.
    """
    problems: list[Problem] = []
    missing = []
    for entry in entries:
        if is_free(folder / entry.path):
            missing.append(entry)
        else:
            tell_difference(entry, folder / entry.path, pins.get(entry.source, ""), note)

    def clone(entry: RepositoryEntry, silent: bool) -> str:
        pin = pins.get(entry.source, "")
        if carried := carried_here(entry, entry.commit or pin):
            note(f"taking {entry.source} into {entry.path} from what `robenv load` has brought")
            try:
                clone_kept(carried, folder / entry.path, folder.parent)
            except GitFailed as error:
                note(f"it is not whole any more: {error.message}; loading the file once more mends that")
            else:
                cache = CachedRepository(entry.url, note).here
                tell_of_submodules(entry, submodule_paths(entry.url, cache, carried.commit), folder, note)
                return carried.commit
        note(f"fetching {entry.source} into {entry.path}")
        return _clone(entry, folder, pin, git, note, silent)

    brought = {entry.source: commit for entry, commit in _each(missing, clone, git, problems)}
    _raise(problems, "be had", brought)
    return brought


def _each(
    entries: Sequence[RepositoryEntry], work: Work[Result], git: Git, problems: list[Problem]
) -> list[tuple[RepositoryEntry, Result]]:
    """Side by side, and whatever wants an answer from somebody at the terminal once more, one after the other."""

    def quiet(entry: RepositoryEntry) -> Result | GitFailed | OSError:
        return _or_why(work, entry, True)

    done = []
    for entry, result in zip(entries, side_by_side(entries, quiet, _AT_ONCE), strict=True):
        if isinstance(result, GitNeedsCredentials) and sys.stdin.isatty():
            result = _or_why(work, entry, False)
        if isinstance(result, (GitFailed, OSError)):
            problems.append(problem_of(entry, result, git))
        else:
            done.append((entry, result))
    return done


def _or_why(work: Work[Result], entry: RepositoryEntry, silent: bool) -> Result | GitFailed | OSError:
    try:
        return work(entry, silent)
    except (GitFailed, OSError) as error:
        return error


def problem_of(entry: RepositoryEntry, error: GitFailed | OSError, git: Git) -> Problem:
    """What became of an entry, at its place."""
    if isinstance(error, OSError):
        return Problem(f"{entry.path} cannot be made: {error.strerror} ({error.filename})", entry.location)
    hint = error.hint
    if isinstance(error, GitUnreachable):
        mirror = git.told(entry.url)
        hint = f"it was asked for by its mirror, {mirror}" if mirror else "`mirrors.git` names another place for it"
        hint = f"once it answers, the same command goes on with what is missing; {hint}"
    return Problem(f"{entry.path}: {error.message}", entry.location, hint)


def _raise(problems: list[Problem], what: str, brought: Mapping[str, str] = MappingProxyType({})) -> None:
    if problems:
        count = "a repository" if len(problems) == 1 else f"{len(problems)} repositories"
        raise RepositoriesMissing(f"{count} of the workspace cannot {what}", tuple(problems), brought)


def _clone(entry: RepositoryEntry, folder: Path, pin: str, git: Git, note: Callable[[str], None], silent: bool) -> str:
    """The commit that it is at. ``folder`` itself may not be a link either: it lies in what a container can write."""
    with placed(folder.parent, f"{folder.name}/{entry.path}") as new:
        here = packs.in_clone(new)

        def run(*arguments: str) -> str:
            return git.run(entry.url, *here, *arguments, silent=silent, timeout=packs.TIMEOUT).strip()

        words = ("clone", "--quiet", "--no-checkout", "--no-local", "--", entry.url, str(new))
        git.run(entry.url, *words, silent=silent, timeout=packs.TIMEOUT)
        commit = pin or commit_in_clone(entry, new, git, silent)
        if not _asked(entry, new, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"):
            _fetch(entry, commit, run)
        refs = (f"refs/tags/{entry.version}", f"refs/remotes/origin/{entry.version}")
        tag, branch = (entry.version and _asked(entry, new, "show-ref", "--verify", ref) for ref in refs)
        if not entry.version:
            run("reset", "--quiet", "--hard", commit)
        else:
            check_out(git, entry.url, here, "" if tag or not branch else entry.version, commit, silent)
        lacking = bring_submodules(entry, new, commit, git, silent, note)
        tell_of_submodules(entry, lacking, folder, note)
        tell_of_lfs(entry, new, commit, folder, note)
    return commit


def _fetch(entry: RepositoryEntry, commit: str, run: Callable[..., str]) -> None:
    """A commit that no branch and no tag leads to any more; many servers still have it."""
    try:
        run("fetch", "--quiet", "--no-tags", "origin", commit)
    except (GitUnreachable, GitNeedsCredentials):
        raise
    except GitFailed as error:
        raise GitFailed(
            f"{entry.url} has no commit {commit[:12]}" + (f" any more (it was {entry.version})" * (not entry.commit)),
            details=error.details,
            hint="`robenv update repos` takes what is there now",
        ) from error


def _asked(entry: RepositoryEntry, clone: Path, *arguments: str) -> str:
    """What git says of a clone that is being made, where nobody else writes; "" where it says no."""
    return packs.ask(entry.url, packs.in_clone(clone), *arguments)
