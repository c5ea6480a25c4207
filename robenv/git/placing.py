"""Where clones are made, out of reach of what runs in a container, and how they get to their place in a workspace."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from robenv.git.command import GitFailed
from robenv.paths import cache_folder, create_file, link_target, open_folder, sweep, unfinished, unfinished_name
from robenv.util.sanitize import safe


@contextmanager
def private_folder() -> Iterator[Path]:
    """A name in robenv's cache for what git makes; what is there afterwards goes. Nobody else can put a configuration
    or a hook into it between two calls of git."""
    above = Path(cache_folder(), "clones")
    above.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = Path(unfinished(str(above / "clone")))
    try:
        yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)


@contextmanager
def placed(root: Path, inside: str) -> Iterator[Path]:
    """A ``private_folder`` that is moved to ``root/inside`` when the block has ended well.

    What lies between the two is made, and opened before the block: whoever puts a link there sends it nowhere else.
    Nothing that is there is replaced but an empty folder. Raises GitFailed, OSError.
    """
    *above, name = inside.split("/")
    root.mkdir(parents=True, exist_ok=True)
    folder = _open(root, above)
    try:
        beside = f"/proc/self/fd/{folder}"
        sweep(beside, f".{name}")
        _require_free(folder, name, root / inside)
        with private_folder() as new:
            yield new
            _require_free(folder, name, root / inside)
            try:
                os.rename(new, name, dst_dir_fd=folder)  # which replaces nothing but an empty folder
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                _copy_beside(new, folder, name)
    finally:
        os.close(folder)


def _open(root: Path, above: list[str]) -> int:
    try:
        return open_folder(str(root), *above, make=True)
    except NotADirectoryError as error:
        place = Path(str(error.filename))
        target = safe(link_target(str(place)))
        what = f"a link, to {target}" if target else "no folder"
        raise GitFailed(
            f"{place} is {what}: nothing is cloned there",
            hint="a command in the container can make such a link; put a folder in its place, or take the entry out",
        ) from error


def is_free(place: Path) -> bool:
    """Whether a clone can go there: nothing is there, or an empty folder, as git itself takes it."""
    try:
        return stat.S_ISDIR(place.lstat().st_mode) and not any(place.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def _require_free(folder: int, name: str, place: Path) -> None:
    if not is_free(Path(f"/proc/self/fd/{folder}", name)):
        raise GitFailed(f"{place} is in the way", hint="move it away, or take the entry out")


def _copy_beside(source: Path, folder: int, name: str) -> None:
    """To another file system, under a name that builds do not look into, and then to its own."""
    temporary = unfinished_name(f".{name}")
    try:
        _copy(source, folder, temporary)
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        shutil.rmtree(f"/proc/self/fd/{folder}/{temporary}", ignore_errors=True)


def _copy(source: Path, folder: int, name: str) -> None:
    """Follows no link, on neither side."""
    os.mkdir(name, 0o700, dir_fd=folder)
    inside = open_folder(folder, name)
    try:
        with os.scandir(source) as entries:
            for entry in entries:
                path = Path(entry.path)
                if entry.is_symlink():
                    os.symlink(path.readlink(), entry.name, dir_fd=inside)
                elif entry.is_dir(follow_symlinks=False):
                    _copy(path, inside, entry.name)
                else:
                    _copy_file(path, inside, entry.name)
        os.fchmod(inside, source.stat().st_mode & 0o7777)
    finally:
        os.close(inside)


def _copy_file(source: Path, folder: int, name: str) -> None:
    with source.open("rb") as data, open(create_file(name, 0o600, folder), "wb") as file:  # noqa: PTH123
        shutil.copyfileobj(data, file)
        file.flush()
        status = os.fstat(data.fileno())
        os.fchmod(file.fileno(), status.st_mode & 0o7777)
        os.utime(file.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
