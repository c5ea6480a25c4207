"""A context's bytes: a deterministic tar in pieces, a folder on this machine, the content hash."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from robenv.errors import OperationFailed, UsageError
from robenv.paths import create_file, link_target, open_folder, open_output
from robenv.render.entries import FILE, FOLDER, SYMLINK, ContextEntry, FileStat
from robenv.render.instructions import Rendered
from robenv.render.nofollow import Opener
from robenv.util.sanitize import safe

PIECE = 256 * 1024
"""Bytes: the most that is in memory of a file."""

DEFAULT_EPOCH = 315_532_800
"""1980-01-01: early, and a time that every archive format can write."""

_TYPES = {FILE: tarfile.REGTYPE, FOLDER: tarfile.DIRTYPE, SYMLINK: tarfile.SYMTYPE}


def source_date_epoch() -> int:
    """Seconds since 1970 from SOURCE_DATE_EPOCH (reproducible-builds.org), or a constant. Raises UsageError."""
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return DEFAULT_EPOCH
    if not (text.isascii() and text.isdigit() and int(text) < 8**11):
        raise UsageError(f"SOURCE_DATE_EPOCH is {text!r}, not a number of seconds since 1970")
    return int(text)


def context_stream(rendered: Rendered, epoch: int | None = None) -> Iterator[bytes]:
    """The context as a tar, in pieces. ``epoch`` None takes ``source_date_epoch()``. Raises as ``stream`` does."""
    return stream(rendered.context, source_date_epoch() if epoch is None else epoch)


def stream(entries: Iterable[ContextEntry], epoch: int = DEFAULT_EPOCH) -> Iterator[bytes]:
    """A tar of ``entries`` in their order, all root's and of one time; POSIX ustar, pax only for what that lacks.

    Raises OperationFailed in mid-stream where a file is not what it was when the entries were made: whoever reads the
    stream then gets an incomplete tar, never a complete one with wrong content.
    """
    with Opener() as opener:
        for entry in entries:
            yield _header(entry, epoch)
            if entry.kind == FILE:
                yield from read(entry, opener)
                yield b"\0" * (-entry.size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _header(entry: ContextEntry, epoch: int) -> bytes:
    info = tarfile.TarInfo(entry.name)
    info.type = _TYPES[entry.kind]
    info.size = entry.size if entry.kind == FILE else 0
    info.mode = entry.mode
    info.mtime = epoch
    info.linkname = entry.link
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def read(entry: ContextEntry, opener: Opener | None = None) -> Iterator[bytes]:
    """A file's bytes in pieces: exactly ``entry.size`` of them. ``opener``: for several files. Raises OperationFailed
    where the file has changed, or is not where it was: no link is followed to it."""
    if not entry.host_path:
        yield entry.data
        return
    if opener is None:
        with Opener() as own:
            yield from read(entry, own)
        return
    try:
        descriptor = opener.open(entry.host_path)
    except OSError as error:
        raise _changed(entry, error.strerror or "cannot be opened") from error
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        _check(entry, descriptor)
        left = entry.size
        while left:
            try:
                piece = file.read(min(left, PIECE))
            except OSError as error:
                raise _changed(entry, error.strerror or "cannot be read") from error
            if not piece:
                raise _changed(entry, "it became shorter")
            left -= len(piece)
            yield piece
        _check(entry, descriptor)


def _check(entry: ContextEntry, descriptor: int) -> None:
    status = os.fstat(descriptor)
    found = FileStat(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    if not stat.S_ISREG(status.st_mode) or found != entry.stat:
        raise _changed(entry, "its size or times are others")


def _changed(entry: ContextEntry, why: str) -> OperationFailed:
    return OperationFailed(
        f"{entry.host_path} changed while it was being sent to the builder",
        details=why,
        hint="run the command again when nothing writes to it",
    )


def write_context(rendered: Rendered, folder: Path, root: Path | None = None) -> None:
    """Writes the context into ``folder``, ready for ``docker build``, as ``write_entries`` does."""
    write_entries(rendered.context, folder, root)


def write_entries(entries: Iterable[ContextEntry], folder: Path, root: Path | None = None) -> None:
    """Writes files and folders, each folder before what it holds, below ``folder``: in place of what is there, through
    no link. ``root``: a folder that a container can write; below it no link leads to ``folder`` either.

    Raises OperationFailed.
    """
    try:
        opened = open_output(str(folder), str(root or ""))
        try:
            write_into(entries, opened)
        finally:
            os.close(opened)
    except OSError as error:
        raise not_written(error, folder) from error


def not_written(error: OSError, folder: Path) -> OperationFailed:
    place = folder / str(error.filename or "")
    if target := safe(link_target(str(place))):
        hint = "robenv writes through no link that a container could have made: name the folder that it leads to"
        return OperationFailed(f"cannot write {place}: it is a link, to {target}", hint=hint)
    return OperationFailed(f"cannot write {place}: {error.strerror}")


def write_into(entries: Iterable[ContextEntry], folder: int) -> None:
    """As ``write_entries`` into an open folder. Raises OSError with the entry's name."""
    for entry in entries:
        *above, name = entry.name.split("/")
        try:
            inside = open_folder(folder, *above)
            try:
                _write(entry, name, inside)
            finally:
                os.close(inside)
        except OSError as error:
            error.filename = entry.name
            raise


def _write(entry: ContextEntry, name: str, folder: int) -> None:
    if entry.kind != FOLDER or _is_link(name, folder):
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
    if entry.kind == SYMLINK:
        os.symlink(entry.link, name, dir_fd=folder)
    elif entry.kind == FOLDER:
        made = open_folder(folder, name, make=True)
        try:
            os.fchmod(made, entry.mode)
        finally:
            os.close(made)
    else:
        with open(create_file(name, folder=folder), "wb") as file:  # noqa: PTH123
            for piece in read(entry):
                file.write(piece)
            os.fchmod(file.fileno(), entry.mode)


def _is_link(name: str, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False
