"""What the file of `save` says of itself: its first member."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from robenv.errors import OperationFailed
from robenv.share import image_names
from robenv.share.carried import Carried, is_address, is_commit
from robenv.share.registry import ProjectImage

VERSION = 1


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


def contents_of(path: Path, head: bytes) -> Contents:
    """What the first member of ``path`` says, as far as it may be believed. Raises BadArchive."""
    found = read_json(path, head)
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
    if strange := [image.staging for image in images if not image_names.is_staging(image.staging)]:
        raise BadArchive(f"{path} holds an image under the name {strange[0]!r}, which does not belong there: refused")
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
        if one.path and not stays_below(one.path):
            raise BadArchive(f"{path} has a repository for {one.path!r}, which does not belong there: refused")


def read_json(path: Path, data: bytes) -> dict[str, Any]:
    """A member of robenv's own. Raises BadArchive."""
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BadArchive(f"{path} is no file that `robenv save` wrote")
    return found


def stays_below(name: object) -> bool:
    """Whether a path lies under the folder from which it starts, and in no repository's own files."""
    return (
        isinstance(name, str)
        and not any(part.lower() in ("", ".", "..", ".git") for part in name.split("/"))
        and "\0" not in name
    )
