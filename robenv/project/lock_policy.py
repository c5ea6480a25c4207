"""The lock of a project: read for every plan, written by `lock`, `update`, and where a profile from git is new."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from robenv.bases.ensure import error_of_mirror
from robenv.engine.protocol import Engine
from robenv.errors import ImageNotFound, Problem, ProfileError, RegistryDenied, RegistryUnreachable
from robenv.git.command import git_through
from robenv.git.extends import GitSources
from robenv.lockfile import Lockfile, lock_path, lock_text, read_lock, repository
from robenv.paths import write_atomically
from robenv.plan.image.build import plan_build
from robenv.plan.image.mirrors import Mirrors, mirrors_of, plan_mirrors
from robenv.plan.image.ros import past_end_of_life
from robenv.plan.image.run_image import has_run_image, lacks_python
from robenv.plan.models import DEV, RUN, Base
from robenv.plan.support import past_support
from robenv.profile.chain.extends import display_path
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.profile.resolve.resolved import Resolved
from robenv.profile.resolve.user_config import own_mirrors, read_user_config
from robenv.project.repositories import find_repositories, lacking_repositories, moving_repositories

Moving = Callable[[str], bool]


@dataclass(frozen=True)
class LockedProject:
    """A project, resolved by its lock. ``sources``: the commit of every git source that it uses."""

    resolved: Resolved
    lock: Lockfile
    path: Path
    exists: bool
    sources: Mapping[str, str]

    @property
    def new_sources(self) -> dict[str, str]:
        """Those that the lock does not have as they were used."""
        return {source: commit for source, commit in self.sources.items() if self.lock.git.get(source) != commit}


def resolve_locked(
    directory: Path,
    file: Path | None,
    environ: Mapping[str, str],
    note: Callable[[str], None],
    *,
    frozen: bool = False,
    moving: Moving = lambda source: False,
    shared: bool = False,
) -> LockedProject:
    """The project in or above ``directory``, by its lock where it has one.

    ``frozen``: a git source that the lock does not have is refused. ``shared``: without the overlay and ``.env``, as
    somebody else has it. Raises UsageError, ProfileError.
    """
    found = find_project(directory, file)
    files = found.shared if shared else found
    path = lock_path(files.file)
    lock = read_lock(path, display_path(path, files.root))
    known = lock or Lockfile()
    site = read_user_config(environ)
    mirrors = plan_mirrors(own_mirrors(files), site)
    sources = GitSources(known.git, frozen, moving, note, git=lambda: git_through(mirrors))
    resolved = resolve_project(files, environ, sources)
    inputs = resolved.inputs
    if lock is None:
        inputs = replace(inputs, absent=(*inputs.absent, path))
    else:
        inputs = replace(inputs, files=(*inputs.files, path))
    # Here, where effects are, and not where profiles are read: the same files must mean the same on every day.
    today = date.today()
    warnings = (*resolved.warnings, *(past_end_of_life(resolved, today) or past_support(resolved, today)))
    warnings += lacks_python(resolved)
    resolved = replace(resolved, inputs=inputs, pins=known.pins, site=site, warnings=warnings)
    return LockedProject(resolved, known, path, lock is not None, dict(sources.used))


def pin_sources(locked: LockedProject, note: Callable[[str], None], cloned: Mapping[str, str] | None = None) -> None:
    """Holds fast the git sources that the lock does not have yet, so that the next `up`, anywhere, takes the same.
    ``cloned``: by source, the commits of the workspace's repositories that have just come."""
    new = locked.new_sources
    moving = moving_repositories(locked.resolved) if cloned else {}
    repos = {source: commit for source, commit in (cloned or {}).items() if source in moving.keys() - locked.lock.repos}
    if not new and not repos:
        return
    lock = locked.lock
    write_lock(locked.path, replace(lock, git={**lock.git, **new}, repos={**lock.repos, **repos}))
    for source, commit in {**new, **repos}.items():
        note(f"{locked.path.name}: {source} is at {commit[:12]} from now on; `robenv update` moves it")


def write_lock(path: Path, lock: Lockfile) -> None:
    """The whole file or the old one."""
    write_atomically(str(path), lock_text(lock).encode(), 0o644, exact=True)


