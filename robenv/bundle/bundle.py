"""`save` and `load`: a project with its image, in one file, to a site with no network."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO

from robenv import __version__
from robenv.bundle import archive
from robenv.bundle.contents import BadArchive, Contents, SavedImage, SavedRepository, SavedSource
from robenv.bundle.project_files import BundledFiles
from robenv.bundle.staging import staged_for_save, staging_names_for_load
from robenv.bundle.verify import require_same_image
from robenv.engine.protocol import Engine, StepEvent, TransferEvent
from robenv.errors import DiskFull, OperationFailed, RobenvError, UsageError
from robenv.git.command import git_through
from robenv.git.profile_cache import CachedRepository
from robenv.git.references import repository_of
from robenv.git.workspace.clones_in import clone_pack, keep
from robenv.git.workspace.repos_out import HeldCommit
from robenv.paths import cache_folder, unfinished
from robenv.plan.models import RUN
from robenv.plan.names import LABEL_HASH
from robenv.project.gate import ApprovedProject
from robenv.project.image.image import ensure_image, project_image
from robenv.project.lock_policy import resolve_locked
from robenv.project.planned import PlannedProject, plan_project
from robenv.project.registry import adopt_image
from robenv.project.reporter import Reporter, building
from robenv.project.repositories import saved_places
from robenv.util.concurrency import close
from robenv.util.safe_extract import Extractor
from robenv.util.safe_tree import CLOSED, LINK, BadTree, Item, check_tree
from robenv.util.tar_reader import Member


def save_project(
    engine: Engine,
    target: Path,
    approved: Sequence[ApprovedProject],
    sources: Mapping[str, str],
    held: Mapping[HeldCommit, str],
    files: BundledFiles,
    reporter: Reporter,
) -> Contents:
    """Writes ``target`` whole or not at all, with the images of what is ``approved``; builds what is missing.

    ``sources``: the commit of each git source, as the lock has it. ``held``: the workspace's repositories, with what
    of each is not in its commit. Raises what building raises, and DiskFull, EngineLost, GitFailed, OperationFailed;
    UsageError for a project that would want another image where it arrives.
    """
    every = [one.planned for one in approved]
    with _new_folder(Path(cache_folder(), "save")) as folder:
        packs, repositories = _packed(every[0], sources, held, folder, reporter)
        if repositories:
            _leave_to_git(every, files, repositories, held, folder)
        _check_files(files, repositories)
        with staged_for_save(engine, [_saved(engine, one, reporter) for one in approved]) as images:
            project, file = every[0].build.project, every[0].files.file
            contents = Contents(__version__, project, file.name, images, packs, repositories)
            size = sum(image.size for image in images) + sum(
                _size(folder / commit.member) for commit in contents.commits
            )
            with (
                _step(reporter, "Saving", str(target), size) as moved,
                archive.write_archive(target, contents, moved) as writer,
            ):
                for name, path in files.files.items():
                    writer.add_file(archive.PROJECT + name, path)
                for name, link in files.links.items():
                    writer.add_link(archive.PROJECT + name, link)
                for pack in contents.commits:
                    writer.add_file(pack.member, folder / pack.member)
                _add_images(writer, engine.save_images([image.staging for image in images]))
    return contents


def _packed(
    planned: PlannedProject, sources: Mapping[str, str], held: Iterable[HeldCommit], folder: Path, reporter: Reporter
) -> tuple[tuple[SavedSource, ...], tuple[SavedRepository, ...]]:
    """Writes all commits into ``folder``, each as the member that it will be."""
    (folder / archive.GIT).mkdir()
    members = (f"{archive.GIT}{number}.pack" for number in count())
    packs, repositories = [], []
    for url, commit in {(repository_of(source), commit): None for source, commit in sources.items()}:
        packs.append(SavedSource(url, commit, next(members)))
        CachedRepository(url, lambda text: None).write_pack(commit, folder / packs[-1].member)
    git = git_through(planned.mirrors)
    for one, place in saved_places(planned.resolved, held).items():
        repositories.append(SavedRepository(one.at, place, next(members)))
        with _step(reporter, "Packing", one.entry.path, 0):
            one.write_pack(git, folder / repositories[-1].member)
    return tuple(packs), tuple(repositories)


def _leave_to_git(
    every: Sequence[PlannedProject],
    files: BundledFiles,
    repositories: Sequence[SavedRepository],
    held: Mapping[HeldCommit, str],
    folder: Path,
) -> None:
    """Takes out of ``files`` what the repositories bring; where an image is made of such, looks whether it will be the
    same. Raises UsageError."""
    left = files.leave_to_git(repository.path for repository in repositories if repository.path)
    if left or every[0].resolved.packages.seen or any(one.build.purpose == RUN for one in every):
        require_same_image(
            every,
            files,
            {repository: folder / repository.member for repository in repositories},
            held,
            folder / "there",
        )


def _check_files(files: BundledFiles, repositories: Iterable[SavedRepository]) -> None:
    """Raises UsageError for files that `load` would not take."""
    items = [Item(repository.path, CLOSED) for repository in repositories if repository.path]
    items += [Item(name) for name in files.files]
    items += [Item(name, LINK, target) for name, target in files.links.items()]
    try:
        check_tree(items, archive.PROJECT_LIMITS)
    except BadTree as error:
        raise UsageError(f"`load` would refuse the file: of the project it would hold {error}") from error


def own_variables(every: Sequence[PlannedProject]) -> list[str]:
    """Variables of this environment without which the images would be others, or nothing could be planned."""
    files = every[0].files
    seen = [name for name, value in every[0].resolved.inputs.variables if value is not None]
    try:
        bare = resolve_locked(files.root, files.file, {}, lambda text: None, shared=True).resolved
        same = all(
            plan_project(bare, one.build.platform, one.build.purpose).content_hash == one.content_hash for one in every
        )
    except RobenvError:
        same = False
    return [] if same else seen


def _saved(engine: Engine, approved: ApprovedProject, reporter: Reporter) -> SavedImage:
    planned, image = approved.planned, ensure_image(engine, approved, reporter).image
    wanted = project_image(planned)
    stage = planned.build.purpose
    return SavedImage(wanted.project, wanted.content_hash, wanted.platform, "", image.layers, image.size, stage)


def _add_images(writer: archive.ArchiveWriter, tar: Iterator[bytes]) -> None:
    try:
        writer.add_images(tar)
    finally:
        close(tar)


@dataclass(frozen=True)
class LoadedBundle:
    """What `load` has taken in. ``project``: where its files are; None where nobody asked for them."""

    contents: Contents
    project: Path | None


def load_archive(
    engine: Engine, source: Path, to: Path | None, platform: str | None, reporter: Reporter
) -> LoadedBundle:
    """Takes in what `save` wrote. The file is read through and checked before anything is made of it.

    ``to``: a folder for the project's files, which must not be there or be empty. ``platform``: the one that the images
    have to be for; None: the engine's. Raises BadArchive, UsageError, DiskFull, GitFailed, EngineLost, WrongImage.
    """
    if to is not None and (to.is_symlink() or (to.exists() and (not to.is_dir() or any(to.iterdir())))):
        raise UsageError(f"{to} is there already, and not empty", hint="`--to` names a new folder")
    with _step(reporter, "Checking", str(source), _size(source)) as moved:
        contents = archive.check_archive(source, moved)
    _check_platform(source, contents, platform or engine.info().platform)
    place = (to if to is not None else Path(cache_folder(), "load")).absolute()
    with _step(reporter, "Loading", str(source), _size(source)) as moved, _new_folder(place) as folder:
        _take(engine, source, contents, folder, to is not None, moved)
        if to is not None:
            (folder / "project").rename(to)
    return LoadedBundle(contents, to)


def _take(
    engine: Engine,
    source: Path,
    contents: Contents,
    folder: Path,
    clone: bool,
    moved: Callable[[int], object],
) -> None:
    """``clone``: the workspace's repositories into their places in ``folder`` too, and not into the cache alone."""
    (folder / "project").mkdir()
    pack = folder / "pack"
    commits = {pack.member: pack for pack in contents.commits}
    with (
        archive.read_members(source, moved) as members,
        archive.naming_archive(source),
        Extractor(folder / "project", archive.PROJECT_LIMITS) as project,
    ):
        for info, file in members:
            name = info.name.removeprefix(archive.PROJECT)
            if info.name.startswith(archive.IMAGES):
                project.finish()
                _take_images(engine, source, contents, _chain((info, file), members))
                return
            if info.issym():
                project.link(name, info.linkname)
            elif file is not None and name != info.name:
                project.file(name, _pieces(file), 0o755 if info.mode & 0o111 else 0o644)
            elif file is not None and info.name in commits:
                with pack.open("xb") as target:
                    shutil.copyfileobj(file, target)
                _take_commit(commits[info.name], pack, project if clone else None, folder / "project")
                pack.unlink()
    raise BadArchive(f"{source} holds no image")


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.read(1 << 18), b"")


