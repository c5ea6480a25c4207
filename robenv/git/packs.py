"""Commits without their past as packs: git's own form, in which it checks itself. How they go from one repository to
another one that has no way to it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from robenv.git.command import Git, GitFailed

_HARMLESS = (
    "badDate", "badDateOverflow", "badEmail", "badFilemode", "badName", "badTimezone", "missingAuthor",
    "missingCommitter", "missingEmail", "missingNameBeforeEmail", "missingSpaceBeforeDate", "missingSpaceBeforeEmail",
    "missingTagEntry", "missingTaggerEntry", "multipleAuthors", "nulInCommit", "zeroPaddedDate", "zeroPaddedFilemode",
)  # fmt: skip
"""What git calls faults of objects (git-fsck(1)) and is none of safety: words about who and when, and modes, which are
looked at here. Old repositories of good name have such. Git 2.25 knows all of these; a name that it does not know, it
would refuse."""

CHECKED = (
    "-c", "fetch.fsckObjects=true", "-c", "transfer.fsckObjects=true",
    *(word for one in _HARMLESS for word in ("-c", f"fetch.fsck.{one}=ignore")),
)  # fmt: skip
"""Settings with which git looks at what it fetches: no name twice, none that leaves, nothing half."""

TIMEOUT = 3600
"""Seconds for all of a large repository."""


def in_clone(folder: Path) -> tuple[str, ...]:
    """The words by which git works in a clone."""
    return ("-C", str(folder))


def in_bare(folder: Path) -> tuple[str, ...]:
    """The words by which git works in a repository that nothing is checked out from."""
    return ("--git-dir", str(folder))


def object_format(commit: str) -> tuple[str, ...]:
    """What `git init` has to be told, so that a repository can hold this commit."""
    return ("--object-format=sha256",) if len(commit) == 64 else ()


def write_pack(git: Git, url: str, here: Sequence[str], names: Sequence[str], target: Path) -> None:
    """Commits and tags by their ``names``, with all files, from the repository ``here``. Raises GitFailed."""
    here = ("--no-replace-objects", *here)
    words = ("rev-list", "--objects", "--no-walk", "--end-of-options", *names)
    listed = git.run(url, *here, *words, timeout=TIMEOUT)
    with target.open("wb") as file:
        words = ("pack-objects", "--stdout", "--quiet")
        git.run(url, *here, *words, given=listed.encode(), target=file, timeout=TIMEOUT)


def take_pack(git: Git, url: str, here: Sequence[str], commit: str, source: Path) -> None:
    """Takes in what ``write_pack`` wrote. Raises GitFailed where that is not all of ``commit``, or git faults it."""
    strict = ",".join(f"{one}=ignore" for one in _HARMLESS)
    with tempfile.NamedTemporaryFile("w", prefix="robenv-") as past, source.open("rb") as file:
        # Strictly taken, all that objects name has to be there: but the commit comes without its past.
        past.write(f"{commit}\n")
        past.flush()
        words = ("--shallow-file", past.name, *here, "index-pack", "--stdin", f"--strict={strict}")
        try:
            git.run(url, *words, given=file, timeout=TIMEOUT)
        except GitFailed as error:
            if not error.details:
                raise
            raise GitFailed(_not_so(url, commit), details=error.details) from error
    if not is_whole(git, url, here, commit):
        raise GitFailed(_not_so(url, commit))


def _not_so(url: str, commit: str) -> str:
    return f"the files of {url} at {commit[:12]} are not what they should be"


def is_whole(git: Git, url: str, here: Sequence[str], commit: str) -> bool:
    """Whether the repository has the commit, and every file of it."""
    words = ("rev-list", "--objects", "--no-walk", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    try:
        git.run(url, *here, *words, silent=True, timeout=TIMEOUT)
    except GitFailed:
        return False
    return True


def ask(url: str, here: Sequence[str], *words: str) -> str:
    """What git says of the repository ``here``; "" where it says no."""
    try:
        return Git().run(url, *here, *words, silent=True).strip()
    except GitFailed:
        return ""
