"""Repositories of a workspace that came to where their origins cannot be reached, and the clones that become of them.

What comes so is data: nothing of it runs, no hooks, filters or submodules. ``robenv.git.workspace.repos_out`` sends it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from robenv.git import packs
from robenv.git.command import Git, GitFailed
from robenv.git.placing import placed, private_folder
from robenv.git.profile_cache import CachedRepository
from robenv.git.workspace.repos_file import RepositoryEntry
from robenv.host.git.addresses import is_helper

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"refs/(?:heads|tags)/(?!-)[^\s\x00-\x20~^:?*\[\\\x7f]+")
TAGS, HEADS = "refs/tags/", "refs/heads/"
_NO_FILTERS = b"* -filter\n"
"""Git's highest word on attributes, in a clone's own ``info/attributes``."""


@dataclass(frozen=True)
class CarriedCommit:
    """A commit of a repository. ``ref``: what it is wanted by, such as ``refs/heads/main`` or ``refs/tags/v1``; "" for
    a commit that was named itself. ``target``: what ``ref`` is, a commit or a tag with a message; "" for one that is
    something else by now."""

    url: str
    commit: str
    ref: str
    target: str

    def is_sound(self) -> bool:
        """Whether git takes every word for what it is."""
        commits = is_commit(self.commit) and (self.target == "" or is_commit(self.target))
        return commits and is_address(self.url) and (self.ref == "" or bool(_REF.fullmatch(str(self.ref))))

    @property
    def branch(self) -> str:
        """The branch to be on; "" for none."""
        return self.ref.removeprefix(HEADS) if self.ref.startswith(HEADS) and self.target else ""

    @property
    def tag(self) -> str:
        """The tag's object, where one with a message goes along; "" for none."""
        return self.target if self.target != self.commit else ""


def is_commit(text: object) -> bool:
    return isinstance(text, str) and bool(_COMMIT.fullmatch(text))


def is_address(text: object) -> bool:
    return (
        isinstance(text, str) and bool(text) and not text.startswith("-") and not is_helper(text) and text.isprintable()
    )


def carried_here(entry: RepositoryEntry, commit: str) -> CarriedCommit | None:
    """The entry's commit where `load` has brought it to this machine."""
    names = CachedRepository(entry.url, lambda text: None).names(commit) if commit else {}
    if entry.is_name:
        wanted = [f"{TAGS}{entry.version}", f"{HEADS}{entry.version}"]
    else:
        wanted = [*(ref for ref in names if ref.startswith(HEADS) and not entry.version), ""]
    ref = next((one for one in wanted if one in names), None)
    found = CarriedCommit(entry.url, commit, ref, names[ref]) if ref is not None else None
    return found if found is not None and found.is_sound() else None


def keep(at: CarriedCommit, pack: Path) -> None:
    """Takes a pack into the cache, for whoever needs the commit later. Raises GitFailed."""
    repository = CachedRepository(at.url, lambda text: None)
    repository.take_pack(at.commit, pack)
    repository.keep_name(at.commit, at.ref, at.target)


def clone_kept(at: CarriedCommit, target: Path, root: Path | None = None) -> None:
    """A clone of what ``keep`` has in the cache, as ``clone_pack`` makes it. Raises GitFailed."""
    with private_folder() as new:
        new.mkdir()
        pack = new / "pack"
        CachedRepository(at.url, lambda text: None).write_pack(at.commit, pack, at.tag)
        clone_pack(at, pack, target, root)


def clone_pack(at: CarriedCommit, pack: Path, target: Path, root: Path | None = None) -> None:
    """A clone with the real origin, on its branch or tag, of a commit without its past.

    ``root``: the folder that ``target`` is in, below which nothing leads through a link. Raises GitFailed.
    """
    root = root or target.parent
    with placed(root, target.relative_to(root).as_posix()) as new:
        _run(at, ("init", "--quiet", *packs.object_format(at.commit), "--", str(new)))
        here = packs.in_clone(new)
        _run(at, (*here, "config", "remote.origin.url", at.url))
        _run(at, (*here, "config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"))
        packs.take_pack(Git(), at.url, here, at.commit, pack)
        head = _run(at, (*here, "cat-file", "commit", at.commit)).partition("\n\n")[0]
        if "\nparent " in head:
            (new / ".git/shallow").write_text(f"{at.commit}\n")
        _name(at, here)
        with _without_filters(new):
            check_out(Git(), at.url, here, at.branch, at.commit, silent=True)


def _name(at: CarriedCommit, here: tuple[str, ...]) -> None:
    if at.target and _run(at, (*here, "rev-parse", "--verify", f"{at.target}^{{commit}}")).strip() != at.commit:
        raise GitFailed(f"{at.ref} of {at.url} is not {at.commit[:12]}")
    if at.branch:
        _run(at, (*here, "update-ref", f"refs/remotes/origin/{at.branch}", at.commit))
    elif at.target:
        _run(at, (*here, "update-ref", at.ref, at.target))


def check_out(git: Git, url: str, here: tuple[str, ...], branch: str, commit: str, silent: bool) -> None:
    """At the commit; on its branch, so that one can go on from there. Raises GitFailed."""

    def run(*words: str) -> None:
        git.run(url, *here, *words, silent=silent, timeout=packs.TIMEOUT)

    if not branch:
        run("checkout", "--quiet", "--detach", commit, "--")
    else:
        run("checkout", "--quiet", "--no-track", "-B", branch, commit, "--")
        run("branch", "--quiet", "--set-upstream-to", f"origin/{branch}", branch)


@contextmanager
def _without_filters(clone: Path) -> Iterator[None]:
    """Filters are the user's own, but a repository says which files they get; and LFS would ask its server."""
    attributes = clone / ".git/info/attributes"
    attributes.parent.mkdir(exist_ok=True)
    before = attributes.read_bytes() if attributes.is_file() else None
    attributes.write_bytes((before or b"") + b"\n" + _NO_FILTERS)
    yield
    attributes.unlink()
    if before is not None:
        attributes.write_bytes(before)


def _run(at: CarriedCommit, words: tuple[str, ...]) -> str:
    return Git().run(at.url, *words, silent=True, timeout=packs.TIMEOUT)
