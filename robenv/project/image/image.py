"""Makes sure that the image of a plan is there: on the engine already, from the team's registry, or built."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from robenv import __version__
from robenv.bases.ensure import ensure_base
from robenv.engine.protocol import BuildEvent, BuildRequest, Engine, ImageInfo, Lent, StepEvent, WarningEvent
from robenv.errors import BuildFailed, DiskFull, ImageNotFound, OperationFailed
from robenv.host.git.revision import read_revision
from robenv.plan import names
from robenv.plan.image.annotations import oci_labels
from robenv.plan.image.mirrors import NO_MIRRORS
from robenv.plan.models import RUN
from robenv.project.gate import Admitted
from robenv.project.image.build_secrets import lend, triggers_of
from robenv.project.image.cross_compilers import prepare_foreign
from robenv.project.image.emulation import ensure_emulation
from robenv.project.image.missing_packages import explain_missing, names_near
from robenv.project.image.rosdep import RosdepWatch
from robenv.project.planned import Loaded
from robenv.project.registry import ProjectImage, pull_image, push_image
from robenv.project.reporter import Reporter, building
from robenv.render import Rendered, context_stream, find_instruction, render
from robenv.util.concurrency import forward
from robenv.util.file_lock import sharing_caches, using_images


@dataclass(frozen=True)
class ImageResult:
    image: ImageInfo
    reference: str
    built: bool
    rebuilt: bool = False
    """Built anew although one with its hash was there: what runs on the earlier one is out of date."""
    pulled: bool = False


class Elsewhere(Protocol):
    """Who builds an image in the place of an engine."""

    def make(self, here: Engine, admitted: Admitted, reporter: Reporter, no_cache: bool) -> None:
        """Builds it, and brings it to the engine ``here``."""


def ensure_image(
    engine: Engine,
    admitted: Admitted,
    reporter: Reporter,
    no_cache: bool = False,
    accelerate: bool = True,
    builder: Elsewhere | None = None,
) -> ImageResult:
    """Makes sure of the image of the plan: takes one with its content hash from the engine, or from the profile's
    ``registry``, and builds where neither has it: by ``builder`` if there is one, else here; for another architecture
    with native tools, if ``accelerate``.

    Raises BuildFailed, ImageNotFound, RegistryDenied, HostLacks, EngineLost, DiskFull.
    """
    with using_images(reporter.note):
        return _ensure(engine, admitted, reporter, no_cache, accelerate, builder)


def _ensure(
    engine: Engine, admitted: Admitted, reporter: Reporter, no_cache: bool, accelerate: bool, builder: Elsewhere | None
) -> ImageResult:
    loaded = admitted.loaded
    found = None if no_cache else _take_present(engine, loaded, reporter)
    if found is not None:
        return ImageResult(found, loaded.image, built=False)
    pushed = None if no_cache else _take_pushed(engine, loaded, reporter)
    if pushed is not None:
        return ImageResult(pushed, loaded.image, built=False, pulled=True)
    if builder is None:
        image = build_image(engine, admitted, reporter, no_cache, accelerate)
    else:
        builder.make(engine, admitted, reporter, no_cache)
        image = _built(engine, loaded)
    return ImageResult(image, loaded.image, built=True, rebuilt=no_cache)


def present_image(engine: Engine, loaded: Loaded) -> ImageInfo | None:
    """The image of the plan that the engine has; None where there is none. A project without a name is called after its
    folder, and a colleague's folder may have another name: there an image of the same content is as good."""
    return engine.find_image(loaded.image) or next((image for image, _ in _of_same_content(engine, loaded)), None)


def _of_same_content(engine: Engine, loaded: Loaded) -> Iterator[tuple[ImageInfo, str]]:
    """For a project without a name: images that robenv named after another folder, with that name."""
    if loaded.resolved.is_named:
        return
    tag = loaded.image.rpartition(":")[2]
    any_project = re.compile(rf"(?:[^/]+/)?robenv/[^/:]+:{tag}")
    for image in engine.images({names.LABEL_HASH: loaded.content_hash}):
        named = next(filter(any_project.fullmatch, image.tags), "")
        if named and image.platform == loaded.build.platform:
            yield image, named


