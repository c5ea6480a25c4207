"""The repositories of a workspace: found at their origins, and cloned from there by the user's own git."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from robenv.engine.under_way import side_by_side
from robenv.errors import OperationFailed, Problem
from robenv.host.git_view import Unreadable, View, view
from robenv.profile.excerpt import safe
from robenv.share import packs
from robenv.share.carried import carried_here, check_out, clone_kept
from robenv.share.placing import placed
from robenv.share.repos import Entry
from robenv.share.run_git import Git, GitAsks, GitAway, GitFailed

_AT_ONCE = 4
"""Repositories that are asked for side by side."""

Result = TypeVar("Result")
Work = Callable[[Entry, bool], Result]
"""With an entry; True: git is not to ask at a terminal, since others may do so at the same time."""


def find_commits(entries: Sequence[Entry], git: Git) -> dict[str, str]:
    """By source, the commit that it means at its origin now; nothing is fetched. Raises OperationFailed with all that
    cannot be asked."""
    problems: list[Problem] = []
    found = _each(entries, lambda entry, silent: _find(entry, git, silent), git, problems)
    _raise(problems, "be asked for")
    return {entry.source: commit for entry, commit in found}


def _find(entry: Entry, git: Git, silent: bool) -> str:
    version = entry.version
    # A tag before a branch of the same name, as git itself has it; ^{} is the commit of a tag with a message.
    names = [f"refs/tags/{version}^{{}}", f"refs/tags/{version}", f"refs/heads/{version}"] if version else ["HEAD"]
    said = git.run(entry.url, "ls-remote", "--quiet", "--", entry.url, *names, silent=silent)
    there = {name: commit for commit, _, name in (line.partition("\t") for line in said.splitlines())}
    for name in names:
        if name in there:
            return there[name]
    what = f"branch or tag {version}" if version else "default branch"
    raise GitFailed(
        f"{entry.url}: there is no {what}",
        hint=f"`git ls-remote {shlex.quote(entry.url)}` shows those that there are; "
        "a commit is to be written out in full",
    )


def bring(
    entries: Iterable[Entry], folder: Path, pins: Mapping[str, str], git: Git, note: Callable[[str], None]
) -> dict[str, str]:
    """Clones what is not below ``folder`` yet, at the commits of ``pins`` where these have its source: from what `load`
    has brought, else from its origin. By source, the commit of each that was cloned. What is there stays as it is, and
    a note says where it differs.

    Raises OperationFailed with all that cannot be had, the others brought.
    """
    problems: list[Problem] = []
    missing = []
    for entry in entries:
        if (folder / entry.path).is_dir():
            _compare(entry, folder / entry.path, pins.get(entry.source, ""), note, problems)
        else:
            missing.append(entry)

    def clone(entry: Entry, silent: bool) -> str:
        pin = pins.get(entry.source, "")
        if carried := carried_here(entry, entry.commit or pin):
            note(f"taking {entry.source} into {entry.path} from what `robenv load` has brought")
            try:
                clone_kept(carried, folder / entry.path, folder.parent)
            except GitFailed as error:
                note(f"it is not whole any more: {error.message}; loading the file once more mends that")
            else:
                return carried.commit
        note(f"fetching {entry.source} into {entry.path}")
        return _clone(entry, folder, pin, git, silent)

    brought = _each(missing, clone, git, problems)
    _raise(problems, "be had")
    return {entry.source: commit for entry, commit in brought}


def _each(
    entries: Sequence[Entry], work: Work[Result], git: Git, problems: list[Problem]
) -> list[tuple[Entry, Result]]:
    """Side by side, and whatever wants an answer from somebody at the terminal once more, one after the other."""

    def quiet(entry: Entry) -> Result | GitFailed | OSError:
        return _or_why(work, entry, True)

    done = []
    for entry, result in zip(entries, side_by_side(entries, quiet, _AT_ONCE), strict=True):
        if isinstance(result, GitAsks) and sys.stdin.isatty():
            result = _or_why(work, entry, False)
        if isinstance(result, (GitFailed, OSError)):
            problems.append(problem_of(entry, result, git))
        else:
            done.append((entry, result))
    return done


def _or_why(work: Work[Result], entry: Entry, silent: bool) -> Result | GitFailed | OSError:
    try:
        return work(entry, silent)
    except (GitFailed, OSError) as error:
        return error


def problem_of(entry: Entry, error: GitFailed | OSError, git: Git) -> Problem:
    """What became of an entry, at its place."""
    if isinstance(error, OSError):
        return Problem(f"{entry.path} cannot be made: {error.strerror} ({error.filename})", entry.location)
    hint = error.hint
    if isinstance(error, GitAway):
        mirror = git.told(entry.url)
        hint = f"it was asked for by its mirror, {mirror}" if mirror else "`mirrors.git` names another place for it"
        hint = f"once it answers, the same command goes on with what is missing; {hint}"
    return Problem(f"{entry.path}: {error.message}", entry.location, hint)


def _raise(problems: list[Problem], what: str) -> None:
    if problems:
        count = "a repository" if len(problems) == 1 else f"{len(problems)} repositories"
        raise OperationFailed(f"{count} of the workspace cannot {what}", problems=tuple(problems))


def _clone(entry: Entry, folder: Path, pin: str, git: Git, silent: bool) -> str:
    """The commit that it is at. ``folder`` itself may not be a link either: it lies in what a container can write."""
    with placed(folder.parent, f"{folder.name}/{entry.path}") as new:
        here = packs.in_clone(new)

        def run(*arguments: str) -> str:
            return git.run(entry.url, *here, *arguments, silent=silent, timeout=packs.TIMEOUT).strip()

        words = ("clone", "--quiet", "--no-checkout", "--no-local", "--", entry.url, str(new))
        git.run(entry.url, *words, silent=silent, timeout=packs.TIMEOUT)
        commit = pin or _meant(entry, new)
        if not _knows(entry, new, commit):
            _fetch(entry, commit, run)
        refs = (f"refs/tags/{entry.version}", f"refs/remotes/origin/{entry.version}")
        tag, branch = (_asked(entry, new, "rev-parse", "--verify", "--quiet", ref) for ref in refs)
        if not entry.version:
            run("reset", "--quiet", "--hard", commit)
        else:
            check_out(git, entry.url, here, "" if tag or not branch else entry.version, commit, silent)
    return commit


def _meant(entry: Entry, clone: Path) -> str:
    """The commit in a fresh clone that the entry's version means."""
    version = entry.version
    names = (f"refs/tags/{version}", f"refs/remotes/origin/{version}", version) if version else ("HEAD",)
    for name in names:
        if found := _asked(entry, clone, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"):
            return found
    raise GitFailed(
        f"{entry.url}: there is no such branch, tag or commit: {version or 'it is empty'}",
        hint=f"`git ls-remote {shlex.quote(entry.url)}` shows branches and tags",
    )


def _fetch(entry: Entry, commit: str, run: Callable[..., str]) -> None:
    """A commit that no branch and no tag leads to any more; many servers still have it."""
    try:
        run("fetch", "--quiet", "--no-tags", "origin", commit)
    except (GitAway, GitAsks):
        raise
    except GitFailed as error:
        raise GitFailed(
            f"{entry.url} has no commit {commit[:12]}" + (f" any more (it was {entry.version})" * (not entry.commit)),
            details=error.details,
            hint="`robenv update repos` takes what is there now",
        ) from error


def _compare(entry: Entry, target: Path, pin: str, note: Callable[[str], None], problems: list[Problem]) -> None:
    if not os.path.lexists(target / ".git"):
        if any(target.iterdir()):
            message = f"{target} is in the way: it is no git repository"
            problems.append(Problem(message, entry.location, "move it away, or take the entry out"))
        else:
            problems.append(Problem(f"{target} is in the way: it is empty", entry.location, f"rmdir {target}"))
        return
    try:
        with view(str(target), os.environ) as clone:
            if differs := _difference(entry, clone, pin):
                note(f"{differs}: left as it is")
    except Unreadable as error:
        note(f"{entry.path} cannot be compared, since {error}: left as it is")


def _difference(entry: Entry, clone: View, pin: str) -> str:
    """How a clone is not what is wanted; "" for as it should be."""
    if clone.origin != entry.url:
        return f"{entry.path} comes from {safe(clone.origin) or 'nowhere'}, not from {entry.url}"
    head, on_branch = clone.commit("HEAD"), clone.branch == entry.version or not entry.version
    if pin and on_branch:
        # Whoever works there may be further on, but not back.
        if clone.ask("merge-base", pin, "HEAD").strip() != pin:
            return f"{entry.path} is at {head[:12]}, and the lock has {pin[:12]} of {safe(clone.branch) or 'HEAD'}"
    elif not on_branch and head != (pin or clone.commit(f"{entry.version}^{{commit}}")):
        held = f" ({pin[:12]} by the lock)" if pin else ""
        return f"{entry.path} is at {head[:12]}, not at {entry.version}{held}"
    return ""


def differences(entries: Iterable[Entry], folder: Path, pins: Mapping[str, str]) -> tuple[Problem, ...]:
    """Of what is below ``folder``, that which is not at the lock's commit."""
    problems = []
    for entry in entries:
        target, commit = folder / entry.path, entry.commit or pins.get(entry.source, "")
        if not commit or not os.path.lexists(target / ".git"):
            continue
        try:
            with view(str(target), os.environ) as clone:
                head = clone.commit("HEAD")
        except Unreadable as error:
            hint = "move it away, and the next `up` clones it anew"
            problems.append(Problem(f"{entry.path} cannot be compared with the lock: {error}", entry.location, hint))
            continue
        if head != commit:
            message = f"{entry.path} is at {head[:12] or 'no commit'}, and the lock has {commit[:12]}"
            hint = f"`git -C {shlex.quote(str(target))} checkout {commit[:12]}`, after a `git fetch` if need be"
            problems.append(Problem(message, entry.location, hint))
    return tuple(problems)


def _knows(entry: Entry, clone: Path, commit: str) -> bool:
    return bool(_asked(entry, clone, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"))


def _asked(entry: Entry, clone: Path, *arguments: str) -> str:
    """What git says of a clone that is being made, where nobody else writes; "" where it says no."""
    return packs.ask(entry.url, packs.in_clone(clone), *arguments)
