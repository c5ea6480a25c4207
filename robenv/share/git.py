"""Profiles from git: fetched by the user's own git into a cache, and unpacked from there commit by commit.

A fetched repository is data. It is bare, and nothing of it is ever checked out by git: no hooks, no filters, no
submodules. This module writes out the blobs of a commit itself, and refuses what would leave the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robenv.paths import cache_folder, write_atomically
from robenv.share import packs
from robenv.share.reference import GitReference
from robenv.share.run_git import Git, GitFailed, environment

_MAX_BYTES = 256 * 1024 * 1024
_MAX_FILES = 20_000


class Repository:
    """The cache of one repository: ``git``, a bare clone, and ``trees/COMMIT``, unpacked."""

    def __init__(self, url: str, note: Callable[[str], None], git: Git | None = None) -> None:
        self.url = url
        self.key = hashlib.sha256(url.encode()).hexdigest()[:24]
        self.folder = Path(cache_folder()) / "git" / self.key
        self._note = note
        self._program = git or Git()

    def resolve(self, reference: GitReference) -> str:
        """The commit that the reference means at its origin now; fetches it. Raises GitFailed."""
        if reference.commit:
            self.fetch(reference.commit)
            return reference.commit
        with self._locked():
            self._note(f"fetching {self.url}" + (f" at {reference.ref}" if reference.ref else ""))
            self._make()
            self._git("fetch", "--force", "--no-tags", "--quiet", "origin", _refspec(reference.ref))
            return self._git("rev-parse", "--verify", "--end-of-options", "refs/robenv/asked^{commit}").strip()

    def has(self, commit: str) -> bool:
        """Whether the commit is here, so that nothing need be fetched."""
        return self.tree(commit).is_dir() or (self._git_folder.is_dir() and self._knows(commit))

    def fetch(self, commit: str, ref: str = "") -> None:
        """Brings one commit; where the server gives none by its name, all branches and tags. Raises GitFailed."""
        if self.has(commit):
            return
        with self._locked():
            if self.has(commit):
                return
            self._note(f"fetching {self.url} at {commit[:12]}")
            self._make(commit)
            try:
                self._git("fetch", "--force", "--no-tags", "--quiet", "origin", commit)
            except GitFailed:
                everything = ("+refs/heads/*:refs/robenv/heads/*", "+refs/tags/*:refs/robenv/tags/*")
                self._git("fetch", "--force", "--no-tags", "--quiet", "origin", *everything)
            if not self._knows(commit):
                raise GitFailed(
                    f"{self.url} has no commit {commit[:12]}" + (f" any more (it was {ref})" if ref else ""),
                    hint="`robenv update` takes what is there now",
                )

    def unpacked(self, commit: str) -> Path:
        """The folder with the files of ``commit``, which must be here. Raises GitFailed for what would leave it."""
        tree = self.tree(commit)
        if tree.is_dir():
            return tree
        with self._locked():
            if not tree.is_dir():
                new = tree.with_name(f"{commit}.{secrets.token_hex(4)}.new")
                new.mkdir(parents=True, mode=0o700)
                try:
                    self._unpack(commit, new)
                    new.rename(tree)
                except BaseException:
                    shutil.rmtree(new, ignore_errors=True)
                    raise
        return tree

    def write_pack(self, commit: str, target: Path, also: str = "") -> None:
        """The commit and all of its files, without its past, as a pack. ``also``: a tag that goes along.

        Raises GitFailed.
        """
        names = dict.fromkeys((commit, also or commit))
        packs.write_pack(self._program, self.url, self.here, [*names], target)

    def take_pack(self, commit: str, source: Path) -> None:
        """Takes in what ``write_pack`` wrote. Raises GitFailed where that is not all of ``commit``."""
        with self._locked():
            self._make(commit)
            packs.take_pack(self._program, self.url, self.here, commit, source)

    def keep_name(self, commit: str, ref: str, target: str) -> None:
        """Notes what a commit that came by a pack is called at its origin: ``ref`` is ``target`` there.

        No ref of git's: one would tell servers that the commit's past is here as well.
        """
        names = {**self.names(commit), ref: target}
        write_atomically(str(self._names(commit)), json.dumps(names).encode())

    def names(self, commit: str) -> dict[str, str]:
        """By ref, what ``keep_name`` noted of a commit; empty for all that did not come by a pack."""
        try:
            found = json.loads(self._names(commit).read_bytes())
        except (OSError, ValueError):
            return {}
        return {str(ref): str(target) for ref, target in found.items()} if isinstance(found, dict) else {}

    def _names(self, commit: str) -> Path:
        return self.folder / "carried" / commit

    def tree(self, commit: str) -> Path:
        return self.folder / "trees" / commit

    @property
    def here(self) -> tuple[str, ...]:
        """The words by which git works in it."""
        return packs.in_bare(self._git_folder)

    @property
    def _git_folder(self) -> Path:
        return self.folder / "git"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # Here, since locks of the environment room are a floor above.
        import fcntl

        self.folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        with (self.folder / "lock").open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _make(self, commit: str = "") -> None:
        if not (self._git_folder / "HEAD").is_file():
            shutil.rmtree(self._git_folder, ignore_errors=True)
            words = ("init", "--quiet", "--bare", "--template=", *packs.object_format(commit))
            self._program.run(self.url, *words, str(self._git_folder))
        self._git("config", "remote.origin.url", self.url)

    def _knows(self, commit: str) -> bool:
        try:
            self._git("cat-file", "-e", f"{commit}^{{commit}}")
        except GitFailed:
            return False
        return True

    def _git(self, *arguments: str, **streams: Any) -> str:
        return self._program.run(self.url, *self._here(*arguments), **streams)

    def _here(self, *arguments: str) -> tuple[str, ...]:
        return (*self.here, *arguments)

    def _unpack(self, commit: str, folder: Path) -> None:
        """Blob by blob: `git archive` would run the user's filters and line-end conversion over them."""
        listing = self._git("ls-tree", "-r", "-z", "--full-tree", commit)
        entries = [entry for entry in map(_entry, listing.split("\0")) if entry is not None]
        if len(entries) > _MAX_FILES:
            raise GitFailed(
                f"{self.url} has more than {_MAX_FILES} files", hint="keep profiles in a repository of their own"
            )
        argv = self._program.argv(*self._here("cat-file", "--batch"))
        pipe = subprocess.PIPE
        with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment()) as process:
            try:
                unpack(self.url, entries, lambda name: _blob(process, name), folder)
            finally:
                process.kill()