def _take_commit(one: SavedSource | SavedRepository, pack: Path, project: Extractor | None, folder: Path) -> None:
    """``project`` writes into ``folder``, where it keeps a repository's place free; None: the cache has it alone."""
    if isinstance(one, SavedSource):
        repository = CachedRepository(one.url, lambda text: None)
        repository.take_pack(one.commit, pack)
        repository.unpacked(one.commit)
        return
    keep(one.at, pack)
    if project is not None and one.path:
        project.closed(one.path)
        clone_pack(one.at, pack, folder / one.path, folder)


def _take_images(engine: Engine, source: Path, contents: Contents, members: Iterator[Member]) -> None:
    """Under staging names; each gets its own once it is what it should be, and can be run."""
    with staging_names_for_load(engine, contents.images) as names:
        engine.load_images(archive.images_tar(source, members, names))
        for image in contents.images:
            found = engine.find_image(names[image.staging], image.platform)
            if found is None or found.layers != image.layers or found.labels.get(LABEL_HASH) != image.content_hash:
                raise BadArchive(
                    f"the engine did not take the image for {image.platform} as it was saved",
                    hint="load the file again; `docker system df` shows whether there is room for it",
                )
            # The containerd image store may answer well and have unpacked nothing.
            name = f"robenv-load-{secrets.token_hex(4)}"
            request = {"Image": found.id, "Entrypoint": ["true"]}  # an image need not say what it runs
            engine.remove_container(engine.create_container(name, request, image.platform), force=True)
            adopt_image(engine, names[image.staging], image.wanted)


