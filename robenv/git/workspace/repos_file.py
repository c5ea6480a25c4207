"""``.repos`` files, in vcstool's form: which repositories a workspace has; ``clones`` brings them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from robenv.errors import Location, Problem
from robenv.host.git.addresses import is_helper, is_local
from robenv.profile.yaml.loader import load_yaml
from robenv.profile.yaml.nodes import Mapping, Node, Scalar, SourceFile, place_of, problem_at, to_python
from robenv.util.sanitize import hides, show

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|/|[^/]+:")
"""A path from wherever robenv is called leads to another repository each time, or into the workspace."""
_PASSWORD = re.compile(r"[a-z+]+://[^/@]*:[^/@]*@", re.IGNORECASE)
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF_NAME = re.compile(r"(?!-)[^\s\x00-\x20~^:?*\[\\\x7f]+(?<!/)")
_FORM = "`repositories: {NAME: {type: git, url: …, version: …}}`"


@dataclass(frozen=True)
class RepositoryEntry:
    """A repository: where it comes from, and where it goes to below the workspace's ``src``."""

    path: str
    url: str
    version: str
    """A branch, a tag or a commit; "" for the default branch."""
    location: Location

    @property
    def source(self) -> str:
        """What a lock holds fast: the repository and what of it is wanted."""
        return f"{self.url}@{self.version}" if self.version else self.url

    @property
    def is_name(self) -> bool:
        """Whether ``version`` may be the name of a branch or tag, and not an expression such as ``main~1``."""
        return bool(self.version) and not self.commit and bool(_REF_NAME.fullmatch(self.version))

    @property
    def commit(self) -> str:
        """The object where ``version`` is one, in full: a commit, or a tag that names one. "" for a name, which may
        move."""
        return self.version if _COMMIT.fullmatch(self.version) else ""


def parse_repos(source: SourceFile, problems: list[Problem]) -> tuple[RepositoryEntry, ...]:
    """The entries of a file; ``problems`` gets what is wrong with it."""
    root, found = load_yaml(source)
    problems += found
    listed = root.get("repositories") if isinstance(root, Mapping) else None
    if not isinstance(listed, Mapping):
        if not found:
            problems.append(Problem("this is no .repos file", source.location(1, 1), f"its form is {_FORM}"))
        return ()
    entries = (_entry(name, value, listed.entries[name][0], problems) for name, value in listed.values())
    return tuple(entry for entry in entries if entry is not None)


def _entry(name: str, node: Node, key: Scalar, problems: list[Problem]) -> RepositoryEntry | None:
    said: Any = to_python(node)
    # A value that is null, or left out behind its colon, is as one that is not there.
    said = {word: str(value) for word, value in said.items() if value is not None} if isinstance(said, dict) else {}
    kind, url, version = (said.get(word, "") for word in ("type", "url", "version"))
    path = _normal(name)
    wrong, hint = next(_wrong(name, path, kind, url, version), ("", ""))
    if wrong:
        problems.append(problem_at(key, wrong, hint))
        return None
    return RepositoryEntry(path, url, "" if version == "HEAD" else version, place_of(key))


def _normal(name: str) -> str:
    """``./up``, ``up/`` and ``a//up`` as a path without what means nothing."""
    return "/".join(part for part in name.split("/") if part not in ("", ".")) if not name.startswith("/") else name


def _wrong(name: str, path: str, kind: str, url: str, version: str) -> Iterator[tuple[str, str]]:
    """(what, what to do about it)"""
    parts = path.split("/")
    if path.startswith("/"):
        yield f"{show(name)} is an absolute path", "such as `drivers/lidar`: it is a folder below src"
    if ".." in parts:
        yield f"{show(name)} leaves the workspace", "such as `drivers/lidar`: it is a folder below src"
    if odd := next((part for part in parts if not _NAME.fullmatch(part)), None) if path else "":
        hint = "letters, digits, `_`, `.`, `+` and `-`, beginning with a letter, a digit or `_`"
        yield f"{show(name)} cannot be the folder of a repository, because of {show(odd)}", hint
    if not path:
        yield f"{show(name)} names no folder below src", "such as `drivers/lidar`"
    if kind != "git":
        yield f"{show(name)} is of the type {show(kind)}", "robenv brings git repositories; fetch this by hand"
    yield from _wrong_address(name, url)
    if version.startswith("-") or any(one.isspace() or hides(one) for one in version):
        yield f"{show(version)} is no branch, tag or commit", ""


def _wrong_address(name: str, url: str) -> Iterator[tuple[str, str]]:
    if not url:
        yield f"{show(name)} has no `url`", "write it as `url: https://…`"
    elif url.startswith("-") or is_helper(url):
        yield f"{show(name)} has no address that git takes: {show(url)}", "write it as `url: https://…`"
    elif not _ADDRESS.match(url):
        yield f"{show(name)} has an address that is not whole: {show(url)}", "write a URL, HOST:PATH, or a path from /"
    # In a file's path any character may stand; a URL of a server is to be written as that server gets it.
    if odd := next((one for one in url if hides(one) or (one.isspace() and not is_local(url))), ""):
        code = "".join(f"%{byte:02X}" for byte in odd.encode(errors="replace"))
        yield f"the address of {show(name)} has the character {show(odd)} in it", f"write it as {code}"
    if _PASSWORD.match(url):
        yield f"the address of {show(name)} has a password in it", "your own git has credentials: take it out"
