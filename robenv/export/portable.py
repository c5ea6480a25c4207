"""What a project's container is on any machine: all that does not depend on this one, and what can be told on none.

A robenv.yaml says `gpu: auto`, and each machine answers for itself. Other tools have no such words: so this plans for a
machine that nobody has seen, and says what is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from robenv.catalog.devices import CLASSES
from robenv.host.facts import DeviceNode, DrmCard, EngineFacts, Facts, GpuFacts, Tegra
from robenv.plan.container.health import deploy_health, release_health
from robenv.plan.container.run import plan_run, without_workspace
from robenv.plan.host.device_nodes import class_of, is_pattern, tidy
from robenv.plan.host.gpu import plan_gpu
from robenv.plan.host.host import plan_host
from robenv.plan.host.requirements import Grant
from robenv.plan.models import RunPlan
from robenv.profile.resolve.env_files import hidden_variables

if TYPE_CHECKING:
    from robenv.profile.resolve.resolved import Resolved
    from robenv.profile.schema.host import DeviceRequirement
    from robenv.profile.schema.profile import Profile

UID = 1000
"""Whose number the first person on a Debian or Ubuntu machine has (Debian Policy 9.2.2)."""
_GROUPS = (("dialout", 20), ("audio", 29), ("plugdev", 46), ("video", 44), ("input", 104), ("render", 105))
"""Debian's fixed numbers (base-passwd); those of ``input`` and ``render`` are given out on each machine."""
_FIXED = frozenset(("dialout", "audio", "plugdev", "video"))


@dataclass(frozen=True)
class PortablePlan:
    """``plan``: without the GPU. ``gpu``: what one adds. ``gpu_mode``: ``none``, ``auto`` or ``required``.
    ``serves``: it runs what a robot runs, and waits for nobody to work in it. ``session``: the keys of the profile that
    ask for parts of a login session, of which nothing is in ``plan``. ``kept``: variables of ``run.env_file``: they may
    be secrets, and are not in ``plan``. ``notes``: what of the profile is not in it, and why."""

    plan: RunPlan
    gpu: Grant
    gpu_mode: str
    serves: bool
    session: tuple[str, ...]
    kept: tuple[str, ...]
    notes: tuple[str, ...]


def plan_portable(
    resolved: Resolved, platform: str, content_hash: str, entrypoint: tuple[str, ...] = (), serves: bool = False
) -> PortablePlan:
    """The container of a project on a machine that nobody has seen. ``entrypoint``: the image's own. ``serves``: as on
    a robot: ``deploy.command``, its health check, and no workspace. Raises UsageError where there is no project."""
    profile = resolved.profile
    devices = known_devices(profile)
    bare = profile.model_copy(
        update={"gpu": None, "display": "none", "audio": "none", "ssh_agent": "none", "git": False, "devices": devices}
    )
    facts = any_machine(platform, devices)
    grant = plan_host(bare, facts)
    plan = plan_run(
        replace(resolved, profile=bare), "", facts, content_hash=content_hash, grant=grant, platform=platform
    )
    kept = tuple(hidden_variables(resolved))
    environment = tuple((name, value) for name, value in plan.environment if name not in kept)
    plan = replace(plan, labels=tuple(profile.run.labels.items()), environment=environment)
    notes = (*_left_out(profile), *(requirement.message for requirement in grant.unmet), *grant.notes)
    if serves:
        plan = _served(without_workspace(plan, profile), profile, entrypoint)
    mode = profile.gpu.mode if profile.gpu is not None else "none"
    gpu = _gpu(profile, facts) if mode != "none" else Grant()
    session = () if serves else _session(profile)
    if mode != "none" and gpu == Grant():
        return PortablePlan(
            plan,
            gpu,
            "none",
            serves,
            session,
            kept,
            (*notes, "gpu: which one is meant can be told on the machine alone"),
        )
    return PortablePlan(plan, gpu, mode, serves, session, kept, notes)


def _served(plan: RunPlan, profile: Profile, entrypoint: tuple[str, ...]) -> RunPlan:
    command = profile.deploy.command or profile.run.command or ()
    health = release_health(deploy_health(profile), entrypoint)
    check = replace(health, test=("CMD", *health.test)) if health else plan.healthcheck
    restart = plan.restart or "unless-stopped"
    stop = profile.run.stop_signal
    return replace(
        plan,
        entrypoint=profile.run.entrypoint,
        command=tuple(command),
        healthcheck=check,
        restart=restart,
        stop_signal=stop,
    )


def known_devices(profile: Profile) -> tuple[DeviceRequirement, ...]:
    """Those that are called the same on each machine that has them."""
    return tuple(wish for wish in profile.devices if _is_known(wish))


def _is_known(wish: DeviceRequirement) -> bool:
    """Whether it is the same on each machine that has it."""
    return wish.hotplug if wish.device_class else not is_pattern(wish.by)


def _session(profile: Profile) -> tuple[str, ...]:
    asked = [key for key in ("display", "audio", "ssh_agent") if getattr(profile, key) != "none"]
    return (*asked, *(("git",) if profile.git else ()))


def _left_out(profile: Profile) -> Iterator[str]:
    for wish in profile.devices:
        if not _is_known(wish):
            what = f"every {wish.device_class} device" if wish.device_class else wish.by
            yield f"devices: {what} is looked up on each machine, which only robenv does"
    if profile.udev:
        yield "udev: rules for the host are installed by `robenv doctor --fix`"


def any_machine(platform: str, devices: tuple[DeviceRequirement, ...]) -> Facts:
    """One that has the devices that are called by name, and an engine that does all that engines do."""
    known = dict(_GROUPS)
    nodes = []
    for wish in devices:
        if wish.by:
            kind = CLASSES.get(class_of(tidy(wish.by)))
            group = next((name for name in (kind.groups if kind else ()) if name in _FIXED), "")
            nodes.append(DeviceNode(tidy(wish.by), "char", 0, 0, known.get(group, 0), 0o660 if group else 0o666))
    if any(wish.hotplug for wish in devices):
        nodes.append(DeviceNode("/dev/console", "char", 5, 1, 0, 0o600))  # what comes with all of /dev is to be covered
    return Facts(
        uid=UID,
        gid=UID,
        user_name="",
        platform=platform,
        read=frozenset(("devices", "engine", "gpu")),
        engine=EngineFacts(api_version="1.41", cgroup_version=2),
        devices=tuple(nodes),
        groups=tuple(pair for pair in _GROUPS if pair[0] in _FIXED),
    )


def _gpu(profile: Profile, facts: Facts) -> Grant:
    """What the GPU that the profile asks for adds, where there is one; NVIDIA's where it does not say whose."""
    vendor = (profile.gpu and profile.gpu.vendor) or "nvidia"
    video = dict(_GROUPS)["video"]
    dri = DeviceNode("/dev/dri", "char", 0, 0, video, 0o660)
    gpu = {
        "nvidia": GpuFacts(nvidia_driver="0", nvidia_toolkit=True, nvidia_hook=True),
        "jetson": GpuFacts(tegra=Tegra("0.0"), nvidia_toolkit=True),
        "amd": GpuFacts(
            cards=(DrmCard("card0", "amd", (dri,)),), kfd=DeviceNode("/dev/kfd", "char", 0, 0, video, 0o660)
        ),
        "intel": GpuFacts(cards=(DrmCard("card0", "intel", (dri,)),)),
    }[vendor]
    engine = replace(facts.engine, runtimes=("nvidia",) if vendor == "jetson" else ())
    grant = plan_gpu(profile, replace(facts, gpu=gpu, engine=engine))
    return replace(grant, notes=(), unmet=())
