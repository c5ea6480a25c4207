"""``robenv.lock``: what moves by itself (branches, tags, ``latest``), held fast. Committed beside ``robenv.yaml``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robenv.errors import Location, Problem, ProfileError
from robenv.profile.resolve.resolved import Pins
from robenv.profile.yaml.files import BadFile, read_text
from robenv.profile.yaml.loader import load_yaml
from robenv.profile.yaml.nodes import SourceFile, to_python

VERSION = 1
_HEAD = "# Written by `robenv lock` and `robenv update`: commit it. What moves by itself is held fast here.\n"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SNAPSHOT = re.compile(r"\d{8}T\d{6}Z")
_TABLES = ("git", "images", "apt", "repos")
_PLAIN = re.compile(r"[A-Za-z0-9/][A-Za-z0-9/._@+:-]*(?<!:)")


@dataclass(frozen=True)
class Lockfile:
    """``git``: commit by source (``URL@REF``) of profiles; ``images``: digest by platform by reference; ``snapshot``:
    the moment of the package archives, ``20261101T000000Z``, "" where the profile does not ask for one; ``repos``:
    commit by source of the workspace's repositories."""

    git: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    snapshot: str = ""
    repos: Mapping[str, str] = field(default_factory=dict)

    @property
    def pins(self) -> Pins:
        """What a plan needs of it."""
        images = ((name, platform, digest) for name, by in self.images.items() for platform, digest in by.items())
        return Pins(tuple(sorted(images)), self.snapshot)


def lock_path(file: Path) -> Path:
    """Beside the project's file: ``robenv.lock``, or ``NAME.lock`` for ``NAME.yaml``."""
    return file.with_suffix(".lock")


def read_lock(path: Path, display: str) -> Lockfile | None:
    """The lock; None where there is none. Raises ProfileError for one that is no lock, with every place."""
    try:
        text = read_text(path)
    except BadFile as bad:
        if bad.absent:
            return None
        raise ProfileError(f"{display}: {bad.message}", hint=bad.hint) from None
    source = SourceFile(path, display, display, "project", path.parent, (), text)
    root, problems = load_yaml(source)
    if root is not None and not problems:
        lock = _parse(to_python(root))
        if lock is not None:
            return lock
    found = tuple(problems) or (Problem("this is not a lock of this robenv", Location(display, 1, 1)),)
    hint = "take one side of a merge, or remove the file: `robenv lock` writes it anew"
    raise ProfileError(f"{display} cannot be read", problems=found, hint=hint)


def _parse(value: Any) -> Lockfile | None:
    if not isinstance(value, dict) or str(value.get("version")) != str(VERSION):
        return None
    git, images, apt, repos = (value.get(key) or {} for key in _TABLES)
    tables = [git, images, apt, repos, *(images.values() if isinstance(images, dict) else ())]
    if set(value) - {"version", *_TABLES} or not all(isinstance(table, dict) for table in tables):
        return None
    snapshot = str(apt.get("snapshot") or "")
    sound = (
        all(_COMMIT.fullmatch(str(commit)) for commit in (*git.values(), *repos.values()))
        and all(_DIGEST.fullmatch(str(digest)) for by in images.values() for digest in by.values())
        and (not snapshot or _SNAPSHOT.fullmatch(snapshot))
    )
    if not sound:
        return None
    by_image = {str(name): {str(one): str(digest) for one, digest in by.items()} for name, by in images.items()}
    commits = ({str(source): str(commit) for source, commit in by.items()} for by in (git, repos))
    return Lockfile(next(commits), by_image, snapshot, next(commits))


def lock_text(lock: Lockfile) -> str:
    """The file: sorted, one value a line, so that git merges what it can."""
    lines = [_HEAD, f"version: {VERSION}\n"]
    for name, commits in (("git", lock.git), ("repos", lock.repos)):
        if commits:
            lines.append(f"{name}:\n")
            lines += [f"  {_key(source)}: {commit}\n" for source, commit in sorted(commits.items())]
    if lock.images:
        lines.append("images:\n")
        for name, platforms in sorted(lock.images.items()):
            lines.append(f"  {_key(name)}:\n")
            lines += [f"    {_key(platform)}: {digest}\n" for platform, digest in sorted(platforms.items())]
    if lock.snapshot:
        lines.append(f"apt:\n  snapshot: {lock.snapshot}\n")
    return "".join(lines)


def _key(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else "'" + text.replace("'", "''") + "'"


def changes(old: Lockfile, new: Lockfile) -> Iterator[str]:
    """What moves, one line each: ``ubuntu:24.04 linux/amd64: 1a2b3c4d5e6f → 6f5e4d3c2b1a``."""
    before, after = dict(_flat(old)), dict(_flat(new))
    for name in dict.fromkeys((*before, *after)):
        was, now = before.get(name), after.get(name)
        if was != now:
            yield f"{name}: {_short(was)} → {_short(now)}"


def _flat(lock: Lockfile) -> Iterator[tuple[str, str]]:
    yield from sorted(lock.git.items())
    yield from ((repository(source), commit) for source, commit in sorted(lock.repos.items()))
    for name, platforms in sorted(lock.images.items()):
        yield from ((f"{name} {platform}", digest) for platform, digest in sorted(platforms.items()))
    if lock.snapshot:
        yield "apt snapshot", lock.snapshot


def repository(source: str) -> str:
    """What a repository of the workspace is called beside all else that a lock has."""
    return f"repos {source}"


def _short(value: str | None) -> str:
    if value is None:
        return "nothing"
    value = value.removeprefix("sha256:")
    return value if _SNAPSHOT.fullmatch(value) else value[:12]
