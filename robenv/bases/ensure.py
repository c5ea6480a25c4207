"""What an image stands on, made sure of before the build: pulled, or made from a package archive."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from robenv import __version__
from robenv.bases import apt_archive, mmdebstrap
from robenv.engine.api.inspect import same_platform
from robenv.engine.protocol import BuildEvent, BuildRequest, Engine, ImageEvent, ImageInfo, LogEvent, StepEvent
from robenv.errors import (
    DiskFull,
    ImageNotFound,
    OperationFailed,
    RegistryDenied,
    RegistryUnreachable,
    RobenvError,
)
from robenv.paths import cache_folder
from robenv.plan import names
from robenv.plan.image.mirrors import NO_MIRRORS, Mirrors, pinned_name
from robenv.plan.models import Base, Bootstrap
from robenv.render import render_base, stream
from robenv.render.authority import bundle, trusting
from robenv.render.base import ROOTFS
from robenv.render.entries import FILE, ContextEntry, FileStat
from robenv.util.concurrency import forward

OnEvent = Callable[[BuildEvent], object]


def ensure_base(
    engine: Engine,
    base: Base,
    platform: str,
    on_event: OnEvent,
    through: mmdebstrap.Through | None = None,
    mirrors: Mirrors = NO_MIRRORS,
) -> ImageInfo:
    """The image that ``base`` names, for ``platform``; pulled or made where the engine does not have it. ``through``:
    to the machine whose mmdebstrap makes it; default: this one. What a mirror has, and is named by its digest, the
    engine has as ``pinned_name``.

    Raises ImageNotFound, RegistryDenied, RegistryUnreachable, HostLacks, DiskFull, EngineLost, OperationFailed,
    ProfileError.
    """
    wanted = base.bootstrap.platform if base.bootstrap else platform
    mirror = mirrors.image(base.reference) if base.image else base.reference
    name = base.reference if mirror == base.reference else pinned_name(base.reference)
    found = engine.find_image(name, wanted)
    if found is not None:
        return found
    if base.bootstrap is not None:
        return _bootstrap(engine, base.reference, base.bootstrap, on_event, through, mirrors)
    if mirror != base.reference:
        _pull_from_mirror(engine, base.reference, mirror, wanted, on_event)
        return _found(engine.find_image(name, wanted), base.reference)
    try:
        forward(engine.pull(base.reference, wanted), on_event)
    except (ImageNotFound, RegistryDenied, RegistryUnreachable) as error:
        raise _not_for(engine, base.reference, wanted, error) from error
    return _found(engine.find_image(base.reference, wanted), base.reference)


def _pull_from_mirror(engine: Engine, reference: str, mirror: str, platform: str, on_event: OnEvent) -> None:
    """Pulls under the mirror's name, gives the image its own, and leaves nothing of the other."""
    name = pinned_name(reference)
    found = engine.find_image(reference, platform)
    if found is not None:
        engine.tag(found.id, name)
        return
    try:
        forward(engine.pull(mirror, platform), on_event)
    except (ImageNotFound, RegistryDenied, RegistryUnreachable) as error:
        raise error_of_mirror(error, reference, mirror) from error
    engine.tag(mirror, name)
    engine.remove_image(mirror)


def error_of_mirror(error: OperationFailed, reference: str, mirror: str) -> OperationFailed:
    """The error with whose mirror it was that failed."""
    if mirror == reference:
        return error
    told = f"`mirrors.registries` says that {mirror} stands for {reference}."
    return type(error)(error.message, details=error.details, hint=f"{error.hint} {told}".strip())


def _not_for(engine: Engine, reference: str, platform: str, error: RobenvError) -> RobenvError:
    """The error, or another one where the engine has that image for another platform and no registry offers more."""
    here = engine.find_image(reference)
    if here is None or same_platform(here.platform, platform) or " is not offered for " in error.message:
        return error
    return ImageNotFound(
        f"The image {reference} is on this engine for {here.platform} alone, and not for {platform}.",
        details=error.message,
        hint=f"Name another base for {platform} under `per_platform`, or build this one for it.",
    )


