"""Profiles from git: fetched by the user's own git into a cache, and unpacked from there commit by commit.

A fetched repository is data. It is bare, and nothing of it is ever checked out by git: no hooks, no filters, no
submodules. A commit's files are written out here, after its tree was judged as a whole (``robenv.util.safe_tree``), and
are held against the commit each time that they are used: containers may have had them in their hands.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from robenv.errors import DiskFull
from robenv.git import packs
from robenv.git.cat_file import Objects
from robenv.git.command import Git, GitFailed, environment
from robenv.git.objects import GitEntry, ObjectRecorder, difference, read_manifest, walk
from robenv.git.references import GitReference
from robenv.paths import cache_folder, write_atomically
from robenv.util.safe_extract import Extractor, remove_tree
from robenv.util.safe_tree import FILE, FOLDER, LINK, BadTree, Item, check_tree

NO_ROOM = (28, 122)  # ENOSPC, EDQUOT
_OWN_REPOSITORY = "keep profiles in a repository of their own, without links that lead out of it"


class CachedRepository:
    """The cache of one repository: ``git``, a bare clone, ``trees/COMMIT``, unpacked, and ``trees/COMMIT.objects``, by
    which that is held against the commit."""

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
            self._git(*packs.CHECKED, "fetch", "--force", "--no-tags", "--quiet", "origin", _refspec(reference.ref))
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
                self._git(*packs.CHECKED, "fetch", "--force", "--no-tags", "--quiet", "origin", commit)
            except GitFailed:
                everything = ("+refs/heads/*:refs/robenv/heads/*", "+refs/tags/*:refs/robenv/tags/*")
                self._git(*packs.CHECKED, "fetch", "--force", "--no-tags", "--quiet", "origin", *everything)
            if not self._knows(commit):
                raise GitFailed(
                    f"{self.url} has no commit {commit[:12]}" + (f" any more (it was {ref})" if ref else ""),
                    hint="`robenv update` takes what is there now",
                )

    def unpacked(self, commit: str) -> Path:
        """The folder with the files of ``commit``, held against the commit; made anew where they are not its files.

        The commit must be here. Raises GitFailed for what may not be written.
        """
        tree = self.tree(commit)
        if self._flaw(commit) is None:
            return tree
        with self._locked():
            flaw = self._flaw(commit)
            if flaw is None:
                return tree
            if flaw:
                self._note(f"what was unpacked of {self.url} at {commit[:12]} was changed ({flaw}): unpacking it anew")
            if not self._knows(commit):
                raise GitFailed(
                    f"what was unpacked of {self.url} at {commit[:12]} is not what the commit holds, and the commit "
                    "itself is not here",
                    details=flaw,
                    hint=self._removal,
                )
            self._unpack_anew(commit, tree)
        return tree

    def _flaw(self, commit: str) -> str | None:
        """What is wrong with an unpacked tree; "" where there is none, or one of an earlier robenv; None: nothing."""
        tree = self.tree(commit)
        objects = read_manifest(self._manifest(commit), len(commit)) if tree.is_dir() else None
        return (difference(tree, commit, objects) or None) if objects is not None else ""

    def _unpack_anew(self, commit: str, tree: Path) -> None:
        tree.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        for left in tree.parent.glob("*.new"):
            remove_tree(left)  # of killed ones: the lock is held
        new, old = (tree.with_name(f"{commit}.{secrets.token_hex(4)}.new") for _ in range(2))
        new.mkdir(mode=0o700)
        try:
            manifest = self._unpack(commit, new)
            if tree.is_symlink() or tree.exists():
                tree.rename(old)
            write_atomically(str(self._manifest(commit)), manifest)
            new.rename(tree)
        except BadTree as error:
            raise GitFailed(f"{self.url} holds {error}: refused", hint=_OWN_REPOSITORY) from None
        except OSError as error:
            kind = DiskFull if error.errno in NO_ROOM else GitFailed
            raise kind(f"{self.url} cannot be unpacked", details=str(error), hint=self._removal) from error
        finally:
            remove_tree(new)
            remove_tree(old)

    @property
    def _removal(self) -> str:
        return f"remove it, and it is fetched anew: `chmod -R u+w {self.folder} && rm -r {self.folder}`"

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

    def _manifest(self, commit: str) -> Path:
        return self.folder / "trees" / f"{commit}.objects"

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

    def _git(self, *arguments: str) -> str:
        return self._program.run(self.url, *self._here(*arguments))

    def _here(self, *arguments: str) -> tuple[str, ...]:
        return (*self.here, *arguments)

    def _unpack(self, commit: str, folder: Path) -> bytes:
        """Object by object: `git archive` would run the user's filters and line-end conversion over them.

        The whole tree is judged before anything of it is written. Gives its manifest.
        """
        argv = self._program.argv(*self._here("cat-file", "--batch"))
        with Objects(argv, environment()) as objects:
            record = ObjectRecorder(objects.read)
            entries = list(walk(commit, record))
            links = {entry.path: objects.target(entry.name) for entry in entries if entry.kind == LINK}
            check_tree(Item(entry.path, entry.kind, links.get(entry.path, "")) for entry in entries)
            with Extractor(folder) as extractor:
                for entry in entries:
                    _write(extractor, entry, objects, links)
                extractor.finish()
                extractor.seal()
        return record.manifest()


def _write(extractor: Extractor, entry: GitEntry, objects: Objects, links: Mapping[str, str]) -> None:
    if entry.kind == FILE:
        extractor.file(entry.path, objects.pieces(entry.name), entry.mode)
    elif entry.kind == LINK:
        extractor.link(entry.path, links[entry.path])
    elif entry.kind == FOLDER:
        extractor.folder(entry.path)


def _refspec(ref: str) -> str:
    # HEAD is the default branch. A name is looked for by the server among branches and tags.
    return f"+{ref or 'HEAD'}:refs/robenv/asked"
