"""What goes into a build context: only what a plan names, looked at but not read; ``stream`` reads it later."""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from robenv.errors import Location, Problem, ProfileError
from robenv.plan.models import BuildPlan, FileCopy
from robenv.plan.packages import AptRepository, ContextFile, leads_elsewhere
from robenv.render.entries import FILE, FOLDER, SYMLINK, ContextEntry, FileStat
from robenv.render.ignore import IgnoreRules, Matched, parse_ignore
from robenv.render.nofollow import open_folder
from robenv.render.quoting import MODE, shown
from robenv.render.stream import read

_IGNORE_FILE = ".dockerignore"
_LEFT_BY_TOOLS = "**/.git\n**/.hg\n**/.svn\n**/__pycache__\n"
"""In a workspace's sources: no build needs it, and it differs from clone to clone."""
_CATKIN = "/catkin/cmake/toplevel.cmake"
"""Where the link leads that catkin_make puts into a folder of sources."""
_MAX_KEY = 4 * 1024 * 1024
_KINDS = {
    stat.S_IFSOCK: "a socket",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFBLK: "a block device",
    stat.S_IFCHR: "a character device",
}


@dataclass(frozen=True)
class Collected:
    entries: tuple[ContextEntry, ...]
    kinds: dict[str, str]
    """FILE or FOLDER of each context path that the plan names."""
    fingerprint: tuple[str, ...]
    absent: tuple[str, ...]


class _Unfit(Exception):
    """Something cannot go into a context; the message is for the user."""


def collect(plan: BuildPlan) -> Collected:
    """The context entries of all that ``plan`` names on this machine. Raises ProfileError with all that is wrong."""
    collector = _Collector(Path(plan.directory) if plan.directory else None, plan.confined)
    for stage in plan.stages:
        for group in stage.groups:
            for repository in group.repositories:
                collector.add_key(repository)
            for install in group.pip_installs:
                for file in install.files:
                    collector.add_pip_file(file, install.location)
            for copy in group.files:
                collector.add_file(copy)
    if collector.problems:
        raise ProfileError("files that the profile names cannot be sent", problems=tuple(collector.problems))
    return Collected(
        tuple(collector.entries), collector.kinds, tuple(sorted(collector.seen)), tuple(sorted(collector.absent))
    )


