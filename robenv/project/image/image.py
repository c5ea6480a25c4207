"""Makes sure that the image of a plan is there: on the engine already, from the team's registry, or built."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from robenv import __version__
from robenv.bases.ensure import ensure_base
from robenv.engine.protocol import BuildEvent, BuildRequest, BuildSecrets, Engine, ImageInfo, StepEvent, WarningEvent
from robenv.errors import BuildFailed, DiskFull, ImageNotFound, OperationFailed
from robenv.host.git.revision import read_revision
from robenv.plan import names
from robenv.plan.image.annotations import oci_labels
from robenv.plan.image.mirrors import NO_MIRRORS
from robenv.plan.models import RUN
from robenv.project.gate import ApprovedProject
from robenv.project.image.build_secrets import onbuild_notes, open_build_secrets
from robenv.project.image.cross_compilers import prepare_foreign
from robenv.project.image.emulation import ensure_emulation
from robenv.project.image.missing_packages import explain_missing, similar_packages
from robenv.project.image.rosdep import RosdepWatch
from robenv.project.planned import PlannedProject
from robenv.project.registry import ProjectImage, pull_image, push_image
from robenv.project.reporter import Reporter, building
from robenv.render import Rendered, context_stream, find_instruction, render
from robenv.util import log
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


class RemoteImageBuilder(Protocol):
    """Who builds an image in the place of an engine."""

    def make(self, here: Engine, approved: ApprovedProject, reporter: Reporter, no_cache: bool) -> None:
        """Builds it, and brings it to the engine ``here``."""


def ensure_image(
    engine: Engine,
    approved: ApprovedProject,
    reporter: Reporter,
    no_cache: bool = False,
    accelerate: bool = True,
    builder: RemoteImageBuilder | None = None,
) -> ImageResult:
    """Makes sure of the image of the plan: takes one with its content hash from the engine, or from the profile's
    ``registry``, and builds where neither has it: by ``builder`` if there is one, else here; for another architecture
    with native tools, if ``accelerate``.

    Raises BuildFailed, ImageNotFound, RegistryDenied, HostLacks, EngineLost, DiskFull.
    """
    with using_images(reporter.note):
        return _ensure(engine, approved, reporter, no_cache, accelerate, builder)


def _ensure(
    engine: Engine,
    approved: ApprovedProject,
    reporter: Reporter,
    no_cache: bool,
    accelerate: bool,
    builder: RemoteImageBuilder | None,
) -> ImageResult:
    planned = approved.planned
    found = None if no_cache else _take_present(engine, planned, reporter)
    if found is not None:
        log.decision(f"image {planned.image}: the engine has it, as {found.id}")
        return ImageResult(found, planned.image, built=False)
    pushed = None if no_cache else _take_pushed(engine, planned, reporter)
    if pushed is not None:
        return ImageResult(pushed, planned.image, built=False, pulled=True)
    why = "its cache is not to be used" if no_cache else "neither the engine nor the profile's registry has it"
    log.decision(f"image {planned.image} is built for {planned.build.platform}: {why}")
    if builder is None:
        image = build_image(engine, approved, reporter, no_cache, accelerate)
    else:
        builder.make(engine, approved, reporter, no_cache)
        image = _built(engine, planned)
    return ImageResult(image, planned.image, built=True, rebuilt=no_cache)


def present_image(engine: Engine, planned: PlannedProject) -> ImageInfo | None:
    """The image of the plan that the engine has; None where there is none. A project without a name is called after its
    folder, and a colleague's folder may have another name: there an image of the same content is as good."""
    return engine.find_image(planned.image) or next((image for image, _ in _of_same_content(engine, planned)), None)


def _of_same_content(engine: Engine, planned: PlannedProject) -> Iterator[tuple[ImageInfo, str]]:
    """For a project without a name: images that robenv named after another folder, with that name."""
    if planned.resolved.is_named:
        return
    tag = planned.image.rpartition(":")[2]
    any_project = re.compile(rf"(?:[^/]+/)?robenv/[^/:]+:{tag}")
    for image in engine.images({names.LABEL_HASH: planned.content_hash}):
        named = next(filter(any_project.fullmatch, image.tags), "")
        if named and image.platform == planned.build.platform:
            yield image, named


def _take_present(engine: Engine, planned: PlannedProject, reporter: Reporter) -> ImageInfo | None:
    """The image that the engine has, by the project's name from now on."""
    found = engine.find_image(planned.image)
    if found is not None:
        return found
    for image, named in _of_same_content(engine, planned):
        reporter.note(f"using the image {named}, which has the same content")
        engine.tag(image.id, planned.image)
        return image
    return None