def _take_present(engine: Engine, loaded: Loaded, reporter: Reporter) -> ImageInfo | None:
    """The image that the engine has, by the project's name from now on."""
    found = engine.find_image(loaded.image)
    if found is not None:
        return found
    for image, named in _of_same_content(engine, loaded):
        reporter.note(f"using the image {named}, which has the same content")
        engine.tag(image.id, loaded.image)
        return image
    return None


def build_image(
    engine: Engine, admitted: Admitted, reporter: Reporter, no_cache: bool = False, accelerate: bool = True
) -> ImageInfo:
    """Builds the image of the plan on this engine, with the bases that it stands on. Raises as ``ensure_image``."""
    loaded = admitted.loaded
    buildkit = engine.info().buildkit
    lent = lend(admitted, engine.info(), os.environ)
    if "\nRUN " in loaded.rendered.dockerfile:
        ensure_emulation(engine, loaded.build.platform, reporter)
    for base in loaded.build.bases:
        if base.bootstrap and engine.find_image(base.reference, base.bootstrap.platform) is None:
            ensure_emulation(None, base.bootstrap.platform, reporter)  # mmdebstrap runs here, wherever the engine is
    foreign = prepare_foreign(engine, loaded, reporter, accelerate)
    mirrors = loaded.mirrors
    plain = buildkit and foreign is None and mirrors == NO_MIRRORS
    rendered = loaded.rendered if plain else render(loaded.build, buildkit, foreign, mirrors)
    what = "'s run image" if loaded.build.purpose == RUN else ""
    waiting = sharing_caches(_caches(engine, loaded) if buildkit else {}, reporter.note)
    with waiting, building(reporter, f"{loaded.build.project}{what} for {loaded.build.platform}", rendered):
        for base in loaded.build.bases:
            image = ensure_base(engine, base, loaded.build.platform, reporter.event, mirrors=mirrors)
            for told in triggers_of(base, image, lent):
                reporter.event(WarningEvent(told))
        try:
            _build(engine, loaded, rendered, lent, reporter, no_cache)
        except BuildFailed as error:
            if mirrors.in_builds:
                through = f"it was built through mirrors: {', '.join(mirrors.told())}"
                error.hint = f"{error.hint}\n{through}" if error.hint else through
            raise
    return _built(engine, loaded)


def _caches(engine: Engine, loaded: Loaded) -> dict[str, str]:
    """The bases whose package caches the steps use, by what tells them apart."""
    return {
        f"{engine.endpoint} {base.reference} {loaded.build.platform}": base.bootstrap.suite
        if base.bootstrap
        else base.asked or base.reference
        for base in loaded.build.bases
    }


def _built(engine: Engine, loaded: Loaded) -> ImageInfo:
    image = engine.find_image(loaded.image)
    if image is None:
        raise OperationFailed(f"the engine says that it built {loaded.image}, and does not have it")
    return image


NAMELESS = "robenv"
"""The repository of projects without a name, whose folders may be called otherwise at a colleague's."""


def project_image(loaded: Loaded) -> ProjectImage:
    repository = "" if loaded.resolved.is_named else NAMELESS
    return ProjectImage(loaded.build.project, loaded.content_hash, loaded.build.platform, repository)


def push_project(engine: Engine, loaded: Loaded, registry: str, reporter: Reporter) -> tuple[str, str]:
    """Pushes the image, which must be there; its name and digest in the registry.

    Raises ImageNotFound, RegistryDenied, RegistryUnreachable, EngineLost.
    """
    wanted = project_image(loaded)
    remote = wanted.pushed(registry)
    with building(reporter, remote, None, doing="Pushing"):
        return remote, push_image(engine, wanted, registry, reporter.event)


