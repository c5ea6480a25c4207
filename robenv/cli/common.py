"""What the commands share: where the project is, the engine, and how to print."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robenv.cli.errors import hanging_indent, print_warnings
from robenv.cli.output import json_text, paint, safe_stream
from robenv.errors import UsageError
from robenv.notices import collected_notices
from robenv.util.sanitize import safe

if TYPE_CHECKING:
    from robenv.engine.protocol import Engine
    from robenv.host.project_folder import FolderIdentity
    from robenv.project.lock_policy import LockedProject
    from robenv.project.planned import PlannedProject


def _known_stage(stage: str) -> str:
    if stage not in ("dev", "run"):
        raise UsageError(f"there is no stage {stage}", hint="`dev`, the image to work in, or `run`, the slim one")
    return stage


JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else there")]
PlatformOption = Annotated[
    str | None, typer.Option("--platform", metavar="OS/ARCH", help="Build for this platform, such as linux/arm64")
]
PlatformsOption = Annotated[
    list[str] | None,
    typer.Option("--platform", metavar="OS/ARCH,…", help="For these platforms; may be given several times"),
]
StageOption = Annotated[
    str, typer.Option("--stage", metavar="dev|run", help="`run`: the slim image of run_image", callback=_known_stage)
]
LockedOption = Annotated[
    bool, typer.Option("--locked", help="Fail unless robenv.lock holds fast all that the image is made from")
]
NoAccelOption = Annotated[
    bool, typer.Option("--no-accel", help="No native compilers for another architecture: emulate everything")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes")]
AllOption = Annotated[bool, typer.Option("--all", "-a", help="Of every project on this engine")]


@dataclass(frozen=True)
class ProjectOptions:
    """The root options: where to look for the project."""

    directory: Path
    file: Path | None

    def resolve(self, quiet: bool = False, locked: bool = False, shared: bool = False) -> LockedProject:
        """The project by its lock; with ``locked``, only what the lock has; ``shared``, without
        the overlay and .env. Raises UsageError, ProfileError."""
        from robenv.project.lock_policy import resolve_locked

        tell = _no_note if quiet else note
        found = resolve_locked(self.directory, self.file, os.environ, tell, frozen=locked, shared=shared)
        if not quiet:
            print_warnings(found.resolved.warnings)
        return found

    def root(self) -> Path:
        """The project's folder. Raises UsageError where there is none."""
        from robenv.profile.chain.project import find_project

        return find_project(self.directory, self.file).root

    def place(self) -> FolderIdentity:
        """The project's folder and this user, by which containers are found. Raises UsageError where there is none."""
        from robenv.profile.chain.project import find_project
        from robenv.project.identity import place_of

        return place_of(find_project(self.directory, self.file))

    def load(
        self, engine_platform: str, platform: str | None = None, quiet: bool = False, locked: bool = False,
        pin: bool = False, stage: str = "dev",
    ) -> PlannedProject:  # fmt: skip
        """The project, planned for a platform. ``pin``: holds git sources fast that the lock does not have yet."""
        return self.load_each(engine_platform, (platform,), quiet, locked, pin, stage=stage)[0]

    def load_for_robots(self, engine_platform: str, platform: str | None) -> PlannedProject:
        """The project with the image that `deploy` takes."""
        from robenv.plan.image.run_image import deploy_purpose
        from robenv.project.planned import plan_project

        planned = self.load(engine_platform, platform)
        return plan_project(planned.resolved, planned.build.platform, deploy_purpose(planned.resolved.profile))

    def load_each(
        self, engine_platform: str, platforms: Sequence[str | None] | None, quiet: bool = False, locked: bool = False,
        pin: bool = True, shared: bool = False, stage: str = "dev",
    ) -> list[PlannedProject]:  # fmt: skip
        """The project, planned for several platforms, each once; for the engine's own where none is named."""
        from robenv.project.lock_policy import require_locked
        from robenv.project.planned import choose_platform, plan_project

        found = self.resolve(quiet, locked, shared)
        named = [one.strip() for asked in platforms or () if asked is not None for one in asked.split(",")]
        chosen = dict.fromkeys(
            choose_platform(found.resolved, asked, engine_platform) for asked in (*named, *(() if named else (None,)))
        )
        for platform in chosen if locked else ():
            require_locked(found, platform)
        if pin:
            found = self.settle(found, quiet, locked, shared)
        return [plan_project(found.resolved, platform, stage) for platform in chosen]

    def settle(self, found: LockedProject, quiet: bool, locked: bool, shared: bool = False) -> LockedProject:
        """Brings what is missing of the workspace's repositories, and holds fast what the lock does not have yet; the
        project as it then is. Raises ProfileError, OperationFailed."""
        from robenv.cli.ask import approval_prompt
        from robenv.git.workspace.clones import RepositoriesMissing
        from robenv.project.gate import require_trust
        from robenv.project.lock_policy import pin_sources
        from robenv.project.repositories import bring_repositories
        from robenv.project.trust.repos import repos_claims

        require_trust(repos_claims(found.resolved), approval_prompt(), note)
        tell = _no_note if quiet else note
        try:
            cloned = bring_repositories(found.resolved, found.lock.repos, tell, exact=locked)
        except RepositoriesMissing as error:
            if not locked:
                pin_sources(found, note, error.brought)
            raise
        if cloned:
            found = self.resolve(quiet, locked, shared)
        if not locked:
            pin_sources(found, note, cloned)
        return found