def build_image(
    engine: Engine, approved: ApprovedProject, reporter: Reporter, no_cache: bool = False, accelerate: bool = True
) -> ImageInfo:
    """Builds the image of the plan on this engine, with the bases that it stands on. Raises as ``ensure_image``."""
    planned = approved.planned
    buildkit = engine.info().buildkit
    build_secrets = open_build_secrets(approved, engine.info(), os.environ)
    if "\nRUN " in planned.rendered.dockerfile:
        ensure_emulation(engine, planned.build.platform, reporter)
    for base in planned.build.bases:
        if base.bootstrap and engine.find_image(base.reference, base.bootstrap.platform) is None:
            ensure_emulation(None, base.bootstrap.platform, reporter)  # mmdebstrap runs here, wherever the engine is
    foreign = prepare_foreign(engine, planned, reporter, accelerate)
    mirrors = planned.mirrors
    plain = buildkit and foreign is None and mirrors == NO_MIRRORS
    rendered = planned.rendered if plain else render(planned.build, buildkit, foreign, mirrors)
    what = "'s run image" if planned.build.purpose == RUN else ""
    waiting = sharing_caches(_caches(engine, planned) if buildkit else {}, reporter.note)
    with waiting, building(reporter, f"{planned.build.project}{what} for {planned.build.platform}", rendered):
        for base in planned.build.bases:
            image = ensure_base(engine, base, planned.build.platform, reporter.event, mirrors=mirrors)
            for told in onbuild_notes(base, image, build_secrets):
                reporter.event(WarningEvent(told))
        try:
            _build(engine, planned, rendered, build_secrets, reporter, no_cache)
        except BuildFailed as error:
            if mirrors.in_builds:
                through = f"it was built through mirrors: {', '.join(mirrors.told())}"
                error.hint = f"{error.hint}\n{through}" if error.hint else through
            raise
    return _built(engine, planned)


def _caches(engine: Engine, planned: PlannedProject) -> dict[str, str]:
    """The bases whose package caches the steps use, by what tells them apart."""
    return {
        f"{engine.endpoint} {base.reference} {planned.build.platform}": base.bootstrap.suite
        if base.bootstrap
        else base.asked or base.reference
        for base in planned.build.bases
    }


def _built(engine: Engine, planned: PlannedProject) -> ImageInfo:
    image = engine.find_image(planned.image)
    if image is None:
        raise OperationFailed(f"the engine says that it built {planned.image}, and does not have it")
    return image


NAMELESS = "robenv"
"""The repository of projects without a name, whose folders may be called otherwise at a colleague's."""


def project_image(planned: PlannedProject) -> ProjectImage:
    repository = "" if planned.resolved.is_named else NAMELESS
    return ProjectImage(planned.build.project, planned.content_hash, planned.build.platform, repository)


def push_project(engine: Engine, planned: PlannedProject, registry: str, reporter: Reporter) -> tuple[str, str]:
    """Pushes the image, which must be there; its name and digest in the registry.

    Raises ImageNotFound, RegistryDenied, RegistryUnreachable, EngineLost.
    """
    wanted = project_image(planned)
    remote = wanted.pushed(registry)
    with building(reporter, remote, None, doing="Pushing"):
        return remote, push_image(engine, wanted, registry, reporter.event)


def pull_project(engine: Engine, planned: PlannedProject, registry: str, reporter: Reporter) -> ImageResult:
    """The image out of a registry, unless the engine has it.

    Raises ImageNotFound, RegistryDenied, RegistryUnreachable, WrongImage, DiskFull, EngineLost.
    """
    found = _take_present(engine, planned, reporter)
    if found is not None:
        return ImageResult(found, planned.image, built=False)
    wanted = project_image(planned)
    try:
        return ImageResult(_pull(engine, wanted, registry, reporter), planned.image, built=False, pulled=True)
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


def _take_pushed(engine: Engine, planned: PlannedProject, reporter: Reporter) -> ImageInfo | None:
    """The image that a colleague has pushed; None where there is none, or, with a note, where it cannot be had."""
    registry = planned.resolved.profile.registry
    if not registry:
        return None
    wanted = project_image(planned)
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


def _build(
    engine: Engine,
    planned: PlannedProject,
    rendered: Rendered,
    build_secrets: BuildSecrets,
    reporter: Reporter,
    no_cache: bool,
) -> None:
    request = BuildRequest(
        tag=planned.image,
        platform=planned.build.platform,
        labels={
            names.LABEL_PROJECT: planned.build.project,
            names.LABEL_HASH: planned.content_hash,
            names.LABEL_VERSION: __version__,
            **(_of_run_image(planned) if planned.build.purpose == RUN else {}),
        },
        buildkit=rendered.buildkit,
        no_cache=no_cache,
        network_mode=planned.build_network,
        arguments=rendered.arguments,
        build_secrets=build_secrets,
    )
    watch = RosdepWatch(planned.build)
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
            error.message = f"The build of {planned.image} failed at `{found.title}`{place}"
            error = explain_missing(error, planned, found, similar_packages(engine, request, rendered, found))
        raise watch.explained(error) from None


def _of_run_image(planned: PlannedProject) -> dict[str, str]:
    """What tells whence it comes. On the image alone: another commit of the same sources has the same layers and hash;
    what the profile itself says goes before it."""
    groups = (group for stage in planned.build.stages for group in stage.groups)
    sources = [file.host_path for group in groups for file in group.files if file.tree]
    revision = read_revision(str(planned.files.root), sources, os.environ)
    labels = oci_labels(revision, os.environ.get("SOURCE_DATE_EPOCH", ""))
    own = dict(planned.build.stages[-1].settings.labels)
    return {names.LABEL_STAGE: RUN, **{name: value for name, value in labels.items() if name not in own}}