def pull_project(engine: Engine, loaded: Loaded, registry: str, reporter: Reporter) -> ImageResult:
    """The image out of a registry, unless the engine has it.

    Raises ImageNotFound, RegistryDenied, RegistryUnreachable, WrongImage, DiskFull, EngineLost.
    """
    found = _take_present(engine, loaded, reporter)
    if found is not None:
        return ImageResult(found, loaded.image, built=False)
    wanted = project_image(loaded)
    try:
        return ImageResult(_pull(engine, wanted, registry, reporter), loaded.image, built=False, pulled=True)
    except ImageNotFound as error:
        raise ImageNotFound(
            f"nobody has pushed this project's present image to {registry}",
            details=error.message,
            hint="`robenv push`, from a machine that has it, puts it there; `robenv build` makes it here",
        ) from error


def _pull(engine: Engine, wanted: ProjectImage, registry: str, reporter: Reporter) -> ImageInfo:
    try:
        engine.registry_image(wanted.pushed(registry))  # a short question first: often it has none
    except ImageNotFound:
        if not wanted.repository:
            raise
        wanted = replace(wanted, repository="")  # as an earlier robenv pushed it, by the folder's name
        engine.registry_image(wanted.pushed(registry))
    with building(reporter, wanted.pushed(registry), None, doing="Pulling"):
        return pull_image(engine, wanted, registry, reporter.event)


def _take_pushed(engine: Engine, loaded: Loaded, reporter: Reporter) -> ImageInfo | None:
    """The image that a colleague has pushed; None where there is none, or, with a note, where it cannot be had."""
    registry = loaded.resolved.profile.registry
    if not registry:
        return None
    wanted = project_image(loaded)
    try:
        return _pull(engine, wanted, registry, reporter)
    except ImageNotFound:
        return None
    except DiskFull:
        raise
    except OperationFailed as error:
        way_out = f" ({error.hint.rstrip('.')})" if error.hint else ""
        reporter.note(f"{error.message.rstrip('.')}{way_out}: building instead")
        return None


def _build(engine: Engine, loaded: Loaded, rendered: Rendered, lent: Lent, reporter: Reporter, no_cache: bool) -> None:
    request = BuildRequest(
        tag=loaded.image,
        platform=loaded.build.platform,
        labels={
            names.LABEL_PROJECT: loaded.build.project,
            names.LABEL_HASH: loaded.content_hash,
            names.LABEL_VERSION: __version__,
            **(_of_run_image(loaded) if loaded.build.purpose == RUN else {}),
        },
        buildkit=rendered.buildkit,
        no_cache=no_cache,
        network_mode=loaded.build_network,
        arguments=rendered.arguments,
        lent=lent,
    )
    watch = RosdepWatch(loaded.build)
    running = False

    def hear(event: BuildEvent) -> None:
        nonlocal running
        if isinstance(event, StepEvent):
            running = event.completed is None
        watch.event(event)
        reporter.event(event)

    try:
        forward(engine.build(request, context_stream(rendered)), hear)
    except (KeyboardInterrupt, SystemExit):
        if running and engine.info().is_podman:  # which has no call to cancel a build, and only then sees the hang-up
            reporter.note("Podman runs the current step of a cancelled build to its end")
        raise
    except BuildFailed as error:
        found = find_instruction(rendered, error.step)
        if found is not None:
            place = f" ({found.location})" if found.location else ""
            error.message = f"The build of {loaded.image} failed at `{found.title}`{place}"
            error = explain_missing(error, loaded, found, names_near(engine, request, rendered, found))
        raise watch.explained(error) from None


def _of_run_image(loaded: Loaded) -> dict[str, str]:
    """What tells whence it comes. On the image alone: another commit of the same sources has the same layers and hash;
    what the profile itself says goes before it."""
    groups = (group for stage in loaded.build.stages for group in stage.groups)
    sources = [one.host_path for group in groups for one in group.files if one.tree]
    revision = read_revision(str(loaded.files.root), sources, os.environ)
    labels = oci_labels(revision, os.environ.get("SOURCE_DATE_EPOCH", ""))
    own = dict(loaded.build.stages[-1].settings.labels)
    return {names.LABEL_STAGE: RUN, **{name: value for name, value in labels.items() if name not in own}}
