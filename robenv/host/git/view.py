"""A repository that commands in a container can write, and what git says of it.

Git does what a repository's own configuration says: it runs filters, hooks and monitors, fetches what is lacking by the
command that is named there, and follows includes. So git is never run in such a repository, but in a view of it: a git
folder in robenv's own cache with a configuration written here. HEAD, the refs, the index, and what is shallow, excluded
or has attributes are copied into it as plain data; the objects are reached by links. What a repository borrows from
another one (alternates) and what is lacking in it (a partial clone) is not there.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from robenv.host.git.refs import read_refs
from robenv.paths import cache_folder, open_folder, unfinished
from robenv.util.sanitize import safe

_PATIENCE = 60
"""Seconds for one question: a status of a large workspace."""
_SMALL, _REFS, _LARGE = 1 << 20, 16 << 20, 256 << 20
"""Bytes: the most that is read of a configuration and its like, of lists of refs or commits, and of an index."""
_DEEP = 8
"""Submodules in submodules."""
_QUIET = (
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false",
    "-c", "submodule.recurse=false", "-c", "status.submoduleSummary=false", "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
)  # fmt: skip
_HARMLESS = frozenset(("core.autocrlf", "core.eol", "core.filemode", "core.ignorecase", "core.symlinks"))
"""Settings that say how files lie in the working tree: without them every file might seem changed."""
_WORD = re.compile(r"[a-z0-9]+", re.IGNORECASE)
_EXTENSIONS = frozenset(
    ("noop", "objectformat", "partialclone", "preciousobjects", "relativeworktrees", "worktreeconfig")
)
_NO_FILTERS = b"\n* -filter\n"
"""Git's highest word on attributes, in the view's own ``info/attributes``."""


class UnreadableRepository(Exception):
    """A repository of which no view can be made; in words why, with what a container may have written in them."""

    def __str__(self) -> str:
        return safe(super().__str__())


@dataclass(frozen=True)
class GitView:
    """``top``: the working tree. ``here``: the words by which git works in the view. ``origin``: where it comes from;
    ``branch``: the one that it is on; "" for none."""

    top: str
    here: tuple[str, ...]
    origin: str
    branch: str
    environ: Mapping[str, str]

    def ask(self, *words: str) -> str:
        """What git says; "" where it says no."""
        return self._said(*words) or ""

    def commit(self, name: str) -> str:
        """The commit, tag or other object of that name; "" for none."""
        return self.ask("rev-parse", "--verify", "--quiet", "--end-of-options", name).strip()

    def is_whole(self, commit: str) -> bool:
        """Whether the repository has the commit, and every file of it."""
        words = ("rev-list", "--objects", "--no-walk", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
        return self._said(*words) is not None

    def changes(self, paths: Sequence[str] = (), deep: int = 0) -> int:
        """How many files and submodules, of ``paths`` where these are given, differ from the commit; -1 where git
        cannot say so. Filters are not run: a file of git LFS counts as changed where its size or time has."""
        listed = self._said("ls-files", "--stage", "-z")
        if listed is None:
            return -1
        entries = [entry.partition("\t")[::2] for entry in listed.split("\0") if entry]
        if any(_leads_elsewhere(name) for _, name in entries):
            return -1
        words = ("status", "--porcelain", "-z", "--no-renames", "--ignore-submodules=dirty", "--", *paths)
        said = self._said(*words)
        if said is None:
            return -1
        found = {line[3:].rstrip("/") for line in said.split("\0") if line}
        # Git would look into a submodule with what its configuration says.
        modules = {name for facts, name in entries if facts.startswith("160000 ")} - found
        return len(found) + sum(self._is_changed(name, paths, deep) for name in modules)

    def _is_changed(self, module: str, paths: Sequence[str], deep: int) -> bool:
        place = os.path.join(self.top, module)
        inside = [path for path in paths if path.startswith(f"{place}/")]
        if paths and not inside and not any(f"{place}/".startswith(f"{path}/") for path in paths):
            return False
        if deep == _DEEP:
            return True
        try:
            os.close(open_folder(self.top, *module.split("/")))
        except OSError:
            return False  # of what is there instead, git has told
        if not os.path.lexists(os.path.join(place, ".git")):
            return False
        try:
            with git_view(place, self.environ) as seen:
                return seen.changes(inside, deep + 1) != 0
        except UnreadableRepository:
            return True

    def _said(self, *words: str) -> str | None:
        return _git((*_QUIET, *self.here, *words), self.environ)


def find_repository(folder: str, environ: Mapping[str, str]) -> str:
    """The working tree that ``folder`` lies in, as git looks for it; "" for none."""
    ceilings = [os.path.realpath(path) for path in environ.get("GIT_CEILING_DIRECTORIES", "").split(":") if path]
    here = os.path.realpath(folder)
    try:
        device = os.stat(here).st_dev
        while not _has_repository(here):
            up = os.path.dirname(here)
            if up == here or up in ceilings or os.stat(up).st_dev != device:
                return ""
            here = up
    except OSError:
        return ""
    return here


def _has_repository(folder: str) -> bool:
    git = os.path.join(folder, ".git")
    return os.path.isfile(git) or os.path.lexists(os.path.join(git, "HEAD"))


@contextmanager
def git_view(top: str, environ: Mapping[str, str]) -> Iterator[GitView]:
    """A view of the repository whose working tree ``top`` is, for as long as the block lasts. Raises Unreadable."""
    new = Path(unfinished(os.path.join(cache_folder(), "views", "view")))
    try:
        try:
            with ExitStack() as stack:
                seen = _RepositoryFolders(top, stack).copy(new, environ)
        except OSError as error:
            raise UnreadableRepository(f"{error.filename or top}: {error.strerror}") from error
        except ValueError as error:  # a path with a NUL character
            raise UnreadableRepository(f"{top}/.git names no place: {error}") from error
        yield seen
    finally:
        shutil.rmtree(new, ignore_errors=True)


class _RepositoryFolders:
    """The open folders of a repository. ``git``: what belongs to one working tree; ``common``: what several share."""

    def __init__(self, top: str, stack: ExitStack) -> None:
        self._stack = stack
        self.top = os.path.realpath(top)
        self.elsewhere = ""
        """Where the git folder is, if not in the working tree."""
        self.is_worktree = False
        folder = self._open(open_folder(self.top))
        place = os.path.join(self.top, ".git")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            self.git = self._open(os.open(".git", flags, dir_fd=folder))
        except OSError as error:
            raise UnreadableRepository(
                f"{place} is a link" if os.path.islink(place) else f"{place}: {error.strerror}"
            ) from error
        if stat.S_ISREG(os.fstat(self.git).st_mode):
            self._follow(_read_open(self.git, _SMALL, place))
        self.common = self.git
        self.place = self.elsewhere or place
        self._find_common()

    def _open(self, descriptor: int) -> int:
        self._stack.callback(os.close, descriptor)
        return descriptor

    def _follow(self, text: bytes) -> None:
        """A ``.git`` file says where the git folder is. Whether that knows of it is looked at later."""
        word, found, path = os.fsdecode(text).rstrip("\n").partition("gitdir: ")
        if word or not found:
            raise UnreadableRepository(f"{self.top}/.git is no git folder, and names none")
        self.elsewhere = os.path.realpath(os.path.join(self.top, path))
        self.git = self._open(open_folder(self.elsewhere))

    def _find_common(self) -> None:
        """A working tree made by `git worktree` shares a repository. It must be known there: a container can write
        which one it says it is of."""
        said = self.read("commondir")
        if said is None:
            return
        self.is_worktree = True
        self.place = os.path.realpath(os.path.join(self.place, os.fsdecode(said).rstrip("\n")))
        back = os.path.join(self.elsewhere, os.fsdecode(self.read("gitdir") or b"").rstrip("\n"))
        known = os.path.dirname(self.elsewhere) == os.path.join(self.place, "worktrees")
        if not known or os.path.realpath(back) != os.path.join(self.top, ".git"):
            raise UnreadableRepository(f"{self.place} knows of no working tree at {self.top}")
        self.common = self._open(open_folder(self.place))

    def read(self, *parts: str, limit: int = _SMALL) -> bytes | None:
        return self._read(self.git, parts, limit)

    def read_common(self, *parts: str, limit: int = _SMALL) -> bytes | None:
        return self._read(self.common, parts, limit)

    def _read(self, folder: int, parts: Sequence[str], limit: int) -> bytes | None:
        """A plain file's content; None where it is not there. Raises Unreadable for anything else."""
        name = "/".join(parts)
        try:
            above = open_folder(folder, *parts[:-1])
            try:
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                file = os.open(parts[-1], flags, dir_fd=above)
            finally:
                os.close(above)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnreadableRepository(f"its {name} cannot be read: {error.strerror}") from error
        try:
            return _read_open(file, limit, name)
        finally:
            os.close(file)

    def copy(self, new: Path, environ: Mapping[str, str]) -> GitView:
        """Makes the view in the folder ``new``. Raises Unreadable, OSError."""
        new.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.mkdir(mode=0o700)
        for name in ("objects", "refs", "info"):
            (new / name).mkdir()
        (new / "HEAD").write_text("ref: refs/heads/main\n")
        config = _settings(self.read_common("config") or b"", new, environ)
        self._require_known(config)
        refs = read_refs(self.common, self.read("HEAD", limit=4096), self.read_common("packed-refs", limit=_REFS))
        if isinstance(refs, str):
            raise UnreadableRepository(refs)
        _write_config(config, new)
        refs.write(new)
        self._copy_index(new)
        for name in ("shallow", "info/exclude", "info/attributes"):
            data = self.read_common(*name.split("/"), limit=_REFS) or b""
            if name == "info/attributes":
                data += _NO_FILTERS
            if data:
                (new / name).write_bytes(data)
        self._link_objects(new / "objects")
        here = ("--no-replace-objects", "--git-dir", str(new), "--work-tree", self.top)
        return GitView(self.top, here, config.get("remote.origin.url", ""), refs.branch, environ)

    def _require_known(self, config: Mapping[str, str]) -> None:
        if config.get("extensions.refstorage", "files") != "files":
            raise UnreadableRepository("its refs are kept as a reftable, which robenv does not read")
        names = {key.partition(".")[2] for key in config if key.startswith("extensions.")}
        if unknown := sorted(names - _EXTENSIONS - {"refstorage"}):
            raise UnreadableRepository(f"it has an extension that robenv does not know: {unknown[0]}")
        if self.elsewhere and not self.is_worktree:
            # A submodule's git folder, which names its working tree.
            tree = os.path.join(self.elsewhere, config.get("core.worktree", ""))
            if "core.worktree" not in config or os.path.realpath(tree) != self.top:
                raise UnreadableRepository(f"{self.elsewhere} does not say that {self.top} is its working tree")

    def _copy_index(self, new: Path) -> None:
        data = self.read("index", limit=_LARGE)
        if data is None:
            return
        (new / "index").write_bytes(data)
        # Git compares a file's content where the file is not older than the index.
        time = os.stat("index", dir_fd=self.git, follow_symlinks=False).st_mtime_ns
        os.utime(new / "index", ns=(time, time))

    def _link_objects(self, new: Path) -> None:
        """Folder by folder, without ``info``: that may name other repositories. Who changes one of them for a link just
        now gets objects read that he has to know by their digests."""
        objects = self._open(open_folder(self.common, "objects"))
        for name in os.listdir(objects):
            if (name == "pack" or re.fullmatch("[0-9a-f]{2}", name)) and _has_plain_files(name, objects):
                (new / name).symlink_to(os.path.join(self.place, "objects", name))
        (new / "info").mkdir()


