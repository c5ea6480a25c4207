"""``.repos`` files, in vcstool's form: which repositories a workspace has, brought there by the user's own git."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robenv.errors import Location, OperationFailed, Problem
from robenv.profile.excerpt import show
from robenv.profile.nodes import Mapping, Node, Scalar, Source, place_of, problem_at, to_python
from robenv.profile.yaml import load_yaml
from robenv.share.git import QUIET, GitFailed, run_git

_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*(/[A-Za-z0-9_][A-Za-z0-9._+-]*)*")
_WORD = re.compile(r"[A-Za-z0-9_./~@:\[\]%+,=^{}()-]+")
_FORM = "`repositories: {NAME: {type: git, url: …, version: …}}`"


@dataclass(frozen=True)
class Entry:
    """A repository: where it comes from, and where it goes to below the workspace's ``src``."""

    path: str
    url: str
    version: str
    location: Location


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
    if not _PATH.fullmatch(name):
        wrong, hint = f"{show(name)} leaves the workspace, or is no path of a folder", "such as `drivers/lidar`"
    elif kind != "git":
        wrong, hint = f"{show(name)} is of the type {show(kind)}", "robenv brings git repositories; fetch this by hand"
    elif not _WORD.fullmatch(url) or url.startswith("-") or "::" in url:
        wrong, hint = f"{show(name)} has no address that git takes: {show(url)}", "write it as `url: https://…`"
    elif version and (not _WORD.fullmatch(version) or version.startswith("-")):
        wrong, hint = f"{show(version)} is no branch, tag or commit", ""
    else:
        return Entry(name, url, version, place_of(key))
    problems.append(problem_at(key, wrong, hint))
    return None


def bring(entries: Iterable[Entry], folder: Path, note: Callable[[str], None]) -> bool:
    """Clones what is not below ``folder`` yet; whether there was anything. What is there stays as it is, and a note
    says where it differs. Raises OperationFailed with all that cannot be had, the others brought.
    """
    problems: list[Problem] = []
    brought = False
    for entry in entries:
        target = folder / entry.path
        if target.is_dir():
            _compare(entry, target, note, problems)
            continue
        try:
            _clone(entry, target, note)
            brought = True
        except GitFailed as error:
            hint = f"try `git ls-remote {entry.url}`; what is here already stays usable"
            problems.append(Problem(f"{entry.path}: {error.message}", entry.location, hint))
        except OSError as error:
            problems.append(Problem(f"{target} cannot be made: {error.strerror}", entry.location))
    if problems:
        count = "a repository" if len(problems) == 1 else f"{len(problems)} repositories"
        raise OperationFailed(f"{count} of the workspace cannot be had", problems=tuple(problems))
    return brought


def _clone(entry: Entry, target: Path, note: Callable[[str], None]) -> None:
    note(f"fetching {entry.url}" + (f" at {entry.version}" if entry.version else "") + f" into {target.name}")
    target.parent.mkdir(parents=True, exist_ok=True)
    # Beside its place, with a name that builds do not look into, until it is whole.
    new = target.with_name(f".{target.name}.{secrets.token_hex(4)}.new")
    try:
        run_git(entry.url, ["git", *QUIET, "clone", "--quiet", "--no-checkout", "--", entry.url, str(new)])
        version = [entry.version] if entry.version else []
        run_git(entry.url, ["git", *QUIET, "-C", str(new), "checkout", "--quiet", *version, "--"])
        new.rename(target)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _compare(entry: Entry, target: Path, note: Callable[[str], None], problems: list[Problem]) -> None:
    if not (target / ".git").exists():
        if any(target.iterdir()):
            message = f"{target} is in the way: it is no git repository"
            problems.append(Problem(message, entry.location, "move it away, or take the entry out"))
        else:
            problems.append(Problem(f"{target} is in the way: it is empty", entry.location, f"rmdir {target}"))
        return
    origin = _asked(entry, target, "config", "--get", "remote.origin.url")
    if origin != entry.url:
        note(f"{target.name} comes from {origin or 'nowhere'}, not from {entry.url}: left as it is")
        return
    if not entry.version:
        return
    head = _asked(entry, target, "rev-parse", "HEAD")
    wanted = _asked(entry, target, "rev-parse", "--verify", "--quiet", f"{entry.version}^{{commit}}")
    branch = _asked(entry, target, "rev-parse", "--abbrev-ref", "HEAD")
    if branch != entry.version and (not wanted or head != wanted):
        note(f"{target.name} is at {head[:12]}, not at {entry.version}: left as it is")


def _asked(entry: Entry, target: Path, *arguments: str) -> str:
    try:
        return run_git(entry.url, ["git", *QUIET, "-C", str(target), *arguments]).strip()
    except GitFailed:
        return ""