@dataclass(frozen=True)
class Entry:
    """A file of a tree. ``mode`` as git has it: ``100644``, ``100755``, ``120000`` (a link), ``160000`` (submodule)."""

    mode: str
    blob: str
    path: str


def _entry(line: str) -> Entry | None:
    facts, tab, path = line.partition("\t")
    mode, _, rest = facts.partition(" ")
    return Entry(mode, rest.rpartition(" ")[2], path) if tab else None


def _blob(process: subprocess.Popen[bytes], name: str) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise GitFailed("git has no pipes")
    process.stdin.write(f"{name}\n".encode())
    process.stdin.flush()
    _, kind, size = [*process.stdout.readline().decode().split(), "", "", "0"][:3]
    if kind != "blob" or int(size) > _MAX_BYTES:
        raise GitFailed(f"the repository holds a file of {size} bytes, or a broken one", hint="robenv clean")
    return process.stdout.read(int(size) + 1)[:-1]


def unpack(url: str, entries: Iterable[Entry], read: Callable[[str], bytes], folder: Path) -> None:
    """Writes files and links that stay inside ``folder``; no submodules. Raises GitFailed for anything else."""
    left = _MAX_BYTES
    for entry in entries:
        parts = entry.path.split("/")
        if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts) or "\\" in entry.path:
            raise GitFailed(f"{url} holds {entry.path!r}, which leaves its folder: refused")
        if entry.mode == "160000":
            continue
        content = read(entry.blob)
        left -= len(content)
        if left < 0:
            raise GitFailed(f"{url} is too large", hint="keep profiles in a repository of their own")
        place = folder.joinpath(*parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        if entry.mode == "120000":
            _link(url, entry.path, os.fsdecode(content), place)
        else:
            with place.open("xb") as file:
                file.write(content)
            place.chmod(0o755 if entry.mode == "100755" else 0o644)


def _link(url: str, path: str, target: str, place: Path) -> None:
    """Kept as a link only where it can lead nowhere else: what it leads to is inside, and checked itself."""
    inside = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if target.startswith("/") or inside.startswith(".."):
        raise GitFailed(f"in {url} the link {path!r} leads out of the repository: refused", details=f"to {target!r}")
    place.symlink_to(target)


def _refspec(ref: str) -> str:
    # HEAD is the default branch. A name is looked for by the server among branches and tags.
    return f"+{ref or 'HEAD'}:refs/robenv/asked"
