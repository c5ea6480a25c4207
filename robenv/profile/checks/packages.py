"""Whether what packages come from is whole. A part of ``robenv.profile.checks.whole``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from robenv.errors import Problem
from robenv.profile.schema.build import AptRepository
from robenv.profile.yaml.files import kind_of
from robenv.profile.yaml.nodes import Path_
from robenv.util.sanitize import show

if TYPE_CHECKING:
    from robenv.profile.checks.merged import MergedProfile

_OF_A_SOURCE = ("url", "suite", "components", "key", "key_checksum", "architectures")


def repositories(whole: MergedProfile) -> Iterator[Problem]:
    for path, section in whole.sections():
        for name, repository in section.apt.repositories.items():
            at = (*path, "apt", "repositories", name)
            yield from (_package if repository.package else _repository)(whole, at, repository)
            if repository.package_checksum and not repository.package:
                yield whole.problem((*at, "package_checksum"), "a checksum without a `package`")


def pip_installs(whole: MergedProfile) -> Iterator[Problem]:
    for path, section in whole.sections():
        for index, one in enumerate(section.pip):
            at = (*path, "pip", index)
            if not one.packages and not one.requirements:
                yield whole.problem(at, "pip is given nothing to install", "`packages`, `requirements`, or both")
            for key in ("requirements", "constraints"):
                file = getattr(one, key)
                if file and kind_of(Path(file)) != "file":
                    yield whole.problem((*at, key), f"there is no file {show(file)}")


def _package(whole: MergedProfile, path: Path_, repository: AptRepository) -> Iterator[Problem]:
    for key in _OF_A_SOURCE:
        if getattr(repository, key):
            hint = "keep one of the two; `!override` before an inherited repository takes it away"
            yield whole.problem((*path, key), f"`{key}` is the package's own to say", hint)
    if not repository.package_checksum:
        hint = "write `package_checksum: sha256:…` of the file, as `sha256sum` prints it"
        yield whole.problem((*path, "package"), "a package that is downloaded needs its checksum", hint)


def _repository(whole: MergedProfile, path: Path_, repository: AptRepository) -> Iterator[Problem]:
    name = show(str(path[-1]))
    for key in ("url", "suite"):
        if not getattr(repository, key):
            yield whole.problem(path, f"the repository {name} has no `{key}`")
    flat = repository.suite.endswith("/")
    if repository.suite and not flat and not repository.components:
        yield whole.problem(path, f"the repository {name} has no `components`", "such as `components: [main]`")
    if flat and repository.components:
        yield whole.problem((*path, "components"), "a suite that ends with `/` has no components", "take them out")
    key = repository.key
    if "://" in key:
        if not key.startswith(("https://", "http://")):
            yield whole.problem((*path, "key"), f"{show(key)} is no address of http:// or https://")
        elif not repository.key_checksum:
            hint = "write `key_checksum: sha256:…` of the file, as `sha256sum` prints it"
            yield whole.problem((*path, "key"), "a key that is downloaded needs its checksum", hint)
    elif key and kind_of(Path(key)) != "file":
        yield whole.problem((*path, "key"), f"there is no file {show(key)}")
    elif not key and repository.key_checksum:
        yield whole.problem((*path, "key_checksum"), "a checksum without a `key`")
