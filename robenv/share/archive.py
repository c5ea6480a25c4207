"""The file of `save` and `load`: a tar in one zstd frame, written and read as a stream, whole or not at all.

Its members, in this order: ``robenv.json`` (what is in it), ``project/…`` (the profile's files), ``git/N.pack`` (the
commits of profiles from git and of the workspace's repositories), ``images/…`` (what `docker save` writes, member by
member, so that no size need be known beforehand), and ``digest.json``, a SHA-256 over all before it, without which the
file is not whole.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import zstandard

from robenv.errors import DiskFull, OperationFailed
from robenv.paths import unfinished
from robenv.share.carried import Carried, is_address, is_commit
from robenv.share.registry import ProjectImage

VERSION = 1
HEAD, TAIL = "robenv.json", "digest.json"
PROJECT, GIT, IMAGES = "project/", "git/", "images/"
_PIECE = 1 << 18
"""Bytes: the most that is in memory of a member."""
_MAGIC = b"\x28\xb5\x2f\xfd"
_MAX_HEAD = 4 << 20
_NO_ROOM = (28, 122)  # ENOSPC, EDQUOT
_KINDS = (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE)

Member = tuple[tarfile.TarInfo, "IO[bytes] | None"]


class BadArchive(OperationFailed):
    """The file is none of `save`'s, not whole, or holds what is refused."""


@dataclass(frozen=True)
class SavedImage:
    """An image in the file, under the name ``staging``. ``layers``: diff IDs, lowest first. ``size``: bytes. ``stage``:
    which of the profile's images, ``dev`` or ``run``."""

    project: str
    content_hash: str
    platform: str
    staging: str
    layers: tuple[str, ...]
    size: int
    stage: str = "dev"

    @property
    def wanted(self) -> ProjectImage:
        return ProjectImage(self.project, self.content_hash, self.platform)


@dataclass(frozen=True)
class SavedSource:
    """A commit of a repository, in the member ``member``."""

    url: str
    commit: str
    member: str


@dataclass(frozen=True)
class SavedRepository:
    """A repository of the workspace, in the member ``member``. ``path``: where it goes in the project's folder; "" for
    one that only `up` can bring to its place."""

    at: Carried
    path: str
    member: str


@dataclass(frozen=True)
class Contents:
    """``robenv``: the version that wrote it; ``file``: the profile's name, such as robenv.yaml."""

    robenv: str
    project: str
    file: str
    images: tuple[SavedImage, ...]
    sources: tuple[SavedSource, ...]
    repositories: tuple[SavedRepository, ...] = ()

    @property
    def commits(self) -> tuple[SavedSource | SavedRepository, ...]:
        return (*self.sources, *self.repositories)

    def to_json(self) -> dict[str, Any]:
        return {"version": VERSION, **asdict(self)}


class ArchiveWriter:
    """Adds members; ``commit`` puts the file in its place. Made by ``writing``."""

    def __init__(self, sink: IO[bytes], contents: Contents, moved: Callable[[int], object]) -> None:
        self._tar = tarfile.TarFile(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT, copybufsize=_PIECE)
        self._digest = hashlib.sha256()
        self._moved = moved
        self.add_bytes(HEAD, json.dumps(contents.to_json(), indent=1).encode())

    def add_bytes(self, name: str, data: bytes) -> None:
        self.add(_info(name, len(data)), io.BytesIO(data))

    def add(self, info: tarfile.TarInfo, file: IO[bytes] | None) -> None:
        """``file`` gives the bytes of a regular file; None for a folder or a link."""
        _update(self._digest, info)
        self._tar.addfile(info, _Watched(file, self._digest, self._moved) if file is not None else None)

    def add_file(self, name: str, path: Path) -> None:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            self.add(_info(name, status.st_size, 0o755 if status.st_mode & 0o111 else 0o644), file)

    def add_link(self, name: str, target: str) -> None:
        info = _info(name, 0, 0o777)
        info.type, info.linkname = tarfile.SYMTYPE, target
        self.add(info, None)

    def add_images(self, tar: Iterable[bytes]) -> None:
        """Takes a tar of `docker save`'s apart, as it comes. Raises BadArchive where it is not whole."""
        found = False
        with _docker_tar(tar) as members:
            for info, file in members:
                found = found or info.name == "manifest.json"
                self.add(_renamed(info, IMAGES + info.name), file)
        if not found:
            raise BadArchive("the engine's own tar ends too early")

    def finish(self) -> None:
        digest = json.dumps({"sha256": self._digest.hexdigest()}).encode()
        self._tar.addfile(_info(TAIL, len(digest)), io.BytesIO(digest))
        self._tar.close()


