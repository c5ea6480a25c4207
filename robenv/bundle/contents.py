"""What the file of `save` says of itself: its first member."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from robenv.errors import OperationFailed
from robenv.git.workspace.clones_in import CarriedCommit, is_address, is_commit
from robenv.plan.models import DEV, RUN
from robenv.project.image.staging_names import is_staging
from robenv.project.registry import ProjectImage
from robenv.util.safe_tree import BadTree, check_path, shown_path

VERSION = 1
_MAX_LISTED = 10_000
"""Images, layers of one, or repositories."""
_MAX_LINE = 255
_PROJECT = re.compile(r"(?=.{1,63}$)[a-z0-9]+(?:[._-][a-z0-9]+)*")
_HASH = re.compile(r"[0-9a-f]{64}")
_PLATFORM = re.compile(r"linux/[a-z0-9]{1,20}(?:/[a-z0-9]{1,10})?")
_STAGE = re.compile(f"{DEV}|{RUN}")
_DIGEST = re.compile(r"sha[0-9]{3}:[0-9a-f]{1,128}")
_MEMBER = re.compile(r"git/[0-9]{1,6}\.pack")


class BadArchive(OperationFailed):
    """The file is none of `save`'s, not whole, or holds what is refused."""


@dataclass(frozen=True)
class SavedImage:
    """An image in the file. ``staging``: its name there, which nothing else has. ``layers``: diff IDs, lowest first.
    ``size``: bytes. ``stage``: which of the profile's images, ``dev`` or ``run``."""

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

    at: CarriedCommit
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


def read_contents(path: Path, head: bytes) -> Contents:
    """What the first member of ``path`` says, as far as it may be believed. Raises BadArchive."""
    found = read_json(path, head)
    if found.get("version") != VERSION:
        version = found.get("robenv") if _is_line(found.get("robenv")) else "another version"
        raise BadArchive(f"{path} was written by robenv {version}, in a form that this one does not know")
    try:
        contents = _contents(found)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadArchive(f"{path} does not say what is in it", details=shown_path(str(error))) from error
    for image in contents.images:
        _check_image(path, image)
    if len({image.staging for image in contents.images}) < len(contents.images):
        raise BadArchive(f"{path} holds two images under one name: refused")
    _check_repositories(path, contents)
    return contents


def _contents(found: dict[str, Any]) -> Contents:
    images = tuple(map(_image, _list(found["images"])))
    sources = tuple(SavedSource(**one) for one in _list(found["sources"]))
    repositories = tuple(map(_repository, _list(found.get("repositories", []))))
    robenv, project, file = (found[key] for key in ("robenv", "project", "file"))
    if not images or not _is_line(robenv) or not _is_line(project) or not _is_name(file):
        raise ValueError("no image, or no project")
    return Contents(robenv, project, file, images, sources, repositories)


def _image(found: Any) -> SavedImage:
    return SavedImage(**{**found, "layers": tuple(_list(found["layers"]))})


def _repository(found: Any) -> SavedRepository:
    return SavedRepository(**{**found, "at": CarriedCommit(**found["at"])})


def _list(found: Any) -> list[Any]:
    if not isinstance(found, list) or len(found) > _MAX_LISTED:
        raise ValueError("a list that is none, or is too long")
    return found


def _check_image(path: Path, image: SavedImage) -> None:
    """What is said of images goes to the engine as their names, and to the user."""
    if not is_staging(image.staging):
        name = shown_path(str(image.staging))
        raise BadArchive(f"{path} holds an image under the name {name}, which does not belong there: refused")
    words = (
        (image.project, _PROJECT), (image.content_hash, _HASH), (image.platform, _PLATFORM), (image.stage, _STAGE),
        *((layer, _DIGEST) for layer in image.layers),
    )  # fmt: skip
    size_is_one = type(image.size) is int and 0 <= image.size < 1 << 60
    if not size_is_one or not all(isinstance(word, str) and pattern.fullmatch(word) for word, pattern in words):
        raise BadArchive(f"{path} does not say what is in it", details="an image that is none of a project's")


def _check_repositories(path: Path, contents: Contents) -> None:
    """What is said of commits goes to git, and their places are written to."""
    for source in contents.sources:
        if not is_commit(source.commit) or not is_address(source.url):
            raise _no_commit(path, source.url, source.commit)
    for repository in contents.repositories:
        if not repository.at.is_sound():
            raise _no_commit(path, repository.at.url, repository.at.commit)
        if repository.path != "" and not stays_below(repository.path):
            place = shown_path(str(repository.path))
            raise BadArchive(f"{path} has a repository for {place}, which does not belong there: refused")
    members = [commit.member for commit in contents.commits]
    if not all(isinstance(member, str) and _MEMBER.fullmatch(member) for member in members) or len({*members}) < len(
        members
    ):
        raise BadArchive(f"{path} does not say what is in it", details="commits in no members of their own")


def _no_commit(path: Path, url: object, commit: object) -> BadArchive:
    return BadArchive(f"{path} holds no commit of a repository: {shown_path(str(url))} at {shown_path(str(commit))}")


def read_json(path: Path, data: bytes) -> dict[str, Any]:
    """A member of robenv's own. Raises BadArchive."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadArchive(f"{path} is no file that `robenv save` wrote")
    return found


def stays_below(name: object) -> bool:
    """Whether a path lies under the folder from which it starts, and in no repository's own files."""
    try:
        check_path(name if isinstance(name, str) else "")
    except BadTree:
        return False
    return True


def _is_line(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= _MAX_LINE and text.isprintable()


def _is_name(text: object) -> bool:
    """Whether it is a file's name, and no path."""
    return _is_line(text) and stays_below(text) and "/" not in str(text)
