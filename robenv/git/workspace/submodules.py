"""What a clone does not bring by itself: submodules, and files of git LFS.

The addresses of submodules are what somebody else wrote into their repository, and are fetched with the user's logins.
So only the protocols that go to a server and encrypt are taken, and that of the repository itself; a folder of this
machine only beside a repository that is one as well.
"""

from __future__ import annotations

import posixpath
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from robenv.git import packs
from robenv.git.command import Git, GitFailed
from robenv.git.workspace.repos_file import RepositoryEntry
from robenv.host.git.addresses import is_helper, is_local, scheme_of, without_login
from robenv.util.sanitize import safe, show

_SAFE = ("https", "ssh")
_PROTOCOLS = ("file", "git", "http", "https", "ssh")
_DEEP = 8
"""Submodules in submodules."""
_MOST = 200
_NAMED = 5

Note = Callable[[str], None]


@dataclass(frozen=True)
class _Submodule:
    name: str
    path: str


def bring_submodules(entry: RepositoryEntry, clone: Path, commit: str, git: Git, silent: bool, note: Note) -> list[str]:
    """Those of a fresh clone, which nobody else can write yet, at the commits that its own names for them. What cannot
    be brought, and why."""
    work = _Work(entry, git, silent, note)
    work.bring(clone, entry.url, commit, "", _DEEP)
    return work.left


@dataclass
class _Work:
    entry: RepositoryEntry
    git: Git
    silent: bool
    note: Note
    left: list[str] = field(default_factory=list)
    count: int = 0

    def bring(self, folder: Path, url: str, commit: str, above: str, deep: int) -> None:
        here = packs.in_clone(folder)
        for one in _listed(url, here, commit):
            shown = safe(posixpath.join(above, one.path))
            if deep == 0 or self.count == _MOST:
                self.left.append(f"{shown} (too many, or too deep)")
                continue
            self.count += 1
            try:
                address = self._register(url, here, one)
                if why := _refused(url, address):
                    self.left.append(f"{shown} ({why})")
                    continue
                self.note(f"fetching {safe(without_login(address))} into {self.entry.path}/{shown}")
                self._update(url, here, one, address)
            except GitFailed as error:
                self.left.append(f"{shown} ({safe(error.message)})")
                continue
            inner = packs.in_clone(folder / one.path)
            if found := packs.ask(address, inner, "rev-parse", "--verify", "--quiet", "HEAD"):
                self.bring(folder / one.path, address, found, posixpath.join(above, one.path), deep - 1)

    def _register(self, url: str, here: tuple[str, ...], one: _Submodule) -> str:
        """The submodule's address, as git makes it of a relative one."""
        self.git.run(url, *here, "submodule", "--quiet", "init", "--", one.path, silent=self.silent)
        said = packs.ask(url, here, "config", "--get", f"submodule.{one.name}.url")
        if not said:
            raise GitFailed("git finds no address for it")
        return said

    def _update(self, url: str, here: tuple[str, ...], one: _Submodule, address: str) -> None:
        # Where the user's own configuration has another address for it, that is one of the safe kinds or a mirror.
        names = dict.fromkeys((*_SAFE, scheme_of(address), *_mirrors(self.git, address)))
        allowed = (
            "-c",
            "protocol.allow=never",
            *(w for name in names for w in ("-c", f"protocol.{name}.allow=always")),
        )
        words = (*allowed, *here, "submodule", "--quiet", "update", "--checkout", "--", one.path)
        self.git.run(address, *words, silent=self.silent, timeout=packs.TIMEOUT)


def _mirrors(git: Git, address: str) -> list[str]:
    """The protocols of the user's own mirrors for an address."""
    return [scheme_of(mirror) for real, mirror in git.mirrors if address.startswith(real)]


def _listed(url: str, here: tuple[str, ...], commit: str) -> Iterator[_Submodule]:
    """Those that a commit has, and names an address for."""
    said = packs.ask(url, here, "config", "--null", "--blob", f"{commit}:.gitmodules", "--get-regexp", r"\.path$")
    names = {}
    for item in said.split("\0"):
        key, _, path = item.partition("\n")
        names[path] = key.removeprefix("submodule.").removesuffix(".path")
    for path in submodule_paths(url, here, commit):
        if path in names:
            yield _Submodule(names[path], path)


def submodule_paths(url: str, here: tuple[str, ...], commit: str) -> list[str]:
    """Where a commit has submodules."""
    listed = packs.ask(url, here, "ls-tree", "-r", "-z", "--full-tree", commit)
    entries = (entry.partition("\t")[::2] for entry in listed.split("\0"))
    return [path for facts, path in entries if facts.startswith("160000 ")]


def _refused(url: str, address: str) -> str:
    """Why a submodule's address is not asked; "" where it is."""
    scheme = scheme_of(address)
    if address.startswith("-") or is_helper(address) or scheme not in _PROTOCOLS or not address.isprintable():
        return f"{show(address)} is no address that is fetched"
    if is_local(address):
        beside = is_local(url) and posixpath.dirname(_path(address)) == posixpath.dirname(_path(url))
        return "" if beside else f"{show(address)} is a folder of this machine"
    if scheme not in (*_SAFE, scheme_of(url)):
        return f"{show(without_login(address))} is neither https nor ssh"
    return ""


def _path(address: str) -> str:
    path = unquote(urlsplit(address).path) if address.startswith("file://") else address
    return posixpath.normpath(path).removesuffix(".git")


def tell_of_submodules(entry: RepositoryEntry, missing: list[str], folder: Path, note: Note) -> None:
    """One line for those that a clone lacks."""
    if missing:
        where = shlex.quote(str(folder / entry.path))
        command = f"git -C {where} submodule update --init --recursive"
        note(f"{entry.path} lacks {_some(missing, 'submodule')}; `{command}` fetches what your git allows")


def _some(names: list[str], what: str) -> str:
    more = len(names) - _NAMED
    shown = ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"its {what}{'s' * (len(names) > 1)} {shown}"


def has_lfs(url: str, here: tuple[str, ...], commit: str) -> bool:
    """Whether a commit keeps files in git LFS."""
    words = ("grep", "-l", "-e", "filter=lfs", commit, "--", ":(glob)**/.gitattributes")
    return bool(packs.ask(url, here, *words))


def tell_of_lfs(entry: RepositoryEntry, clone: Path, commit: str, folder: Path, note: Note) -> None:
    """One line where the files of git LFS are pointers in a clone, since the user's git has no filter for them."""
    here = packs.in_clone(clone)
    if not has_lfs(entry.url, here, commit):
        return
    is_there = shutil.which("git-lfs") is not None
    if is_there and packs.ask(entry.url, here, "config", "--get-regexp", r"^filter\.lfs\.(process|smudge)$"):
        return
    ways = [] if is_there else ["sudo apt-get install git-lfs"]
    ways += ["git lfs install", f"git -C {shlex.quote(str(folder / entry.path))} lfs pull"]
    note(f"{entry.path} has files in git LFS, which are pointers here: `{' && '.join(ways)}` fetches them")
