"""What the version of an entry means: a branch, a tag, a commit, or any expression that git takes for one."""

from __future__ import annotations

import shlex
from pathlib import Path

from robenv.git import packs
from robenv.git.command import Git, GitFailed, GitNeedsCredentials, GitUnreachable
from robenv.git.placing import private_folder
from robenv.git.workspace.repos_file import RepositoryEntry
from robenv.host.git.addresses import without_login

_REMOTE = "refs/remotes/origin/"
_FETCHED = "FETCH_HEAD"


def find_commit(entry: RepositoryEntry, git: Git, silent: bool) -> str:
    """The commit that an entry means at its origin now. Raises GitFailed."""
    version = entry.version
    if version and not entry.is_name:
        return _find_by_history(entry, git, silent)
    # A tag before a branch of the same name, as git itself has it; ^{} is the commit of a tag with a message.
    names = [f"refs/tags/{version}^{{}}", f"refs/tags/{version}", f"refs/heads/{version}"] if version else ["HEAD"]
    names += [f"{version}^{{}}", version] if version.startswith("refs/") else []
    said = git.run(entry.url, "ls-remote", "--quiet", "--", entry.url, *names, silent=silent)
    there = {name: commit for commit, _, name in (line.partition("\t") for line in said.splitlines())}
    for name in names:
        if name in there:
            return there[name]
    if not version:
        raise GitFailed(f"{entry.url}: there is no default branch", hint=_look(entry))
    return _find_by_history(entry, git, silent)


def _find_by_history(entry: RepositoryEntry, git: Git, silent: bool) -> str:
    """Asks git itself, with all commits at hand and, where the server can leave them out, none of the files."""
    with private_folder() as new:
        words = ("clone", "--quiet", "--bare", "--filter=tree:0", "--", entry.url, str(new))
        git.run(entry.url, *words, silent=silent, timeout=packs.TIMEOUT)
        here = packs.in_bare(new)
        version = entry.version.removeprefix("origin/")
        return _resolved(entry, here, (entry.version, version)) or _fetched(entry, git, here, silent)


def commit_in_clone(entry: RepositoryEntry, clone: Path, git: Git, silent: bool) -> str:
    """The commit that the entry means in a fresh clone, fetched where no branch and no tag leads to it.
    Raises GitFailed."""
    here = packs.in_clone(clone)
    return _resolved(entry, here, names_in_clone(entry)) or _fetched(entry, git, here, silent)


def names_in_clone(entry: RepositoryEntry) -> tuple[str, ...]:
    """What the version of an entry may be called in a clone, the likeliest first."""
    version = entry.version
    branch = version.removeprefix("refs/").removeprefix("heads/")
    return (f"refs/tags/{version}", f"{_REMOTE}{version}", version, f"{_REMOTE}{branch}") if version else ("HEAD",)


def _resolved(entry: RepositoryEntry, here: tuple[str, ...], names: tuple[str, ...]) -> str:
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options")
    found = (packs.ask(entry.url, here, *words, f"{name}^{{commit}}") for name in names)
    return next(filter(None, found), "")


def _fetched(entry: RepositoryEntry, git: Git, here: tuple[str, ...], silent: bool) -> str:
    """A ref that a clone does not bring, or a commit that none leads to; many servers give it where it is named."""
    if entry.commit or entry.version.startswith("refs/"):
        try:
            words = (*here, "fetch", "--quiet", "--no-tags", "origin", entry.version)
            git.run(entry.url, *words, silent=silent, timeout=packs.TIMEOUT)
        except (GitUnreachable, GitNeedsCredentials):
            raise
        except GitFailed as error:
            raise GitFailed(_missing(entry), details=error.details, hint=_look(entry)) from error
        if found := _resolved(entry, here, (entry.version, _FETCHED)):
            return found
    raise GitFailed(_missing(entry), hint=_look(entry))


def _missing(entry: RepositoryEntry) -> str:
    if not entry.version:
        return f"{entry.url} is empty: it has no commit"
    return f"{entry.url}: there is no such branch, tag or commit: {entry.version}"


def _look(entry: RepositoryEntry) -> str:
    return (
        f"`git ls-remote {shlex.quote(without_login(entry.url))}` shows branches and tags; "
        "a commit that none of them leads to is to be written out in full"
    )
