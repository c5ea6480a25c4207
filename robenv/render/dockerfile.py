"""BuildPlan → Dockerfile: deterministic to the byte, every value quoted or refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from robenv.errors import Problem, ProfileError
from robenv.plan.image import colcon
from robenv.plan.image.cross_compilers import PLACE, ForeignBuild
from robenv.plan.image.dependencies import FOLDER as DEPENDENCIES
from robenv.plan.image.dependencies import ROSDEP_CACHE
from robenv.plan.image.mirrors import NO_MIRRORS, Mirrors
from robenv.plan.image.ros import COLCON_HOME, ROS_HOME
from robenv.plan.models import BuildPlan, Stage
from robenv.plan.names import BASHRC, ENTRYPOINT
from robenv.plan.secrets import borrowers
from robenv.render.context import Collected, collect
from robenv.render.entries import FILE, FOLDER, ContextEntry
from robenv.render.instructions import Rendered, split_marks
from robenv.render.mirrors import mirror_arguments, share_entries, view_mirrors, view_shares
from robenv.render.views import bashrc_source, colcon_source, entrypoint_source, rosdep_source, view_stages, view_tools
from robenv.resources import templates_folder

if TYPE_CHECKING:
    from robenv.render.templating import RenderReport

_DOCKERFILE = "Dockerfile"


def render(
    plan: BuildPlan, buildkit: bool = True, foreign: ForeignBuild | None = None, mirrors: Mirrors = NO_MIRRORS
) -> Rendered:
    """The Dockerfile of ``plan`` and what its context holds. ``buildkit`` False leaves out all that the classic builder
    refuses (cache mounts, ``COPY --chmod``). ``foreign`` is for an engine of another architecture: the same image, made
    faster. ``mirrors``: the same image, made from what is reached by other addresses.

    Looks at the files that the plan names, without reading them whole. Raises ProfileError with every value that no
    Dockerfile can carry, or with every file that is missing or cannot be sent.
    """
    if not buildkit:
        _refuse_loans(plan)
    return render_with(plan, collect(plan), buildkit, foreign, mirrors)


def _refuse_loans(plan: BuildPlan) -> None:
    problems = tuple(
        Problem(f"{borrower.name} borrows secrets or an ssh agent", borrower.location, "only BuildKit lends them")
        for borrower in borrowers(plan)
    )
    if problems:
        raise ProfileError("the classic builder lends nothing", problems=problems)


def render_with(
    plan: BuildPlan,
    collected: Collected,
    buildkit: bool,
    foreign: ForeignBuild | None = None,
    mirrors: Mirrors = NO_MIRRORS,
) -> Rendered:
    from robenv.render.templating import RenderReport, render_template

    report, seen = RenderReport(), view_mirrors(mirrors, buildkit)
    hosts = {urlsplit(url).hostname or "" for stage in plan.stages for url in _archives(stage)}
    text = render_template(
        "Dockerfile.j2",
        report,
        stages=view_stages(plan, collected.kinds, foreign if buildkit else None, mirrors, seen.enter if seen else ()),
        tools=view_tools(foreign if buildkit else None),
        settings=foreign.settings if foreign else (),
        place=PLACE,
        mirrors=seen,
        mirrors_for=view_shares(mirrors, hosts, buildkit),
        user=plan.user,
        buildkit=buildkit,
        entrypoint_path=ENTRYPOINT,
        bashrc_path=BASHRC,
        ros_home=ROS_HOME,
        dependencies_folder=DEPENDENCIES,
        rosdep_cache=ROSDEP_CACHE,
        colcon_home=COLCON_HOME,
        colcon_defaults=((colcon.VARIABLE, colcon.DEFAULTS),),
    )
    scripts = [entry for stage in plan.stages for entry in _scripts(stage, report)]
    if report.problems:
        raise ProfileError("a value cannot be put into the image", problems=tuple(report.problems))
    dockerfile, instructions = split_marks(text, report.marks)
    own = [
        ContextEntry(_DOCKERFILE, FILE, 0o644, dockerfile.encode()),
        *scripts,
        *(share_entries(mirrors, hosts) if buildkit else ()),
    ]
    return Rendered(
        plan=plan,
        buildkit=buildkit,
        canonical=buildkit and foreign is None and mirrors == NO_MIRRORS,
        dockerfile=dockerfile,
        instructions=instructions,
        context=_sorted([*own, *collected.entries]),
        fingerprint=collected.fingerprint,
        absent=collected.absent,
        arguments=() if buildkit else mirror_arguments(mirrors),
    )


def _archives(stage: Stage) -> Iterator[str]:
    """The addresses of package archives, and of their keys and packages."""
    for one in (repository for group in stage.groups for repository in group.repositories):
        yield from (one.url, one.key, one.package)


def _scripts(stage: Stage, report: RenderReport) -> Iterator[ContextEntry]:
    from robenv.render.templating import render_template

    if source := entrypoint_source(stage):
        settings = stage.settings
        text = render_template("entrypoint.j2", report, scripts=settings.setup_scripts, shared=settings.shared)
        yield ContextEntry(source, FILE, 0o755, text.encode())
    if source := rosdep_source(stage):
        keys = [key for group in stage.groups if group.rosdep_keys for key, _ in group.rosdep_keys.keys]
        yield ContextEntry(f"{source}/keys", FILE, 0o644, "".join(f"{key}\n" for key in keys).encode())
        script = templates_folder() / "rosdep" / "resolve"
        yield ContextEntry(f"{source}/resolve", FILE, 0o644, script.read_bytes())
    for group in stage.groups:
        if source := colcon_source(stage, group):
            yield ContextEntry(source, FILE, 0o644, group.ros.colcon_defaults.encode())
    if source := bashrc_source(stage):
        yield ContextEntry(source, FILE, 0o644, render_template("bashrc.j2", report).encode())


def _sorted(entries: list[ContextEntry]) -> tuple[ContextEntry, ...]:
    """By name, each folder before what it holds, and folders that nothing else made."""
    by_name = {entry.name: entry for entry in entries}
    for entry in entries:
        parent = entry.name.rpartition("/")[0]
        while parent and parent not in by_name:
            by_name[parent] = ContextEntry(parent, FOLDER, 0o755)
            parent = parent.rpartition("/")[0]
    return tuple(by_name[name] for name in sorted(by_name, key=lambda name: name.split("/")))
