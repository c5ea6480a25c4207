"""`save` and `load`: a project with its image, in one file, to a site with no network."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from robenv import __version__
from robenv.engine.iterators import close
from robenv.engine.protocol import Engine, StepEvent, TransferEvent
from robenv.environment.image import ensure_image, project_image
from robenv.environment.load import Loaded, load
from robenv.environment.locking import resolve_locked
from robenv.environment.outgoing import Outgoing
from robenv.environment.reporter import Reporter, building
from robenv.errors import DiskFull, OperationFailed, RobenvError, UsageError
from robenv.paths import cache_folder
from robenv.plan.names import LABEL_HASH
from robenv.share import archive
from robenv.share.archive import BadArchive, Contents, SavedImage, SavedSource
from robenv.share.git import Repository
from robenv.share.reference import repository_of
from robenv.share.registry import adopt


def save_project(
    engine: Engine,
    target: Path,
    every: Sequence[Loaded],
    sources: Mapping[str, str],
    files: Outgoing,
    reporter: Reporter,
) -> Contents:
    """Writes ``target`` whole or not at all, with the images of ``every`` platform; builds those that are not there.

    ``sources``: the commit of each git source, as the lock has it. Raises what building raises, and DiskFull,
    EngineLost, GitFailed, OperationFailed.
    """
    with _staged(engine, [_saved(engine, loaded, reporter) for loaded in every]) as images:
        found = {(repository_of(source), commit): None for source, commit in sources.items()}
        packs = tuple(
            SavedSource(url, commit, f"{archive.GIT}{number}.pack") for number, (url, commit) in enumerate(found)
        )
        contents = Contents(__version__, every[0].build.project, every[0].files.file.name, images, packs)
        size = sum(image.size for image in images)
        with (
            _step(reporter, "Saving", str(target), size) as moved,
            archive.writing(target, contents, moved) as writer,
        ):
            for name, path in files.files.items():
                writer.add_file(archive.PROJECT + name, path)
            for name, link in files.links.items():
                writer.add_link(archive.PROJECT + name, link)
            _add_packs(writer, packs)
            _add_images(writer, engine.save_images([image.staging for image in images]))
    return contents


def own_variables(every: Sequence[Loaded]) -> list[str]:
    """Variables of this environment without which the images would be others, or nothing could be planned."""
    files = every[0].files
    seen = [name for name, value in every[0].resolved.inputs.variables if value is not None]
    try:
        bare = resolve_locked(files.root, files.file, {}, lambda text: None, shared=True).resolved
        same = all(load(bare, one.build.platform, one.build.purpose).content_hash == one.content_hash for one in every)
    except RobenvError:
        same = False
    return [] if same else seen


def _saved(engine: Engine, loaded: Loaded, reporter: Reporter) -> SavedImage:
    image = ensure_image(engine, loaded, reporter).image
    wanted = project_image(loaded)
    # A name that nobody uses, so that no half of an image can ever stand under the real one.
    staging = f"robenv/saved:{wanted.content_hash[:32]}"
    stage = loaded.build.purpose
    return SavedImage(wanted.project, wanted.content_hash, wanted.platform, staging, image.layers, image.size, stage)


@contextmanager
def _staged(engine: Engine, images: list[SavedImage]) -> Iterator[tuple[SavedImage, ...]]:
    """The images under their staging names while the block runs."""
    try:
        for image in images:
            engine.tag(image.wanted.reference, image.staging)
        yield tuple(images)
    finally:
        for image in images:
            _remove(engine, image.staging)


def _add_images(writer: archive.ArchiveWriter, tar: Iterator[bytes]) -> None:
    try:
        writer.add_images(tar)
    finally:
        close(tar)


def _add_packs(writer: archive.ArchiveWriter, packs: tuple[SavedSource, ...]) -> None:
    with tempfile.TemporaryDirectory(prefix="robenv-") as folder:
        for pack in packs:
            path = Path(folder, "pack")
            Repository(pack.url, lambda text: None).write_pack(pack.commit, path)
            writer.add_file(pack.member, path)


@dataclass(frozen=True)
class Arrived:
    """What `load` has taken in. ``project``: where its files are; None where nobody asked for them."""

    contents: Contents
    project: Path | None


def load_archive(engine: Engine, source: Path, to: Path | None, platform: str | None, reporter: Reporter) -> Arrived:
    """Takes in what `save` wrote. The file is read through and checked before anything is made of it.

    ``to``: a folder for the project's files, which must not be there or be empty. ``platform``: the one that the images
    have to be for; None: the engine's. Raises BadArchive, UsageError, DiskFull, GitFailed, EngineLost, WrongImage.
    """
    if to is not None and (to.is_symlink() or (to.exists() and (not to.is_dir() or any(to.iterdir())))):
        raise UsageError(f"{to} is there already, and not empty", hint="`--to` names a new folder")
    with _step(reporter, "Checking", str(source), _size(source)) as moved:
        contents = archive.check(source, moved)
    _check_platform(source, contents, platform or engine.info().platform)
    place = (to if to is not None else Path(cache_folder(), "load")).absolute()
    with _step(reporter, "Loading", str(source), _size(source)) as moved, _new_folder(place) as folder:
        _take(engine, source, contents, folder, moved)
        if to is not None:
            (folder / "project").rename(to)
    return Arrived(contents, to)


def unlike(arrived: Arrived) -> list[str]:
    """Why `up` would build all the same: the project, as it arrived, wants another image here than the saved one."""
    if arrived.project is None:
        return []
    contents = arrived.contents
    try:
        found = resolve_locked(arrived.project, Path(contents.file), os.environ, lambda text: None, shared=True)
        hashes = {
            image.content_hash: load(found.resolved, image.platform, image.stage).content_hash
            for image in contents.images
        }
    except RobenvError as error:
        return [f"the project cannot be planned here: {error.message}"]
    if all(saved == here for saved, here in hashes.items()):
        return []
    why = (
        f"it was saved by robenv {contents.robenv}, this is {__version__}"
        if contents.robenv != __version__
        else ("does it depend on variables of the environment?")
    )
    return [f"here the project wants another image than the one in the file: {why}"]


def _take(engine: Engine, source: Path, contents: Contents, folder: Path, moved: Callable[[int], object]) -> None:
    (folder / "project").mkdir()
    (folder / "git").mkdir(mode=0o700)
    links: dict[Path, str] = {}
    commits = {pack.member: pack for pack in contents.sources}
    with archive.reading(source, moved) as members:
        for info, file in members:
            path = folder / info.name
            if info.name.startswith(archive.IMAGES):
                _make_links(links)
                _take_images(engine, contents, archive.images_tar(_chain((info, file), members)))
                return
            if info.issym():
                links[path] = info.linkname
            elif file is not None and info.name != archive.HEAD:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as target:
                    shutil.copyfileobj(file, target)
                path.chmod(0o755 if info.mode & 0o111 else 0o644)
            if info.name in commits:
                pack = commits[info.name]
                Repository(pack.url, lambda text: None).take_pack(pack.commit, path)
    raise BadArchive(f"{source} holds no image")


def _make_links(links: Mapping[Path, str]) -> None:
    """Last, so that nothing is written through one."""
    for path, target in links.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)


def _take_images(engine: Engine, contents: Contents, tar: Iterator[bytes]) -> None:
    """Under the staging names; each gets its own once it is what it should be, and can be run."""
    try:
        engine.load_images(tar)
        for image in contents.images:
            found = engine.find_image(image.staging, image.platform)
            if found is None or found.layers != image.layers or found.labels.get(LABEL_HASH) != image.content_hash:
                raise BadArchive(
                    f"the engine did not take the image for {image.platform} as it was saved",
                    hint="load the file again; `docker system df` shows whether there is room for it",
                )
            # The containerd image store may answer well and have unpacked nothing.
            name = f"robenv-load-{secrets.token_hex(4)}"
            request = {"Image": found.id, "Entrypoint": ["true"]}  # an image need not say what it runs
            engine.remove_container(engine.create_container(name, request, image.platform), force=True)
            adopt(engine, image.staging, image.wanted)
    finally:
        for image in contents.images:
            _remove(engine, image.staging)


def _check_platform(source: Path, contents: Contents, platform: str) -> None:
    offered = [image.platform for image in contents.images]
    if platform not in offered:
        raise UsageError(
            f"{source} has the image for {', '.join(offered)}, not for {platform}",
            hint=f"`robenv save --platform {platform}` writes one for it; `--platform {offered[0]}` takes this one",
        )


def _chain(first: archive.Member, rest: Iterator[archive.Member]) -> Iterator[archive.Member]:
    yield first
    yield from rest


@contextmanager
def _new_folder(place: Path) -> Iterator[Path]:
    """An empty folder beside ``place``, so that what is in it can be moved there at once; it goes afterwards."""
    folder = place.with_name(f"{place.name}.{os.getpid()}.new")
    try:
        folder.mkdir(parents=True)
        yield folder
    except OSError as error:
        kind = DiskFull if error.errno in (28, 122) else OperationFailed  # ENOSPC, EDQUOT
        raise kind(f"{place} cannot be made", details=str(error), hint="choose another place for it") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove(engine: Engine, reference: str) -> None:
    if engine.find_image(reference) is not None:
        engine.remove_image(reference)


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