def _has_plain_files(name: str, above: int) -> bool:
    """Whether it is a folder, and holds no link, and no named pipe on which git would wait."""
    try:
        folder = open_folder(above, name)
    except OSError:
        return False
    try:
        with os.scandir(folder) as entries:
            return all(entry.is_file(follow_symlinks=False) for entry in entries)
    finally:
        os.close(folder)


def _read_open(file: int, limit: int, name: str) -> bytes:
    """Judged by what was opened, which nobody can exchange any more."""
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableRepository(f"its {name} is no plain file")
    parts, left = [], limit + 1
    while left and (piece := os.read(file, min(left, 1 << 20))):
        parts.append(piece)
        left -= len(piece)
    if not left:
        raise UnreadableRepository(f"its {name} is larger than {limit >> 10} KiB")
    return b"".join(parts)


def _settings(data: bytes, new: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """What a configuration says of what matters here, the last word of each; its includes are not followed."""
    (new / "theirs").write_bytes(data)
    words = ("config", "--file", str(new / "theirs"), "--no-includes", "--null", "--list")
    said = _git(("--git-dir", str(new), *words), environ)
    if said is None:
        raise UnreadableRepository("git cannot read its configuration")
    found: dict[str, str] = {}
    for entry in said.split("\0"):
        key, _, value = entry.partition("\n")
        if key in ("remote.origin.url", "core.worktree", *_HARMLESS) or key.startswith("extensions."):
            found[key] = value
    return found


def _write_config(theirs: Mapping[str, str], new: Path) -> None:
    is_sha256 = theirs.get("extensions.objectformat", "").lower() == "sha256"
    lines = ["[core]", f"repositoryformatversion = {int(is_sha256)}", "bare = false", "logAllRefUpdates = false"]
    # What was copied has other inodes and times of change than git has noted.
    lines += ["trustctime = false", "checkStat = minimal"]
    for key in sorted(_HARMLESS):
        if _WORD.fullmatch(value := theirs.get(key, "")):
            lines.append(f"{key.partition('.')[2]} = {value}")
    lines += ["[extensions]", "objectFormat = sha256"] if is_sha256 else []
    (new / "config").write_text("\n".join(lines) + "\n")


def _leads_elsewhere(name: str) -> bool:
    """Whether git, comparing the index with the working tree, would read a file that lies elsewhere."""
    return any(part in ("", ".", "..") or part.lower() == ".git" for part in name.split("/"))


def _git(words: Sequence[str], environ: Mapping[str, str]) -> str | None:
    kept = {key: value for key, value in environ.items() if not key.startswith("GIT_") or key.startswith("GIT_CONFIG")}
    asked = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    try:
        done = subprocess.run(
            ("git", *words),
            cwd="/",  # no repository: git would read the configuration of the one it is called in
            env={**kept, **asked},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return os.fsdecode(done.stdout) if done.returncode == 0 else None