def _check_platform(source: Path, contents: Contents, platform: str) -> None:
    offered = [image.platform for image in contents.images]
    if platform not in offered:
        raise UsageError(
            f"{source} has the image for {', '.join(offered)}, not for {platform}",
            hint=f"`robenv save --platform {platform}` writes one for it; `--platform {offered[0]}` takes this one",
        )


def _chain(first: Member, rest: Iterator[Member]) -> Iterator[Member]:
    yield first
    yield from rest


@contextmanager
def _new_folder(place: Path) -> Iterator[Path]:
    """An empty folder beside ``place``, so that what is in it can be moved there at once; it goes afterwards."""
    folder = Path(unfinished(str(place)))
    try:
        folder.mkdir(parents=True)
        yield folder
    except OSError as error:
        kind = DiskFull if error.errno in (28, 122) else OperationFailed  # ENOSPC, EDQUOT
        raise kind(f"{place} cannot be made", details=str(error), hint="choose another place for it") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


@contextmanager
def _step(reporter: Reporter, doing: str, name: str, total: int) -> Iterator[Callable[[int], object]]:
    """One step of work on a file; what it yields hears of bytes that have moved."""
    step = StepEvent(f"{doing} {name}", name, started=time.time())
    done = told = 0

    def moved(count: int) -> None:
        nonlocal done, told
        done += count
        if done - told >= 1 << 20:
            told = done
            reporter.event(TransferEvent(f"{step.id} bytes", doing.lower(), done, max(total, done), step=step.id))

    with building(reporter, name, None, doing=doing):
        reporter.event(step)
        yield moved
        reporter.event(StepEvent(step.id, step.name, step.started, completed=time.time()))
