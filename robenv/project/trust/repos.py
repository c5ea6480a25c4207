"""Which repositories are cloned into a workspace, by the user's git with its logins, and whether they say so."""

from __future__ import annotations

import os

from robenv.git.placing import is_free
from robenv.profile.resolve.resolved import Resolved
from robenv.profile.yaml.nodes import Mapping
from robenv.project.repositories import repositories_folder, repositories_of
from robenv.project.trust.baseline import others, read_baseline
from robenv.project.trust.foreign_files import find_foreign_files
from robenv.project.trust.judge import AccessClaim, take_snapshot
from robenv.util.sanitize import safe


def repos_claims(resolved: Resolved) -> tuple[AccessClaim, ...]:
    """What is about to be cloned, where a file of others, or one that a container could have written, says so."""
    if resolved.files is None or not resolved.profile.workspace.repos:
        return ()
    folder = repositories_folder(resolved)
    missing = [one for one in repositories_of(resolved) if is_free(folder / one.path)]
    powers = tuple(safe(f"clones {one.source} into {one.path}, by your git and its logins") for one in missing)
    why = next((one.why for document, one in find_foreign_files(resolved).items() if _names_repos(document.root)), "")
    why = why or _changed(resolved)
    root = str(resolved.files.root)
    return (AccessClaim(f"{root} (workspace.repos, {why})", "workspace.repos", why, powers),) if why and powers else ()


def _names_repos(root: Mapping) -> bool:
    workspace = root.get("workspace")
    return isinstance(workspace, Mapping) and "repos" in workspace.entries


def _changed(resolved: Resolved) -> str:
    files = resolved.files
    if files is None:
        return ""
    root, inputs = str(files.root), resolved.inputs
    paths = (*map(str, inputs.files), *map(str, inputs.absent), *resolved.profile.workspace.repos)
    known = [one for one in (read_baseline(root), *others(root)) if one is not None]
    stamps = take_snapshot(inputs).stamps(paths) if known else {}
    changed = sorted({path for one in known for path in one.changed(stamps)})
    names = ", ".join(os.path.relpath(path, root) for path in changed[:3])
    return f"{names} changed while a container could write there" if changed else ""