@contextmanager
def writing(path: Path, contents: Contents, moved: Callable[[int], object]) -> Iterator[ArchiveWriter]:
    """Writes beside ``path``, and puts it there when the block has ended well; else nothing stays.

    ``moved`` hears of bytes taken in. Raises DiskFull, OperationFailed.
    """
    new = Path(unfinished(str(path)))
    try:
        with new.open("wb") as file:
            compressor = zstandard.ZstdCompressor(level=3, write_checksum=True, threads=-1)
            with compressor.stream_writer(file, closefd=False) as sink:
                writer = ArchiveWriter(sink, contents, moved)
                yield writer
                writer.finish()
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        kind = DiskFull if error.errno in _NO_ROOM else OperationFailed
        raise kind(f"{path} cannot be written", details=str(error), hint="choose another place for it") from error
    finally:
        new.unlink(missing_ok=True)


def check(path: Path, moved: Callable[[int], object]) -> Contents:
    """Reads the whole file once, and says what is in it. Raises BadArchive, OperationFailed."""
    contents, places, digest, told = None, _Places(path), hashlib.sha256(), ""
    with reading(path, moved) as members:
        for info, file in members:
            if info.name == TAIL and file is not None:
                told = str(_json(path, file.read(_MAX_HEAD)).get("sha256"))
                break
            _check_name(path, info)
            _update(digest, info)
            if contents is None:
                head = file.read(_MAX_HEAD) if file is not None and info.name == HEAD else b""
                digest.update(head)
                contents = _contents(path, head)
                for one in contents.repositories:
                    if one.path:
                        places.add(PROJECT + one.path)
                continue
            if info.name.startswith(PROJECT):
                places.add(info.name)
            while file is not None and (piece := file.read(_PIECE)):
                digest.update(piece)
    if contents is None or not told:
        raise _not_whole(path)
    if told != digest.hexdigest():
        raise BadArchive(f"{path} is damaged: its digest is another", hint="copy it again")
    places.check()
    return contents


@contextmanager
def reading(path: Path, moved: Callable[[int], object]) -> Iterator[Iterator[Member]]:
    """The members, one after the other; each one's file must be read before the next is asked for."""
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise BadArchive(f"{path} is no file that `robenv save` wrote")
            file.seek(0)
            source: Any = _Watched(file, None, moved)
            with (
                zstandard.ZstdDecompressor().stream_reader(source) as plain,
                tarfile.open(fileobj=plain, mode="r|", bufsize=_PIECE) as tar,
            ):
                yield ((info, tar.extractfile(info) if info.isreg() else None) for info in tar)
    except (tarfile.TarError, zstandard.ZstdError, EOFError) as error:
        raise _not_whole(path, str(error)) from error
    except FileNotFoundError as error:
        raise OperationFailed(f"there is no {error.filename or path}") from error
    except OSError as error:
        kind = DiskFull if error.errno in _NO_ROOM else OperationFailed
        raise kind(f"{path} cannot be taken in", details=str(error)) from error


