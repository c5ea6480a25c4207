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
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import zstandard

from robenv.bundle import rename_tags
from robenv.bundle.contents import BadArchive, Contents, read_contents, read_json, stays_below
from robenv.errors import DiskFull, OperationFailed
from robenv.paths import unfinished
from robenv.util import tar_reader
from robenv.util.chunk_reader import ChunkReader
from robenv.util.safe_tree import CLOSED, FILE, LINK, BadTree, Item, Limits, Tree, shown_path
from robenv.util.tar_reader import Member

HEAD, TAIL = "robenv.json", "digest.json"
PROJECT, GIT, IMAGES = "project/", "git/", "images/"
_PIECE = 1 << 18
"""Bytes: the most that is in memory of a member."""
_MAGIC = b"\x28\xb5\x2f\xfd"
_MAX_HEAD = 4 << 20
_NO_ROOM = (28, 122)  # ENOSPC, EDQUOT
_MAX_NAME = 512
_MAX_RATIO, _MAX_UNPACKED = 1000, 8 << 30
"""How many times its size a file may unpack to, and bytes that any may. Images are large, and may be mostly zeros."""
_MAX_MEMBERS = 200_000
_MAX_WINDOW = 128 << 20
"""Bytes that zstd may go back; `save` needs far less."""
PROJECT_LIMITS = Limits(entries=100_000, folders=50_000, size=1 << 50)
_FILE, _LINK = (tarfile.REGTYPE, tarfile.AREGTYPE), (tarfile.SYMTYPE,)
_KINDS = {PROJECT: _FILE + _LINK, GIT: _FILE, IMAGES: (*_FILE, *_LINK, tarfile.DIRTYPE), HEAD: _FILE}
"""By folder, the kinds of its members."""
_LINKED_LAYER = re.compile(r"\w[^/ ]*/layer\.tar \.\./\w[^/ ]*(/layer)?\.tar")
"""How engines link a layer that two images share: Docker before 25, and Podman. No other link may stand among images,
for it could lead the engine to a list of names that nobody looked at."""


class ArchiveWriter:
    """Adds members; ``commit`` puts the file in its place. Made by ``write_archive``."""

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
        self._tar.addfile(info, _DigestingFile(file, self._digest, self._moved) if file is not None else None)

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
def write_archive(path: Path, contents: Contents, moved: Callable[[int], object]) -> Iterator[ArchiveWriter]:
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


def check_archive(path: Path, moved: Callable[[int], object]) -> Contents:
    """Reads the whole file once, and says what is in it. Raises BadArchive, OperationFailed."""
    contents, places, lists, digest, told = None, _MemberPlaces(path), _ImageMembers(path), hashlib.sha256(), ""
    with read_members(path, moved) as members:
        for info, file in members:
            if info.name == TAIL and file is not None:
                told = str(read_json(path, file.read(_MAX_HEAD)).get("sha256"))
                break
            _update(digest, info)
            if contents is None:
                head = file.read(_MAX_HEAD) if file is not None and info.name == HEAD else b""
                digest.update(head)
                contents = read_contents(path, head)
                places.add_repositories(contents)
                continue
            places.add(info)
            lists.add(info.name, file, digest)
            while file is not None and (piece := file.read(_PIECE)):
                digest.update(piece)
    places.check()
    if contents is None or not told:
        raise _not_whole(path)
    if told != digest.hexdigest():
        raise BadArchive(f"{path} is damaged: its digest is another", hint="copy it again")
    lists.check(contents)
    return contents


def _checked(path: Path, members: Iterable[Member]) -> Iterator[Member]:
    for info, file in members:
        if info.name != TAIL or file is None:
            _check_name(path, info)
        yield info, file


@contextmanager
def read_members(path: Path, moved: Callable[[int], object]) -> Iterator[Iterator[Member]]:
    """The members, one after the other; each one's file must be read before the next is asked for. None has a name, or
    a kind, that does not belong there."""
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise BadArchive(f"{path} is no file that `robenv save` wrote")
            file.seek(0)
            source: Any = _DigestingFile(file, None, moved)
            most = max(_MAX_UNPACKED, _MAX_RATIO * os.fstat(file.fileno()).st_size)
            with zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).stream_reader(source) as plain:
                yield _checked(
                    path, tar_reader.members(cast("IO[bytes]", _UnpackLimit(path, plain, most)), _MAX_MEMBERS)
                )
    except (tarfile.TarError, zstandard.ZstdError, EOFError) as error:
        raise _not_whole(path, str(error)) from error
    except FileNotFoundError as error:
        raise OperationFailed(f"there is no {error.filename or path}") from error
    except OSError as error:
        kind = DiskFull if error.errno in _NO_ROOM else OperationFailed
        raise kind(f"{path} cannot be taken in", details=str(error)) from error


