"""A project whose git folder lies outside of it (of a worktree, a submodule, or a folder within a repository): what the
container lacks."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path

from robenv.errors import Problem
from robenv.paths import home_folder
from robenv.profile.workspace.container_paths import BoundFolders
from robenv.profile.yaml.files import BadFile, read_text
from robenv.util.sanitize import safe

_SMALL = 4096
_WORD = "gitdir:"


def git_note(root: Path, inside: BoundFolders, target: str) -> Problem | None:
    """That git does not work in the container, which has ``root`` at ``target``, and what makes it work."""
    if not os.path.lexists(root / ".git"):
        return _within_note(root.resolve(), inside, target)
    said = _read(root / ".git")
    if not said.startswith(_WORD):
        return None
    text = said.removeprefix(_WORD).strip()
    folder = root / text  # an absolute one stands for itself
    if not text or not folder.is_dir():
        return None
    common = _read(folder / "commondir")
    whole = (folder / common if common else folder).resolve()
    if _is_there(folder.resolve(), inside, posixpath.join(target, text)) and _is_there(whole, inside, str(whole)):
        return None
    is_worktree = bool(common)
    kind = "a worktree" if is_worktree else "a submodule"
    message = (
        f"git does not work in the container: the project is {kind}, and its git folder, {safe(str(whole))}, "
        "is not mounted"
    )
    place = safe(str(whole))
    hint = f"run: {{volumes: ['{place}:{place}']}}"
    if not text.startswith("/"):
        # From a place of another depth, a relative path leads elsewhere.
        hint = f"workspace: {{target: {safe(str(root.resolve()))}}}, and {hint}"
    return Problem(message, hint=f"mount it, which lets commands inside write there: {hint}")


def _within_note(root: Path, inside: BoundFolders, target: str) -> Problem | None:
    """Of a project in a folder of a repository. One of the home folder itself, as for its settings, is not meant."""
    top = next((parent for parent in root.parents if _is_repository(parent / ".git")), None)
    if top is None or top in (Path(root.anchor), Path(home_folder()).resolve()):
        return None
    way = root.relative_to(top)
    above = posixpath.normpath(posixpath.join(target, *(".." for _ in way.parts)))
    if _is_there(top, inside, above):
        return None
    message = (
        f"git does not work in the container: only {safe(str(way))} of the repository {safe(str(top))} is mounted, and "
        "its git folder is not in there"
    )
    up = "/".join(".." for _ in way.parts)
    return Problem(message, hint=f"mount the whole repository: workspace: {{source: {up}}}; or move robenv.yaml there")


def _is_repository(git: Path) -> bool:
    return (git / "HEAD").is_file() or _read(git).startswith(_WORD)


def _is_there(folder: Path, inside: BoundFolders, path: str) -> bool:
    host = inside.host(inside.real(path))
    return bool(host) and Path(host).resolve() == folder


def _read(path: Path) -> str:
    """A small file's text; "" where there is none."""
    try:
        return "" if path.is_symlink() else read_text(path, _SMALL).strip()
    except BadFile:
        return ""
