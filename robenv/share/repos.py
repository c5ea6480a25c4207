"""``.repos`` files, in vcstool's form: which repositories a workspace has. ``robenv.share.clones`` brings them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from robenv.errors import Location, Problem
from robenv.profile.excerpt import show
from robenv.profile.nodes import Mapping, Node, Scalar, Source, place_of, problem_at, to_python
from robenv.profile.yaml import load_yaml

_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*(/[A-Za-z0-9_][A-Za-z0-9._+-]*)*")
_WORD = re.compile(r"[A-Za-z0-9_./~@:\[\]%+,=^{}()-]+")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|/|[^/]+:")
"""A path from wherever robenv is called leads to another repository each time, or into the workspace."""
_PASSWORD = re.compile(r"[a-z+]+://[^/@]*:[^/@]*@")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FORM = "`repositories: {NAME: {type: git, url: …, version: …}}`"


@dataclass(frozen=True)
class Entry:
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
    def commit(self) -> str:
        """The commit where ``version`` is one, in full; "" where it is a name, which may move."""
        return self.version if _COMMIT.fullmatch(self.version) else ""


def parse_repos(source: Source, problems: list[Problem]) -> tuple[Entry, ...]:
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


def _entry(name: str, node: Node, key: Scalar, problems: list[Problem]) -> Entry | None:
    said: Any = to_python(node)
    said = {word: str(value) for word, value in said.items()} if isinstance(said, dict) else {}
    kind, url, version = (said.get(word, "") for word in ("type", "url", "version"))
    wrong, hint = next(_wrong(name, kind, url, version), ("", ""))
    if wrong:
        problems.append(problem_at(key, wrong, hint))
        return None
    return Entry(name, url, version, place_of(key))


def _wrong(name: str, kind: str, url: str, version: str) -> Iterator[tuple[str, str]]:
    """(what, what to do about it)"""
    if not _PATH.fullmatch(name):
        yield f"{show(name)} leaves the workspace, or is no path of a folder", "such as `drivers/lidar`"
    if kind != "git":
        yield f"{show(name)} is of the type {show(kind)}", "robenv brings git repositories; fetch this by hand"
    if not _WORD.fullmatch(url) or url.startswith("-") or "::" in url:
        yield f"{show(name)} has no address that git takes: {show(url)}", "write it as `url: https://…`"
    elif not _ADDRESS.match(url):
        yield f"{show(name)} has an address that is not whole: {show(url)}", "write a URL, HOST:PATH, or a path from /"
    if _PASSWORD.match(url):
        yield f"the address of {show(name)} has a password in it", "your own git has credentials: take it out"
    if version and (not _WORD.fullmatch(version) or version.startswith("-")):
        yield f"{show(version)} is no branch, tag or commit", ""
