"""The repositories that a workspace consists of, by the profile's ``workspace.repos``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from robenv.errors import OperationFailed, Problem, ProfileError
from robenv.git.command import git_through
from robenv.git.workspace.clones import bring, find_commits
from robenv.git.workspace.differences import differences
from robenv.git.workspace.repos_file import RepositoryEntry, parse_repos
from robenv.git.workspace.repos_out import HeldCommit, hold, known_here
from robenv.host.project_folder import project_id
from robenv.plan.image.mirrors import mirrors_of
from robenv.profile.chain.extends import display_path
from robenv.profile.resolve.resolved import Resolved
from robenv.profile.yaml.files import BadFile, read_text
from robenv.profile.yaml.nodes import SourceFile
from robenv.util.file_lock import locked


def repositories_of(resolved: Resolved) -> tuple[RepositoryEntry, ...]:
    """What the .repos files of the profile name, each place once. Raises ProfileError with all that is wrong there."""
    if resolved.files is None:
        return ()
    problems: list[Problem] = []
    entries: dict[str, RepositoryEntry] = {}
    for index, name in enumerate(resolved.profile.workspace.repos):
        path = Path(name)
        display = display_path(path, resolved.files.root)
        try:
            text = read_text(path)
        except BadFile as bad:
            where = resolved.locate(("workspace", "repos", index))
            problems.append(Problem(f"{display}: {bad.message}", where, bad.hint))
            continue
        for entry in parse_repos(SourceFile(path, display, display, "project", path.parent, (), text), problems):
            first = entries.setdefault(entry.path, entry)
            if (first.url, first.version) != (entry.url, entry.version):
                message = f"{entry.path} is something else in {first.location.file}:{first.location.line}"
                problems.append(Problem(message, entry.location, "keep one of the two"))
    if problems:
        raise ProfileError("the repositories of the workspace cannot be read", problems=tuple(problems))
    return tuple(entries.values())


def moving_repositories(resolved: Resolved) -> dict[str, RepositoryEntry]:
    """Those that a lock is to hold fast, by their source. Raises ProfileError."""
    return {entry.source: entry for entry in repositories_of(resolved) if not entry.commit}


def lacking_repositories(resolved: Resolved, pins: Mapping[str, str], lock: str) -> list[Problem]:
    """Those that the lock, called ``lock``, does not hold fast. Raises ProfileError."""
    return [
        Problem(f"{lock} does not have {source}, for src/{entry.path}", entry.location)
        for source, entry in moving_repositories(resolved).items()
        if source not in pins
    ]


def repositories_folder(resolved: Resolved) -> Path:
    """Where they go."""
    return Path(resolved.profile.workspace.source) / "src"


def find_repositories(resolved: Resolved, entries: Iterable[RepositoryEntry]) -> dict[str, str]:
    """By source, the commits that these mean at their origins now. Raises OperationFailed."""
    return find_commits(list(entries), git_through(mirrors_of(resolved)))


def bring_repositories(
    resolved: Resolved, pins: Mapping[str, str], note: Callable[[str], None], exact: bool = False
) -> dict[str, str]:
    """Brings what is missing below ``src``, at the commits of ``pins`` where these have its source; by source, the
    commit of each that was brought. ``exact``: what is there has to be at that commit too.

    Raises ProfileError, OperationFailed; NotAllBrought where some came and others did not.
    """
    entries = repositories_of(resolved)
    if not entries:
        return {}
    if exact and (lacking := lacking_repositories(resolved, pins, "the lock")):
        hint = "`robenv lock` brings it up to date"
        raise ProfileError("the lock does not fit the profile", problems=tuple(lacking), hint=hint)
    folder = repositories_folder(resolved)
    with locked(f"repositories-{project_id(resolved.profile.workspace.source)}", note):
        brought = bring(entries, folder, pins, git_through(mirrors_of(resolved)), note)
    found = differences(entries, folder, pins) if exact else ()
    if found:
        raise ProfileError("the workspace does not fit the lock", problems=found)
    return brought


def find_lacking(resolved: Resolved, pins: Mapping[str, str]) -> dict[str, str]:
    """By source, commits of those that ``pins`` does not have: what their clones last heard of their origins, and for
    those that have no such clone, what the origins have now. Raises ProfileError, OperationFailed."""
    lacking = {source: entry for source, entry in moving_repositories(resolved).items() if source not in pins}
    folder = repositories_folder(resolved)
    here = {source: known_here(entry, folder / entry.path) for source, entry in lacking.items()}
    asked = [entry for source, entry in lacking.items() if not here[source]]
    return {**{source: commit for source, commit in here.items() if commit}, **find_repositories(resolved, asked)}


def hold_commits(resolved: Resolved, pins: Mapping[str, str], note: Callable[[str], None]) -> tuple[HeldCommit, ...]:
    """All of them at the commits of ``pins``, which has each: from their clones, or else from their origins.

    Raises ProfileError, OperationFailed with all that cannot be had.
    """
    git = git_through(mirrors_of(resolved))
    held, problems = hold(repositories_of(resolved), repositories_folder(resolved), pins, git, note)
    if problems:
        raise OperationFailed("repositories of the workspace cannot be put into the file", problems=problems)
    return held


def saved_places(resolved: Resolved, held: Iterable[HeldCommit]) -> dict[HeldCommit, str]:
    """Where each goes in the project's folder; "" for one that lies elsewhere, or inside of another."""
    root, folder = Path(resolved.profile.workspace.source), repositories_folder(resolved)
    if resolved.files is not None:
        root = resolved.files.root
    paths = {one: os.path.relpath(folder / one.entry.path, root) for one in held}
    return {
        one: "" if path.startswith("..") or any(path.startswith(f"{other}/") for other in paths.values()) else path
        for one, path in paths.items()
    }
