"""What a project wants where it arrives in a file: planned there, and beforehand here, as it will be there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from robenv import __version__
from robenv.bundle.contents import Contents, SavedRepository
from robenv.bundle.project_files import BundledFiles
from robenv.errors import Problem, RobenvError, UsageError
from robenv.git.workspace.clones_in import clone_pack
from robenv.git.workspace.repos_out import HeldCommit, changes
from robenv.project.lock_policy import resolve_locked
from robenv.project.planned import PlannedProject, plan_project
from robenv.util.sanitize import safe


def differences_from_saved(project: Path | None, contents: Contents) -> list[str]:
    """Why `up` would build all the same: the project, as it arrived, wants another image here than the saved one."""
    if project is None:
        return []
    wanted = [(image.platform, image.stage) for image in contents.images]
    try:
        here = _hashes(project, contents.file, wanted)
    except RobenvError as error:
        return [f"the project cannot be planned here: {error.message}"]
    if here == [image.content_hash for image in contents.images]:
        return []
    why = (
        f"it was saved by robenv {contents.robenv}, this is {__version__}"
        if contents.robenv != __version__
        else ("does it depend on variables of the environment?")
    )
    return [f"here the project wants another image than the one in the file: {why}"]


def uncommitted_parts(held: Iterable[HeldCommit], folder: Path) -> dict[HeldCommit, str]:
    """What of each clone below ``folder`` is not in the commit that is carried; "" for nothing."""
    return {one: changes(one, folder / one.entry.path) for one in held}


def notes_on_uncommitted(held: Mapping[HeldCommit, str]) -> list[str]:
    """Notes on what `save` leaves here. ``held``: as ``uncommitted_parts`` tells it."""
    notes = []
    if changed := [f"src/{one.entry.path} ({text})" for one, text in held.items() if text]:
        notes.append(f"what is not in the lock's commits is not in the file: {', '.join(changed)}")
    if filtered := [f"src/{one.entry.path}" for one in held if one.has_filters()]:
        notes.append(f"what git LFS, or another filter, has for files in {', '.join(filtered)} is not in the file")
    if modules := [f"src/{one.entry.path}/{safe(path)}" for one in held for path in one.submodules()]:
        more = f" and {len(modules) - 5} more" if len(modules) > 5 else ""
        notes.append(f"submodules are not in the file: {', '.join(modules[:5])}{more}")
    return notes


def _left_out(one: HeldCommit) -> str:
    """Why a clone that is at its commit differs from what goes into the file."""
    return "a filter makes its files" if one.has_filters() else "it has submodules" if one.submodules() else ""


def require_same_image(
    every: Sequence[PlannedProject],
    files: BundledFiles,
    repositories: Mapping[SavedRepository, Path],
    held: Mapping[HeldCommit, str],
    folder: Path,
) -> None:
    """Raises UsageError where the project, laid out in ``folder`` as it will arrive, wants another image than here.

    ``repositories``: with their packs. ``held``: as ``uncommitted_parts`` tells it.
    """
    project = folder / every[0].files.root.name
    _lay_out(files, project)
    for one, pack in repositories.items():
        if one.path:
            clone_pack(one.at, pack, project / one.path, project)
    details = ""
    try:
        wanted = [(one.build.platform, one.build.purpose) for one in every]
        if _hashes(project, every[0].files.file.name, wanted) == [one.content_hash for one in every]:
            return
    except RobenvError as error:
        details = "\n".join([error.message, *(problem.message for problem in error.problems)])
    told = {one: text or _left_out(one) for one, text in held.items()}
    raise UsageError(
        "there the project would want another image: in the file are the repositories' commits, and this one is made "
        "of what is in their folders here",
        details=details,
        problems=tuple(
            Problem(f"src/{one.entry.path} is not as it is in the file: {text}", one.entry.location)
            for one, text in told.items()
            if text
        ),
        hint="commit and push what is changed, or ignored by git, then `robenv update repos`; or put it aside",
    )


def _hashes(project: Path, file: str, wanted: Iterable[tuple[str, str]]) -> list[str]:
    """Of the images that a project wants, by platform and stage. Raises RobenvError."""
    found = resolve_locked(project, Path(file), os.environ, lambda text: None, shared=True)
    return [plan_project(found.resolved, platform, stage).content_hash for platform, stage in wanted]


def _lay_out(files: BundledFiles, project: Path) -> None:
    project.mkdir(parents=True)
    for name, source in files.files.items():
        target = project / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o755 if source.stat().st_mode & 0o111 else 0o644)
    for name, link in files.links.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).symlink_to(link)
