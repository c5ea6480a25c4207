"""Native builders elsewhere: an engine over SSH builds, and what is lacking here of the image comes back.

Nothing of this reaches the image: its content hash is the same wherever it is built.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from robenv.bases.ensure import ensure_base
from robenv.bases.mmdebstrap import plan_recipe
from robenv.catalog.platforms import runs_natively
from robenv.engine.docker_engine import connect_to
from robenv.engine.protocol import Engine, ImageInfo
from robenv.engine.transport.docker_config import config_folder
from robenv.engine.transport.endpoint import Endpoint
from robenv.engine.transport.ssh import mark_command, over_ssh, parse_ssh_url
from robenv.errors import DiskFull, HostRequirementMissing, ImageNotFound, OperationFailed, UsageError
from robenv.plan.image.mirrors import Mirrors
from robenv.plan.models import Base, Bootstrap
from robenv.project.gate import ApprovedProject
from robenv.project.image.image import ImageResult, build_image
from robenv.project.planned import PlannedProject
from robenv.project.reporter import Reporter, building
from robenv.remote.uploaded_files import UploadedFiles
from robenv.transfer.remote_save import SiftedSave
from robenv.transfer.send import send_image
from robenv.util.sanitize import show


@dataclass(frozen=True)
class Builder:
    """An engine at ``url``, ``ssh://[USER@]HOST[:PORT]``, that builds for its own architecture."""

    url: str
    engine: Engine

    @property
    def platform(self) -> str:
        return self.engine.info().platform

    def serves(self, platform: str) -> bool:
        return runs_natively(self.platform, platform)

    def make(self, here: Engine, approved: ApprovedProject, reporter: Reporter, no_cache: bool) -> None:
        """Builds the image over there and brings it here; over there only its layers stay, as build cache.

        Raises what building raises, and DiskFull, EngineLost.
        """
        planned = approved.planned
        there_before = self.engine.find_image(planned.image) is not None
        self._build(here, approved, reporter, no_cache)
        if self._is(here):
            return
        with building(reporter, f"{planned.image} from {self.url}", None, doing="Fetching"):
            save = SiftedSave(self.engine, self.url)
            send_image(
                self.engine, here, planned.image, planned.image, progress=reporter.event, compress=False, save=save
            )
        if not there_before:
            with suppress(ImageNotFound):
                self.engine.remove_image(planned.image)

    def leave(self, here: Engine, approved: ApprovedProject, reporter: Reporter, no_cache: bool) -> ImageResult:
        """Builds the image over there unless it is there, and leaves it there. Raises what building raises."""
        planned = approved.planned
        found = None if no_cache else self.engine.find_image(planned.image)
        if found is not None:
            return ImageResult(found, planned.image, built=False)
        image = self._build(here, approved, reporter, no_cache)
        return ImageResult(image, planned.image, built=True, rebuilt=no_cache)

    def _build(self, here: Engine, approved: ApprovedProject, reporter: Reporter, no_cache: bool) -> ImageInfo:
        planned, platform = approved.planned, approved.planned.build.platform
        found = None if no_cache else self.engine.find_image(planned.image)
        if found is not None:
            reporter.note(f"the image for {platform} is on {self.url} already")
            return found
        reporter.note(f"building for {platform} natively on {self.url}, since --builder names it")
        self._give_bases(here, planned, reporter)
        return build_image(self.engine, approved, reporter, no_cache)

    def _give_bases(self, here: Engine, planned: PlannedProject, reporter: Reporter) -> None:
        """Those that it lacks and this engine has: they may be in no registry, or have taken long to make."""
        for base in planned.build.bases:
            reference, platform = base.reference, planned.build.platform
            if self.engine.find_image(reference, platform) is not None or self._is(here):
                continue
            if here.find_image(reference, platform) is not None and "@" not in reference:
                with building(reporter, f"{reference} to {self.url}", None, doing="Sending"):
                    send_image(here, self.engine, reference, reference, progress=reporter.event)
            elif base.bootstrap is not None and self._bootstraps(base.bootstrap, planned.mirrors, reporter):
                self._make_base(base, reporter, planned.mirrors)

    def _bootstraps(self, wanted: Bootstrap, mirrors: Mirrors, reporter: Reporter) -> bool:
        """Whether mmdebstrap is there, with the keys that it takes, and no archive is of this machine's own files."""
        recipe = plan_recipe(wanted, mirrors)
        if any(source.url.startswith("file:") for source in recipe.sources):
            return False
        asked = mark_command(f"command -v mmdebstrap && test -e {shlex.quote(recipe.keyrings[0].path)}")
        argv = over_ssh(self.url, asked.command)
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode:
            return False
        greeting, _ = asked.split(done.stdout)
        if greeting:  # mmdebstrap's tar would come behind it
            reporter.note(
                f"the base is made here: the login shell of {self.url} prints text on stdout (~/.bashrc): "
                + show(greeting.decode(errors="replace").strip().partition("\n")[0])
            )
        return not greeting

    def _make_base(self, base: Base, reporter: Reporter, mirrors: Mirrors) -> None:
        """By its own mmdebstrap, natively. Where it may not, this machine makes it, as for any build."""
        reporter.note(f"making the base on {self.url} too")

        try:
            with building(reporter, f"{base.reference} on {self.url}", None), UploadedFiles(self.url) as build_secrets:

                def through(argv: list[str]) -> list[str]:
                    return over_ssh(self.url, shlex.join(build_secrets.arguments(argv)))

                ensure_base(self.engine, base, "", reporter.event, through, mirrors)
        except (HostRequirementMissing, OperationFailed) as error:
            if isinstance(error, DiskFull):
                raise
            reporter.note(f"the base is made here: {error.message}")

    def _is(self, here: Engine) -> bool:
        """Whether it is this very engine. Machines that were copied, and two engines of one, may share an ID."""
        own, other = self.engine.info().raw, here.info().raw
        return all(own.get(key) and own.get(key) == other.get(key) for key in ("ID", "Name", "DockerRootDir"))


@contextmanager
def open_builders(urls: Sequence[str]) -> Iterator[tuple[Builder, ...]]:
    """Raises UsageError for what is no such URL, EngineUnreachable."""
    with ExitStack() as stack:
        builders = []
        for url in dict.fromkeys(urls):
            _check(url)
            engine = connect_to(Endpoint(url, "--builder", None, config_folder(os.environ)))
            stack.callback(engine.close)
            builders.append(Builder(url, engine))
        yield tuple(builders)


def _check(url: str) -> None:
    example = "such as --builder ssh://user@host, or a Host of your ssh_config: --builder ssh://orin"
    if not url.startswith("ssh://"):
        raise UsageError(f"{url!r} is no builder", hint=example)
    try:
        named = parse_ssh_url(url).host
    except ValueError as error:
        raise UsageError(f"{url!r} is no builder: {error}", hint=example) from None
    if not named:
        raise UsageError(f"{url!r} names no host", hint=example)


def assign_builders(builders: Sequence[Builder], platforms: Sequence[str]) -> Mapping[str, Builder]:
    """By platform, the first builder that runs it by itself; a platform that none of them runs is built here.

    Raises UsageError for a builder that runs none of the platforms.
    """
    for one in builders:
        if not any(one.serves(platform) for platform in platforms):
            raise UsageError(
                f"{one.url} is {one.platform}: it does not run {' or '.join(platforms)} by itself",
                hint="name a builder of that architecture; without --builder it is built here, emulated where need be",
            )
    found = {
        platform: next((builder for builder in builders if builder.serves(platform)), None) for platform in platforms
    }
    return {platform: one for platform, one in found.items() if one is not None}