def images_tar(members: Iterable[Member]) -> Iterator[bytes]:
    """The tar for the engine, of the members under ``images/`` that come next."""
    for info, file in members:
        if not info.name.startswith(IMAGES):
            break
        yield _renamed(info, info.name.removeprefix(IMAGES)).tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
        while file is not None and (piece := file.read(_PIECE)):
            yield piece
        yield b"\0" * (-info.size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _info(name: str, size: int, mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, mode
    return info


def _renamed(info: tarfile.TarInfo, name: str) -> tarfile.TarInfo:
    """A copy without what extended headers say of the old name."""
    new = _info(name, info.size if info.isreg() else 0, info.mode & 0o7777)
    new.type, new.linkname, new.mtime = info.type, info.linkname, int(info.mtime)
    return new


def _update(digest: Any, info: tarfile.TarInfo) -> None:
    facts = [info.name, info.size, info.mode, info.type.decode("ascii"), info.linkname]
    digest.update(b"\0" + json.dumps(facts).encode() + b"\0")


def _check_name(path: Path, info: tarfile.TarInfo) -> None:
    """Nothing may lie elsewhere than under its folder, whoever wrote the file."""
    kinds = _KINDS if info.name.startswith(IMAGES) else (tarfile.REGTYPE, tarfile.SYMTYPE)
    known = info.name == HEAD or info.name.startswith((PROJECT, GIT, IMAGES))
    if not known or info.type not in kinds or not _stays_below(info.name):
        raise BadArchive(f"{path} holds {info.name!r}, which does not belong there: refused")
    if info.type == tarfile.SYMTYPE and not info.name.startswith(IMAGES):
        inside = os.path.normpath(os.path.join(os.path.dirname(info.name), info.linkname))  # noqa: PTH118, PTH120
        if info.linkname.startswith("/") or not inside.startswith(PROJECT):
            raise BadArchive(f"{path} holds a link that leads out of it, {info.name!r}: refused")


def _stays_below(name: object) -> bool:
    return (
        isinstance(name, str)
        and not any(part.lower() in ("", ".", "..", ".git") for part in name.split("/"))
        and "\0" not in name
    )


class _Places:
    """What is made in the project's folder, its repositories included: nothing may lie at, or lead through, another."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names: set[str] = set()

    def add(self, name: str) -> None:
        if name in self._names:
            raise BadArchive(f"{self._path} holds {name!r} twice: refused")
        self._names.add(name)

    def check(self) -> None:
        for name in self._names:
            if above := next((one for one in _above(name) if one in self._names), ""):
                raise BadArchive(f"{self._path} holds {name!r}, which leads through {above!r}: refused")


def _above(name: str) -> Iterator[str]:
    while name := name.rpartition("/")[0]:
        yield name


def _contents(path: Path, head: bytes) -> Contents:
    found = _json(path, head)
    if found.get("version") != VERSION:
        version = found.get("robenv") or "another version"
        raise BadArchive(f"{path} was written by robenv {version}, in a form that this one does not know")
    try:
        images = tuple(SavedImage(**{**one, "layers": tuple(one["layers"])}) for one in found["images"])
        sources = tuple(SavedSource(**one) for one in found["sources"])
        listed = (dict(one) for one in found.get("repositories", ()))
        repositories = tuple(SavedRepository(**{**one, "at": Carried(**one["at"])}) for one in listed)
        robenv, project, file = (str(found[key]) for key in ("robenv", "project", "file"))
        contents = Contents(robenv, project, file, images, sources, repositories)
    except (KeyError, TypeError, ValueError) as error:
        raise BadArchive(f"{path} does not say what is in it", details=str(error)) from error
    _check_repositories(path, contents)
    return contents


def _check_repositories(path: Path, contents: Contents) -> None:
    """What is said of commits goes to git, and their places are written to."""
    for source in contents.sources:
        if not is_commit(source.commit) or not is_address(source.url):
            raise BadArchive(f"{path} holds no commit of a repository: {source.url!r} at {source.commit!r}")
    for one in contents.repositories:
        if not one.at.is_sound():
            raise BadArchive(f"{path} holds no commit of a repository: {one.at.url!r} at {one.at.commit!r}")
        if one.path and not _stays_below(one.path):
            raise BadArchive(f"{path} has a repository for {one.path!r}, which does not belong there: refused")


def _json(path: Path, data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BadArchive(f"{path} is no file that `robenv save` wrote")
    return found


def _not_whole(path: Path, details: str = "") -> BadArchive:
    return BadArchive(f"{path} is not whole: it ends too early, or is damaged", details=details, hint="copy it again")


class _Watched:
    """A file whose bytes are counted, and taken into a digest."""

    def __init__(self, file: IO[bytes], digest: Any, moved: Callable[[int], object]) -> None:
        self._file, self._digest, self._moved = file, digest, moved

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        if self._digest is not None:
            self._digest.update(data)
        self._moved(len(data))
        return data


class _Pieces(io.RawIOBase):
    """An iterator of pieces as a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._left = iter(pieces), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


@contextmanager
def _docker_tar(pieces: Iterable[bytes]) -> Iterator[Iterator[Member]]:
    try:
        with tarfile.open(fileobj=io.BufferedReader(_Pieces(pieces), _PIECE), mode="r|", bufsize=_PIECE) as tar:
            yield ((info, tar.extractfile(info) if info.isreg() else None) for info in tar)
    except tarfile.TarError as error:
        raise BadArchive("the engine's own tar ends too early", details=str(error)) from error