def make_lock(
    engine: Callable[[], Engine], locked: LockedProject, platforms: tuple[str, ...], now: str, moving: Moving
) -> tuple[Lockfile, tuple[str, ...]]:
    """The lock that this project should have, and notes on what could not be held fast.

    What the old one has stays unless ``moving`` says otherwise, what the profile no longer names goes. ``engine`` is
    only asked for where an image's digest is to be found. ``now``: the moment for a package snapshot, if one is asked.
    """
    images: dict[str, dict[str, str]] = {}
    mirrors = mirrors_of(locked.resolved)
    notes: list[str] = []
    for platform in platforms:
        for base in image_bases(locked.resolved, platform):
            name = base.asked
            digest = locked.lock.images.get(name, {}).get(platform, "")
            if not digest or moving(name):
                digest = _digest(engine(), name, platform, notes, mirrors)
            if digest:
                images.setdefault(name, {})[platform] = digest
    snapshot = ""
    if locked.resolved.profile.apt.snapshot == "locked":
        kept = "" if moving("apt") else locked.lock.snapshot
        snapshot = kept or now
    repos = _repositories(locked, moving)
    return Lockfile(dict(locked.sources), images, snapshot, repos), tuple(dict.fromkeys(notes))


def _repositories(locked: LockedProject, moving: Moving) -> dict[str, str]:
    """The commits of the workspace's repositories: the lock's, or what their origins have now."""
    wanted, held = moving_repositories(locked.resolved), locked.lock.repos
    stay = {source: held[source] for source in wanted if source in held and not moving(repository(source))}
    asked = [entry for source, entry in wanted.items() if source not in stay]
    return {**stay, **find_repositories(locked.resolved, asked)}


def image_bases(resolved: Resolved, platform: str) -> tuple[Base, ...]:
    """The bases from registries that are named by a tag, as the profile names them in ``asked``."""
    there = resolved.on(platform)
    plan = plan_build(there, platform, RUN if has_run_image(there.profile) else DEV)
    named = (replace(base, asked=base.asked or base.image) for base in plan.bases if base.image)
    return tuple(base for base in named if "@" not in base.asked)


def _digest(engine: Engine, name: str, platform: str, notes: list[str], mirrors: Mirrors) -> str:
    mirror = mirrors.image(name)
    try:
        found = engine.registry_image(mirror)
    except (ImageNotFound, RegistryDenied, RegistryUnreachable) as error:
        here = engine.find_image(name, platform)
        if (
            here is None
            or isinstance(error, RegistryDenied)
            or (here.digests and isinstance(error, RegistryUnreachable))
        ):
            raise error_of_mirror(error, name, mirror) from error
        notes.append(f"{name} is in no registry, only on this engine: it cannot be held fast")
        return ""
    if found.platforms and platform not in found.platforms:
        raise ImageNotFound(
            f"the image {name} is not offered for {platform}", hint=f"it is offered for {', '.join(found.platforms)}"
        )
    return found.digest


def check_lock(locked: LockedProject, platforms: tuple[str, ...]) -> tuple[Problem, ...]:
    """Where the lock and the profile differ; asks nobody."""
    name = locked.path.name
    problems = [Problem(f"{name} does not have {source}") for source in locked.new_sources]
    gone = set(locked.lock.git) - set(locked.sources)
    problems += [Problem(f"{name} has {source}, which no profile names") for source in sorted(gone)]
    wanted = {
        (base.asked, platform, base.location)
        for platform in platforms
        for base in image_bases(locked.resolved, platform)
    }
    for reference, platform, location in sorted(wanted, key=lambda one: one[:2]):
        if platform not in locked.lock.images.get(reference, {}):
            hint = "one that no registry has cannot be held fast: push it to one, or use base.bootstrap"
            problems.append(Problem(f"{name} does not have {reference} for {platform}", location, hint=hint))
    unused = {(reference, platform) for reference, by in locked.lock.images.items() for platform in by}
    for reference, platform in sorted(unused - {one[:2] for one in wanted}):
        problems.append(Problem(f"{name} has {reference} for {platform}, which no profile names"))
    problems += _repository_problems(locked)
    if (locked.resolved.profile.apt.snapshot == "locked") != bool(locked.lock.snapshot):
        asked = locked.resolved.profile.apt.snapshot == "locked"
        problems.append(
            Problem(
                f"{name} does not have a moment for apt.snapshot"
                if asked
                else f"{name} has a moment for apt.snapshot, which no profile asks for"
            )
        )
    return tuple(problems)


def _repository_problems(locked: LockedProject) -> list[Problem]:
    name, wanted, held = locked.path.name, moving_repositories(locked.resolved), locked.lock.repos
    unused = [Problem(f"{name} has {source}, which no .repos file names") for source in sorted(held.keys() - wanted)]
    return lacking_repositories(locked.resolved, held, name) + unused


def require_locked(locked: LockedProject, platform: str) -> None:
    """Raises ProfileError unless everything that this platform's image is made from is held fast."""
    missing = [problem for problem in check_lock(locked, (platform,)) if "does not have" in problem.message]
    if not locked.exists:
        missing.insert(0, Problem(f"there is no {locked.path.name}"))
    if missing:
        raise ProfileError(
            "the lock does not fit the profile", problems=tuple(missing), hint="`robenv lock` brings it up to date"
        )