@contextmanager
def open_engine() -> Iterator[Engine]:
    """The engine that the environment and the docker contexts name. Raises EngineUnreachable, EngineDenied."""
    from robenv.engine.docker_engine import connect

    engine = connect(os.environ)
    try:
        yield engine
    finally:
        engine.close()


def lock_platforms(found: LockedProject) -> tuple[str, ...]:
    """What a project is locked for: its ``platforms``; where it names none, those that the lock has, and this one."""
    from robenv.catalog.platforms import normalize

    named = tuple(normalize(platform) for platform in found.resolved.profile.platforms)
    held = tuple(sorted({platform for by in found.lock.images.values() for platform in by}))
    return named or held or (local_platform(),)


def write_new_lock(
    where: ProjectOptions, moving: Callable[[str], bool], dry_run: bool = False, named: Sequence[str] = ()
) -> list[str]:
    """Brings the lock up to date, and tells what changes in it. Raises UsageError where ``named`` names nothing."""
    from datetime import datetime, timezone

    from robenv.lockfile import changes, repository
    from robenv.project.lock_policy import make_lock, resolve_locked, write_lock

    found = resolve_locked(where.directory, where.file, os.environ, note, moving=moving)
    print_warnings(found.resolved.warnings)
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    with ExitStack() as stack:
        made, remarks = make_lock(lambda: stack.enter_context(open_engine()), found, lock_platforms(found), now, moving)
    for remark in remarks:
        note(remark)
    there = (*made.git, *map(repository, made.repos), *made.images, *(("apt",) if made.snapshot else ()))
    for name in named:
        if name and not any(name in one for one in there):
            raise UsageError(f"{found.path.name} pins nothing that is called {name}", hint=_pinned(name, there))
    moved = list(changes(found.lock, made))
    if not dry_run and (moved or not found.exists):
        write_lock(found.path, made)
    return moved


def _pinned(name: str, there: Sequence[str]) -> str:
    if name == "repos":
        return "the project has no `workspace.repos`, or all of them name a whole commit, which needs no pin"
    if not there:
        return "nothing in the project needs a pin: no branch, tag or image of a registry"
    return f"it pins {', '.join(there)}"


def local_platform() -> str:
    """This machine's platform: what is planned for where no engine is asked."""
    import platform

    from robenv.catalog.platforms import normalize

    return normalize(f"linux/{platform.machine()}")


def print_json(document: Any) -> None:
    """A JSON document on stdout. Its values are exact; what a terminal would obey or hide is escaped in them."""
    print(json_text(document))


def _no_note(text: str) -> None:
    """For --quiet."""


def note(text: str) -> None:
    """A remark for a person: on stderr, so that stdout stays what was asked for."""
    collected_notices(text)
    print(paint("robenv:", "2") + " " + hanging_indent(text), file=safe_stream(sys.stderr))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Plain columns, as `docker ps` prints them; the last one is not padded."""
    cells = [tuple(map(safe, row)) for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = []
    for row in cells:
        padded = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def human_size(size: float) -> str:
    """Bytes as docker prints them: 1.5GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g}{unit}"
        size /= 1000
    return f"{size:.3g}TB"


def confirm(question: str) -> bool:
    """Asks on a terminal; never blocks where nobody can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty() and typer.confirm(question, err=True)