def _check_pip_file(entry: ContextEntry) -> None:
    if entry.kind != FILE or entry.size > _MAX_KEY:
        raise _Unfit(f"{entry.host_path} is nothing that pip reads")
    lines = b"".join(read(entry)).decode(errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        if leads_elsewhere(line):
            what = f"{entry.host_path}:{number}: {shown(line.strip())} leads to another file, which no build would have"
            raise _Unfit(f"{what} (files have entries of their own under `pip`, packages come by `files` and a step)")


@dataclass
class _Collector:
    root: Path | None
    confined: tuple[str, ...]
    entries: list[ContextEntry] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def add_key(self, repository: AptRepository) -> None:
        if not repository.key_host_path:
            return
        try:
            entry = self._named(repository.key, repository.key_host_path, "", repository.location)
            self._check_key(repository, entry)
        except (OSError, _Unfit) as error:
            self._refuse(error, repository.key_host_path, repository.location)
        else:
            self.entries.append(entry)

    def _check_key(self, repository: AptRepository, entry: ContextEntry) -> None:
        if entry.kind != FILE or entry.size > _MAX_KEY:
            raise _Unfit(f"{repository.key_host_path} is no key file")
        digest = "sha256:" + hashlib.sha256(b"".join(read(entry))).hexdigest()
        if repository.key_checksum and digest != repository.key_checksum:
            raise _Unfit(f"{repository.key_host_path} has the checksum {digest}, not {repository.key_checksum}")

    def add_pip_file(self, file: ContextFile, location: Location | None) -> None:
        try:
            entry = self._named(file.path, file.host_path, "0644", location)
            _check_pip_file(entry)
        except (OSError, _Unfit) as error:
            self._refuse(error, file.host_path, location)
        else:
            self.entries.append(entry)

    def add_file(self, file: FileCopy) -> None:
        if file.stage:
            return
        try:
            entry = self._named(file.source, file.host_path, file.mode, file.location)
            below = list(_ContextWalk(self, entry, file).entries()) if entry.kind == FOLDER else []
        except (OSError, _Unfit) as error:
            self._refuse(error, file.host_path, file.location)
        else:
            self.kinds[file.source] = entry.kind
            self.entries += [entry, *below]

    def _named(self, name: str, host_path: str, mode: str, location: Location | None) -> ContextEntry:
        """What the profile itself names: a link is followed, unlike inside a folder, and followed this one time: what
        is read later is the place that it led to, whatever has become of the link."""
        if mode and not MODE.fullmatch(mode):
            raise _Unfit(f"mode {mode!r} is not an octal number such as 0644")
        self.seen.add(host_path)
        real = self._resolved(host_path)
        with open_folder(str(real.parent)) as above:
            base = real.name or "."
            status = os.stat(base, dir_fd=above, follow_symlinks=False)
            return self.entry(name, str(real), status, mode, location, os.access(base, os.R_OK, dir_fd=above))

    def _resolved(self, host_path: str) -> Path:
        real = Path(host_path).resolve(strict=True)
        for root in self.confined:
            if Path(host_path).is_relative_to(root) and not real.is_relative_to(os.path.realpath(root)):
                raise _Unfit(f"{host_path} leads out of the profile's own folder, to {real}")
        return real

    def entry(
        self,
        name: str,
        host_path: str,
        status: os.stat_result,
        mode: str,
        location: Location | None,
        readable: bool,
    ) -> ContextEntry:
        """A file's or folder's entry."""
        self.seen.add(host_path)
        if stat.S_ISDIR(status.st_mode):
            wanted = int(mode, 8) if mode else 0o755
            # Whoever may read a folder has to enter it.
            return ContextEntry(name, FOLDER, wanted | (wanted & 0o444) >> 2, host_path=host_path, location=location)
        if not stat.S_ISREG(status.st_mode):
            kind = _KINDS.get(stat.S_IFMT(status.st_mode), "no file")
            raise _Unfit(f"{host_path} is {kind}, which cannot go into an image")
        if not readable:
            raise _Unfit(f"{host_path} may not be read by this user")
        wanted = int(mode, 8) if mode else 0o755 if status.st_mode & 0o111 else 0o644
        taken = FileStat(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        return ContextEntry(name, FILE, wanted, host_path=host_path, stat=taken, location=location)

    def rules(self, folder: Path) -> IgnoreRules | None:
        """The .dockerignore of a folder; None where there is none."""
        path = folder / _IGNORE_FILE
        try:
            text = path.read_text("utf-8", errors="surrogateescape")
        except FileNotFoundError:
            self.absent.add(str(path))
            return None
        self.seen.add(str(path))
        try:
            return parse_ignore(text, str(path))
        except ProfileError as error:
            self.problems += error.problems
            return None

    def _refuse(self, error: Exception, path: str, location: Location | None) -> None:
        if isinstance(error, FileNotFoundError):
            self.absent.add(path)
            message = f"there is no {path}"
        elif isinstance(error, OSError):
            message = f"{error.filename or path} cannot be read: {error.strerror}"
        else:
            message = str(error)
        self.problems.append(Problem(message, location))


class _ContextWalk:
    """A folder's entries, without those that its own .dockerignore or the project's leaves out."""

    def __init__(self, collector: _Collector, top: ContextEntry, file: FileCopy) -> None:
        self._collector = collector
        self._top = top
        self._file = file
        self._folder = Path(top.host_path)
        self._rules: list[tuple[IgnoreRules, str]] = []
        """With the walked folder's path as the rules see it."""
        folders = [(self._folder, "")]
        root = collector.root and collector.root.resolve()
        if root and root != self._folder and self._folder.is_relative_to(root):
            folders.append((root, str(self._folder.relative_to(root))))
        for folder, prefix in folders:
            rules = collector.rules(folder)
            if rules is not None:
                self._rules.append((rules, prefix))
        if file.tree:
            self._rules.append((parse_ignore(_LEFT_BY_TOOLS, ""), ""))

    def entries(self) -> Iterator[ContextEntry]:
        pending = [("", tuple(rules.none for rules, _ in self._rules))]
        with open_folder(self._top.host_path) as top:
            while pending:
                inside, above = pending.pop()
                with open_folder(inside, top, self._at(inside)) as folder:
                    yield from self._listed(folder, inside, above, pending)

    def _at(self, path: str) -> str:
        return posixpath.join(self._top.host_path, path)

    def _listed(
        self, folder: int, inside: str, above: tuple[Matched, ...], pending: list[tuple[str, tuple[Matched, ...]]]
    ) -> Iterator[ContextEntry]:
        """The entries of one folder, by its descriptor; the folders in it are put on ``pending``."""
        with os.scandir(folder) as found:
            children = sorted(found, key=lambda child: child.name)
        for child in children:
            path = posixpath.join(inside, child.name)
            matched = self._match(path, above)
            ignored = self._ignored(matched)
            if child.is_dir(follow_symlinks=False) and not self._prunable(path, matched):
                self._collector.seen.add(self._at(path))
                pending.append((path, matched))
            if not ignored and not (self._file.tree and _is_catkins(child, folder)):
                yield self._entry(child, folder, path)

    def _match(self, path: str, above: tuple[Matched, ...]) -> tuple[Matched, ...]:
        return tuple(
            rules.match(posixpath.join(prefix, path), known)
            for (rules, prefix), known in zip(self._rules, above, strict=True)
        )

    def _ignored(self, matched: tuple[Matched, ...]) -> bool:
        return any(rules.ignored(hits) for (rules, _), hits in zip(self._rules, matched, strict=True))

    def _prunable(self, path: str, matched: tuple[Matched, ...]) -> bool:
        """Whether one of the rule sets leaves out all of a folder, so that nobody need walk it."""
        return any(
            rules.ignored(hits) and not rules.may_keep_below(posixpath.join(prefix, path))
            for (rules, prefix), hits in zip(self._rules, matched, strict=True)
        )

    def _entry(self, child: os.DirEntry[str], folder: int, path: str) -> ContextEntry:
        name, host_path = f"{self._top.name}/{path}", self._at(path)
        if not child.is_symlink():
            status = child.stat(follow_symlinks=False)
            readable = os.access(child.name, os.R_OK, dir_fd=folder)
            return self._collector.entry(name, host_path, status, self._file.mode, self._file.location, readable)
        self._collector.seen.add(host_path)
        link = os.readlink(child.name, dir_fd=folder)
        inside = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
        leaves = link.startswith("/") or inside == ".." or inside.startswith("../")
        if leaves and not self._file.tree:
            raise _Unfit(f"{host_path} is a link that leaves its folder: it points to {link}")
        return ContextEntry(name, SYMLINK, 0o777, link=link, location=self._file.location)


def _is_catkins(child: os.DirEntry[str], folder: int) -> bool:
    return child.is_symlink() and os.readlink(child.name, dir_fd=folder).endswith(_CATKIN)