def images_tar(path: Path, members: Iterable[Member], names: Mapping[str, str]) -> Iterator[bytes]:
    """The tar for the engine, of the members of ``path`` under ``images/`` that come next. ``names``: what each staging
    name in the file becomes. Raises BadArchive."""
    for info, file in members:
        if not info.name.startswith(IMAGES):
            break
        header, data = _renamed(info, info.name.removeprefix(IMAGES)), b""
        if file is not None and _names_images(info.name):
            data = _renamed_list(path, info.name, file.read(_MAX_HEAD), names)
            header.size = len(data)
        yield header.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
        yield data
        while file is not None and (piece := file.read(_PIECE)):
            yield piece
        yield b"\0" * (-header.size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _names_images(name: str) -> bool:
    return name.removeprefix(IMAGES) in rename_tags.LISTS


def _renamed_list(path: Path, name: str, data: bytes, names: Mapping[str, str]) -> bytes:
    """Nothing on the engine may get another image by a file, whoever wrote that."""
    try:
        return rename_tags.renamed(name.removeprefix(IMAGES), data, names)
    except ValueError as error:
        raise BadArchive(f"{path} holds {name!r}, which is refused: {error}") from error


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
    folder = next((kind for kind in _KINDS if info.name.startswith(kind)), "")
    disguised = _names_images(info.name) and not info.isreg()
    if disguised or info.type not in _KINDS.get(folder, ()) or not stays_below(info.name) or len(info.name) > _MAX_NAME:
        raise BadArchive(f"{path} holds {shown_path(info.name)}, which does not belong there: refused")
    if folder == IMAGES and info.issym() and not _LINKED_LAYER.fullmatch(f"{info.name[len(IMAGES) :]} {info.linkname}"):
        raise BadArchive(f"{path} holds a link that leads out of it, {shown_path(info.name)}: refused")


class _MemberPlaces:
    """What is made by the file: the project's folder is a tree, and nothing of all is there twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tree = Tree(PROJECT_LIMITS)
        self._others: set[str] = set()
        self._packs: set[str] = set()

    def add(self, info: tarfile.TarInfo) -> None:
        if info.name.startswith(PROJECT):
            kind = LINK if info.issym() else FILE
            self._add(Item(info.name[len(PROJECT) :], kind, info.linkname))
        elif info.name in self._others:
            raise BadArchive(f"{self._path} holds {shown_path(info.name)} twice: refused")
        elif info.name.startswith(GIT) and info.name not in self._packs:
            raise BadArchive(f"{self._path} holds {shown_path(info.name)}, which does not belong there: refused")
        else:
            self._others.add(info.name)

    def add_repositories(self, contents: Contents) -> None:
        self._packs = {commit.member for commit in contents.commits}
        for repository in contents.repositories:
            if repository.path:
                self._add(Item(repository.path, CLOSED))

    def check(self) -> None:
        with naming_archive(self._path):
            self._tree.check_links()

    def _add(self, item: Item) -> None:
        with naming_archive(self._path):
            self._tree.add(item)


@contextmanager
def naming_archive(path: Path) -> Iterator[None]:
    """What is wrong with a tree, told of the file that it is in."""
    try:
        yield
    except BadTree as error:
        raise BadArchive(f"{path} holds {error}: refused") from error


class _ImageMembers:
    """The members that name images."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[tuple[str, bytes]] = []

    def add(self, name: str, file: IO[bytes] | None, digest: Any) -> None:
        if file is not None and _names_images(name):
            self._found.append((name, file.read(_MAX_HEAD)))
            digest.update(self._found[-1][1])

    def check(self, contents: Contents) -> None:
        for name, data in self._found:
            _renamed_list(self._path, name, data, {image.staging: image.staging for image in contents.images})


def _not_whole(path: Path, details: str = "") -> BadArchive:
    return BadArchive(f"{path} is not whole: it ends too early, or is damaged", details=details, hint="copy it again")


class _DigestingFile:
    """A file whose bytes are counted, and taken into a digest."""

    def __init__(self, file: IO[bytes], digest: Any, moved: Callable[[int], object]) -> None:
        self._file, self._digest, self._moved = file, digest, moved

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        if self._digest is not None:
            self._digest.update(data)
        self._moved(len(data))
        return data


class _UnpackLimit:
    """What a file unpacks to, which may be much more than the file, but not anything."""

    def __init__(self, path: Path, plain: Any, most: int) -> None:
        self._path, self._plain, self._left = path, plain, most

    def read(self, size: int) -> bytes:
        data: bytes = self._plain.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise BadArchive(f"{self._path} unpacks to far more than it is: refused")
        return data


@contextmanager
def _docker_tar(pieces: Iterable[bytes]) -> Iterator[Iterator[Member]]:
    try:
        yield tar_reader.members(io.BufferedReader(ChunkReader(pieces), _PIECE))
    except tarfile.TarError as error:
        raise BadArchive("the engine's own tar ends too early", details=str(error)) from error
