"""Has the native tools made that build, and work, in roots of another architecture; without them it goes slowly."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

from robenv import __version__
from robenv.bases.ensure import OnEvent, ensure_base
from robenv.engine.protocol import BuildRequest, Engine, ImageInfo
from robenv.errors import DiskFull, EngineLost, OperationFailed, RobenvError
from robenv.host.facts import Distribution
from robenv.host.probes.distribution import distribution_of
from robenv.plan.container.container_user import file_text
from robenv.plan.image.cross_compilers import (
    ForeignBuild,
    Toolchain,
    cannot_have_tools,
    plan_foreign,
    plan_toolchain,
    with_tools,
)
from robenv.plan.image.mirrors import Mirrors
from robenv.plan.models import Base, RunPlan
from robenv.plan.names import LABEL_ROLE, LABEL_TOOLS, LABEL_VERSION, ROLE_THROWAWAY, ROLE_TOOLS, tools_volume
from robenv.project.planned import PlannedProject
from robenv.project.reporter import Reporter, building
from robenv.render import stream
from robenv.render.tools import render_tools, tools_image
from robenv.util.concurrency import forward
from robenv.util.file_lock import locked

_OS_RELEASE = "/usr/lib/os-release"


def prepare_foreign(
    engine: Engine, planned: PlannedProject, reporter: Reporter, accelerate: bool
) -> ForeignBuild | None:
    """How this engine builds the project's image for another architecture, with the tools for that made; None where it
    is the engine's own. Says which way it goes, and why.

    Raises what making sure of the bases raises, DiskFull, EngineLost.
    """
    build, info = planned.build, engine.info()
    foreign = plan_foreign(info.platform, build.platform)
    if foreign is None:
        return None
    if not accelerate or not info.buildkit:
        why = "as asked" if not accelerate else "this engine has no BuildKit, which mounting the native tools takes"
        reporter.note(f"building for {build.platform} under emulation: {why}")
        return foreign
    tools = []
    for base in build.bases:
        with _or_emulated(reporter, build.platform):
            toolchain = _toolchain(engine, base, build.platform, info.platform, reporter, planned.mirrors)
            tools.append((base.reference, _ensure_tools(engine, toolchain, reporter, planned)))
    if tools:
        why = "since no builder for it is named; everything else is emulated"
        reporter.note(f"building for {build.platform} with native compilers, {why}")
    return ForeignBuild(foreign.host, foreign.settings, tuple(tools))


def with_cross_compilers(
    engine: Engine, planned: PlannedProject, plan: RunPlan, image: ImageInfo, reporter: Reporter
) -> RunPlan:
    """The container's plan with native tools, made where there are none yet; as it was where it needs none, or where
    there can be none, which is said. Raises DiskFull, EngineLost."""
    machine = engine.info().platform
    if plan_foreign(machine, plan.platform) is None:
        return plan
    if why := cannot_have_tools(plan):
        reporter.note(f"compiling in the container is emulated: {why}")
        return plan
    base = list(planned.build.roots.values())[-1]
    with _or_emulated(reporter, plan.platform):
        distribution = Distribution() if base.bootstrap else _distribution(engine, image.id, plan.platform)
        toolchain = plan_toolchain(base, distribution, machine, plan.platform)
        tools = _ensure_tools(engine, toolchain, reporter, planned)
        return with_tools(plan, _ensure_volume(engine, tools, machine, reporter))
    return plan


@contextlib.contextmanager
def _or_emulated(reporter: Reporter, platform: str) -> Iterator[None]:
    try:
        yield
    except (DiskFull, EngineLost):
        raise
    except RobenvError as error:
        reporter.note(f"compiling for {platform} is emulated: {error.message.rstrip('.')}")


def _toolchain(
    engine: Engine, base: Base, platform: str, machine: str, reporter: Reporter, mirrors: Mirrors
) -> Toolchain:
    if base.bootstrap is not None:
        return plan_toolchain(base, Distribution(), machine, platform)
    found = engine.find_image(base.reference, platform)
    if found is None:
        with building(reporter, base.reference, None, doing="Pulling"):
            found = ensure_base(engine, base, platform, reporter.event, mirrors=mirrors)
    return plan_toolchain(base, _distribution(engine, found.id, platform), machine, platform)


def _distribution(engine: Engine, image: str, platform: str) -> Distribution:
    """Whose root an image has. It is looked at through a container, which never starts."""
    request = {"Image": image, "Cmd": ["true"], "Labels": {LABEL_ROLE: ROLE_THROWAWAY}}
    container = engine.create_container(f"robenv-look-{secrets.token_hex(4)}", request, platform)
    try:
        return distribution_of(file_text(engine.get_archive(container, _OS_RELEASE)) or "")
    finally:
        engine.remove_container(container, force=True)


def _ensure_tools(engine: Engine, toolchain: Toolchain, reporter: Reporter, planned: PlannedProject) -> str:
    """The image with the tools, made unless the engine has it."""
    reference = tools_image(toolchain)
    with locked(tools_volume(reference), reporter.note):
        if engine.find_image(reference) is None:
            with building(reporter, f"the native tools for {toolchain.triplet}", None):
                make_tools(engine, toolchain, reference, reporter.event, planned.mirrors, planned.build_network)
    return reference


def make_tools(
    engine: Engine, toolchain: Toolchain, reference: str, on_event: OnEvent, mirrors: Mirrors, network: str = ""
) -> None:
    """Makes the image ``reference``. Raises what making sure of the base raises, BuildFailed, DiskFull, EngineLost."""
    ensure_base(engine, toolchain.base, toolchain.host, on_event, mirrors=mirrors)
    request = BuildRequest(
        tag=reference,
        platform=toolchain.host,
        labels={
            LABEL_ROLE: ROLE_TOOLS,
            LABEL_VERSION: __version__,
            LABEL_TOOLS: f"{toolchain.architecture} {toolchain.base.reference}",
        },
        buildkit=engine.info().buildkit,
        network_mode=network,
    )
    context = stream(render_tools(toolchain, toolchain.base.reference, mirrors))
    forward(engine.build(request, context), on_event)


def _ensure_volume(engine: Engine, reference: str, machine: str, reporter: Reporter) -> str:
    """A volume with what the image has: the engine copies it as it creates a container that mounts a new one there.

    That container never starts. It stays, and says that the copy was not cut off.
    """
    name = tools_volume(reference)
    with locked(name, reporter.note):
        if engine.find_container(name) is not None:
            return name
        with contextlib.suppress(OperationFailed):  # In use, so it was whole, and somebody has removed the container.
            engine.remove_volume(name)
        labels = {LABEL_ROLE: ROLE_TOOLS, LABEL_VERSION: __version__}
        mount = {"Type": "volume", "Source": name, "Target": "/native", "VolumeOptions": {"Labels": labels}}
        request = {"Image": reference, "Cmd": ["none"], "Labels": labels, "HostConfig": {"Mounts": [mount]}}
        engine.create_container(name, request, machine)
    return name