def _bootstrap(
    engine: Engine,
    reference: str,
    wanted: Bootstrap,
    on_event: OnEvent,
    through: mmdebstrap.Through | None,
    mirrors: Mirrors,
) -> ImageInfo:
    recipe = mmdebstrap.plan_recipe(wanted, mirrors)
    step = StepEvent(f"base {reference}", recipe.title, started=time.time())
    on_event(step)

    def say(text: str) -> None:
        on_event(LogEvent(step.id, text))

    with _alone(reference, lambda: say("another robenv makes this base; waiting for it\n")) as folder:
        made = engine.find_image(reference, wanted.platform)  # perhaps by whom we waited for
        if made is None:
            _make(engine, reference, recipe, folder, say, on_event, through, mirrors)
            made = engine.find_image(reference, wanted.platform)
    on_event(StepEvent(step.id, step.name, step.started, completed=time.time()))
    return _found(made, reference)


def _make(
    engine: Engine,
    reference: str,
    recipe: mmdebstrap.Recipe,
    folder: Path,
    say: Callable[[str], object],
    on_event: OnEvent,
    through: mmdebstrap.Through | None,
    mirrors: Mirrors,
) -> None:
    if through is None:
        mmdebstrap.find_mmdebstrap()
    keyrings = mmdebstrap.find_keyrings(recipe) if through is None else mmdebstrap.default_keyrings(recipe)
    sources, epoch = apt_archive.probe_sources(recipe.sources, trusting(mirrors))
    tar = folder / ROOTFS
    with _authorities(mirrors) as authorities:
        command = mmdebstrap.arguments(recipe, keyrings, sources, authorities)
        mmdebstrap.run(command, recipe, tar, epoch, say, through)
    request = BuildRequest(
        tag=reference,
        platform=recipe.bootstrap.platform,
        labels={names.LABEL_ROLE: names.ROLE_BASE, names.LABEL_VERSION: __version__},
        buildkit=engine.info().buildkit,
    )
    # That the base is made does not say that the build it is for has gone well.
    forward(
        engine.build(request, _context(recipe.bootstrap, tar)),
        lambda event: None if isinstance(event, ImageEvent) else on_event(event),
    )


@contextmanager
def _authorities(mirrors: Mirrors) -> Iterator[str]:
    """A file with those whose certificates apt is to take, for whoever it runs as; "" where it knows them."""
    data = bundle(mirrors)
    if not data:
        yield ""
        return
    with tempfile.TemporaryDirectory(prefix="robenv-base-") as name:
        Path(name).chmod(0o755)
        path = Path(name, "authorities.pem")
        path.write_bytes(data)
        path.chmod(0o644)
        yield str(path)


def _context(wanted: Bootstrap, tar: Path) -> Iterator[bytes]:
    status = tar.stat()
    stat = FileStat(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    dockerfile = ContextEntry("Dockerfile", FILE, 0o644, data=render_base(wanted).encode())
    return stream([dockerfile, ContextEntry(ROOTFS, FILE, 0o644, host_path=str(tar.resolve()), stat=stat)])


@contextmanager
def _alone(reference: str, waiting: Callable[[], object]) -> Iterator[Path]:
    """One robenv at a time makes a base; yields an empty folder for it, which goes afterwards.

    The lock dies with its holder; what a killed one left in the folder goes before the next begins.
    """
    name = reference.replace("/", "-").replace(":", "-")
    folder = Path(cache_folder(), "bases", name)
    with _lock(Path(cache_folder(), "locks", f"{name}.lock")) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            _empty(folder)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _lock(path: Path) -> TextIO:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path.open("a")
    except OSError as error:
        raise _no_room(error, path.parent) from error


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise _no_room(error, folder) from error


def _no_room(error: OSError, folder: Path) -> OperationFailed:
    kind = DiskFull if error.errno in (28, 122) else OperationFailed  # ENOSPC, EDQUOT
    return kind(
        f"The base cannot be made in {folder}.", details=str(error), hint="XDG_CACHE_HOME chooses another place."
    )


def _found(image: ImageInfo | None, reference: str) -> ImageInfo:
    if image is None:
        raise ImageNotFound(f"The engine does not have {reference}, although it just got it.")
    return image
