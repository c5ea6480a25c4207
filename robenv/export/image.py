"""A Dockerfile and its context that need nothing of robenv: an official image in place of a base that robenv makes, and
the account of whoever works inside, which robenv would bring as it makes a container."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from robenv.catalog.suites import find_suite
from robenv.errors import ProfileError
from robenv.plan.models import Base, Bootstrap, BuildPlan, Group, ImageSettings, RunPlan, Stage
from robenv.plan.names import ENTRYPOINT
from robenv.render import Rendered, render
from robenv.render.entries import FILE, FOLDER, ContextEntry
from robenv.resources import templates_folder

_OFFICIAL = {"debian": {"main"}, "ubuntu": {"main", "restricted", "universe", "multiverse"}}
"""The components that Docker's official images have in their sources."""
_FOLDER = "robenv/user"


@dataclass(frozen=True)
class ExportedImage:
    """``entries``: the Dockerfile and the rest of its context."""

    dockerfile: str
    entries: tuple[ContextEntry, ...]


def standalone(build: BuildPlan, moment: str) -> tuple[BuildPlan, tuple[str, ...]]:
    """The plan upon official images, and notes on how these differ. ``moment``: to which apt's sources are to lead."""
    notes: dict[str, None] = {}
    stages = []
    for stage in build.stages:
        bootstrap = stage.base.bootstrap
        if bootstrap is None:
            stages.append(stage)
            continue
        notes |= dict.fromkeys(_differences(bootstrap))
        stages.append(_on_official(stage, bootstrap, moment))
    return replace(build, stages=tuple(stages)), tuple(notes)


def _on_official(stage: Stage, bootstrap: Bootstrap, moment: str) -> Stage:
    name = official_image(bootstrap)
    groups = stage.groups
    if bootstrap.include:
        groups = (Group("base.bootstrap.include", packages=bootstrap.include), *groups)
    base = Base(name, image=name, location=stage.base.location, asked=name, snapshot=moment)
    return replace(stage, base=base, groups=groups)


def official_image(bootstrap: Bootstrap) -> str:
    """``debian:bookworm``, ``ubuntu:noble``. Raises ProfileError for a suite of neither."""
    suite = find_suite(bootstrap.suite)
    if suite is None or suite.distribution not in _OFFICIAL:
        raise ProfileError(
            f"nobody publishes an image of {bootstrap.suite}",
            hint="name one: `base: {image: …}`, or export with --image",
        )
    return f"{suite.distribution}:{bootstrap.suite}"


def _differences(bootstrap: Bootstrap) -> Iterator[str]:
    name = official_image(bootstrap)
    yield f"base: {name} of Docker Hub stands in for the base that robenv makes from the package archive"
    suite = find_suite(bootstrap.suite)
    if more := sorted(set(bootstrap.components) - _OFFICIAL[suite.distribution if suite else ""]):
        yield f"base: {name} does not have the components {', '.join(more)} in its sources"


def image_files(
    build: BuildPlan, plan: RunPlan, moment: str, working_dir: str, on: str = ""
) -> tuple[ExportedImage, tuple[str, ...]]:
    """What `docker build` needs, and notes. ``on``: an image that is there already, which is taken instead.

    Raises ProfileError.
    """
    settings = build.stages[-1].settings
    if on:
        return _with_user("", (), settings, plan, working_dir, on), ()
    alone, notes = standalone(build, moment)
    rendered = render(alone)
    return _with_user(rendered.dockerfile, _context(rendered), settings, plan, working_dir), notes


def entrypoint_of(settings: ImageSettings) -> tuple[str, ...]:
    """What a command is handed to in the image; () where the base's own counts."""
    own = settings.entrypoint or ()
    return (ENTRYPOINT, *own) if settings.setup_scripts or settings.shared else own


def _context(rendered: Rendered) -> tuple[ContextEntry, ...]:
    return tuple(entry for entry in rendered.context if entry.name != "Dockerfile")


def _with_user(
    dockerfile: str,
    context: tuple[ContextEntry, ...],
    settings: ImageSettings,
    plan: RunPlan,
    working_dir: str,
    on: str = "",
) -> ExportedImage:
    from robenv.render.templating import RenderReport, render_template

    report, user = RenderReport(), plan.user
    text = render_template(
        "export/user.j2",
        report,
        image=on,
        shell=settings.shell,
        uid=user.uid,
        gid=user.gid,
        account=user.name,
        home=user.home,
        login=user.shell,
        sudo="sudo" if user.sudo else "-",
        folder=working_dir,
    )
    setup = ""
    if settings.setup_scripts or settings.shared:
        setup = render_template("export/setup.j2", report, scripts=settings.setup_scripts, shared=settings.shared)
    if report.problems:
        raise ProfileError("a value cannot be put into the image", problems=tuple(report.problems))
    whole = dockerfile + text
    make = (templates_folder() / "export" / "make").read_bytes()
    own = [
        ContextEntry("Dockerfile", FILE, 0o644, whole.encode()),
        *(() if any(entry.name == "robenv" for entry in context) else (ContextEntry("robenv", FOLDER, 0o755),)),
        ContextEntry(_FOLDER, FOLDER, 0o755),
        ContextEntry(f"{_FOLDER}/make", FILE, 0o755, make),
        *((ContextEntry(f"{_FOLDER}/setup", FILE, 0o644, setup.encode()),) if setup else ()),
    ]
    return ExportedImage(whole, tuple(sorted((*own, *context), key=lambda entry: entry.name.split("/"))))
