"""The repositories that a workspace consists of, by the profile's ``workspace.repos``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from robenv.errors import Problem, ProfileError
from robenv.profile.files import BadFile, read_text
from robenv.profile.nodes import Source
from robenv.profile.resolved import Resolved
from robenv.profile.sources import display_path
from robenv.share.repos import Entry, bring, parse_repos


def bring_repositories(resolved: Resolved, note: Callable[[str], None]) -> bool:
    """Brings what is missing below ``src``; whether there was anything. Raises ProfileError, OperationFailed."""
    workspace = resolved.profile.workspace
    if not workspace.repos or resolved.files is None:
        return False
    problems: list[Problem] = []
    entries: dict[str, Entry] = {}
    for index, name in enumerate(workspace.repos):
        path = Path(name)
        display = display_path(path, resolved.files.root)
        try:
            text = read_text(path)
        except BadFile as bad:
            where = resolved.locate(("workspace", "repos", index))
            problems.append(Problem(f"{display}: {bad.message}", where, bad.hint))
            continue
        for entry in parse_repos(Source(path, display, display, "project", path.parent, (), text), problems):
            first = entries.setdefault(entry.path, entry)
            if (first.url, first.version) != (entry.url, entry.version):
                message = f"{entry.path} is something else in {first.location.file}:{first.location.line}"
                problems.append(Problem(message, entry.location, "keep one of the two"))
    if problems:
        raise ProfileError("the repositories of the workspace cannot be read", problems=tuple(problems))
    return bring(entries.values(), Path(workspace.source) / "src", note)
