"""Puts what `robenv export` makes where it is wanted, and says whether what is there is still that."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from robenv.errors import OperationFailed, UsageError
from robenv.export.forms import MADE_BY, ExportedForm
from robenv.paths import open_folder, open_output, sweep, unfinished_name
from robenv.project.gate import ApprovedProject
from robenv.render.entries import FILE, FOLDER, SYMLINK, ContextEntry
from robenv.render.stream import not_written, read, write_entries, write_into


def write_form(
    approved: ApprovedProject, form: ExportedForm, folder: Path, force: bool = False, root: Path | None = None
) -> None:
    """Write the form of what is ``approved``; an image's folder is replaced whole, so that nothing of an earlier one is
    left in its context. ``root``: the project, in which a container may have put links.

    Raises UsageError where there is something of somebody else's and not ``force``, OperationFailed.
    """
    if not force:
        _require_own(form, folder)
    if form.tree == ".":
        _replace(form.entries, folder, root)
        return
    inside = f"{form.tree}/"
    own = [entry for entry in form.entries if entry.name != form.tree and not entry.name.startswith(inside)]
    if form.tree:
        below = (entry for entry in form.entries if entry.name.startswith(inside))
        _replace(tuple(replace(one, name=one.name.removeprefix(inside)) for one in below), folder / form.tree, root)
    write_entries(own, folder, root)


def differences(form: ExportedForm, folder: Path) -> list[str]:
    """What is not, or no longer, as it would be exported now; by path in ``folder``."""
    wanted = {entry.name: entry for entry in form.entries}
    found = [name for name, entry in wanted.items() if not _is_same(entry, folder / name)]
    return sorted([*found, *(name for name in _there(form, folder) if name not in wanted)])


def _require_own(form: ExportedForm, folder: Path) -> None:
    names = [entry.name for entry in form.entries if entry.kind == FILE and "/" not in entry.name]
    names += [f"{form.tree}/Dockerfile"] if form.tree not in ("", ".") else []
    for name in names if form.tree != "." else ["Dockerfile"]:
        path = folder / name
        if path.is_symlink() or (path.exists() and MADE_BY not in _first_line(path)):
            raise UsageError(
                f"{path} is there, and robenv has not made it", hint="`-o DIR` writes elsewhere; `--force` replaces it"
            )
    if form.tree:
        tree = folder / form.tree
        if tree.is_dir() and any(tree.iterdir()) and not (tree / "Dockerfile").exists():
            raise UsageError(
                f"{tree} holds something else, and would be replaced",
                hint="`-o DIR` writes elsewhere; `--force` replaces it",
            )


def _first_line(path: Path) -> str:
    """Of a plain file; whatever is there meanwhile keeps nobody waiting."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(opened, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.readline(1000)
    except OSError:
        return ""


def _replace(entries: tuple[ContextEntry, ...], folder: Path, root: Path | None) -> None:
    try:
        above = open_output(str(folder.parent), str(root or ""))
    except OSError as error:
        raise not_written(error, folder.parent) from error
    # By its descriptor the folder stays the same one, whatever is put in its place.
    here, new = f"/proc/self/fd/{above}", unfinished_name(folder.name)
    try:
        sweep(here, folder.name)
        made = open_folder(above, new, make=True)
        try:
            write_into(entries, made)
        finally:
            os.close(made)
        old = Path(here, folder.name)
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        os.rename(new, folder.name, src_dir_fd=above, dst_dir_fd=above)
    except OSError as error:
        raise OperationFailed(f"cannot write {folder}: {error.strerror}") from error
    finally:
        shutil.rmtree(f"{here}/{new}", ignore_errors=True)
        os.close(above)


def _is_same(entry: ContextEntry, path: Path) -> bool:
    if entry.kind == SYMLINK:
        return path.is_symlink() and str(path.readlink()) == entry.link
    if path.is_symlink() or entry.kind == FOLDER:
        return path.is_dir() and not path.is_symlink()
    if not path.is_file() or path.stat().st_size != entry.size:
        return False
    # Of the mode git keeps whether it runs, and nothing more.
    if bool(path.stat().st_mode & 0o100) != bool(entry.mode & 0o100):
        return False
    with path.open("rb") as file:
        return all(file.read(len(piece)) == piece for piece in read(entry))


def _there(form: ExportedForm, folder: Path) -> Iterator[str]:
    """What lies where the form replaces everything."""
    if not form.tree:
        return
    for path in sorted((folder / form.tree).rglob("*")):
        yield str(path.relative_to(folder))
