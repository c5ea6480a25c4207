"""What the engine's own security means for a container: SELinux, userns-remap, a rootless engine. Pure.

SELinux: a confined process may touch only files with a container label. The user's own files have other labels, and to
relabel a home folder would lock other programs out of it, so the container runs without confinement by labels, as those
of toolbox and distrobox do. https://docs.docker.com/engine/storage/bind-mounts/#configure-the-selinux-label

userns-remap: the user's UID on the host has no number inside, so that the user's files are nobody's there, and the
engine refuses the host's namespaces. https://docs.docker.com/engine/security/userns-remap/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from robenv.plan.host.requirements import Grant, MissingRequirement
from robenv.plan.models import RunPlan

if TYPE_CHECKING:
    from robenv.host.facts import EngineFacts, Facts
    from robenv.profile.schema.profile import Profile

NO_LABEL = "label=disable"


def maps_users(engine: EngineFacts) -> bool:
    return "name=userns" in engine.security_options


def has_selinux(engine: EngineFacts) -> bool:
    return "name=selinux" in engine.security_options


def fitted(plan: RunPlan, engine: EngineFacts) -> RunPlan:
    """The plan in the form in which this engine gives the user inside the host's files, devices and namespaces that it
    names. What the profile says itself goes before."""
    if has_selinux(engine) and _has_unlabelled_files(plan) and not _says_label(plan.security_opt):
        plan = replace(plan, security_opt=(*plan.security_opt, NO_LABEL))
    if maps_users(engine) and not plan.userns_mode and _shares_with_host(plan):
        plan = replace(plan, userns_mode="host")
    return plan


def security_notes(plan: RunPlan, profile: Profile, engine: EngineFacts) -> tuple[str, ...]:
    """What the plan has for the engine's sake, each in a sentence."""
    notes = []
    if has_selinux(engine) and NO_LABEL in plan.security_opt and not _says_label(profile.run.security_opt):
        notes.append(f"the engine enforces SELinux labels, which your files lack: the container runs with {NO_LABEL}")
    if maps_users(engine) and plan.userns_mode and not profile.run.userns_mode:
        root = "root" if plan.user.uid == 0 else plan.user.name
        notes.append(
            "the engine remaps user IDs (userns-remap), which makes your files nobody's inside: the container runs "
            f"with userns_mode: host, so {root} inside is UID {plan.user.uid} of the host"
        )
    if maps_users(engine) and plan.userns_mode and plan.user.sudo:
        notes.append("user.sudo gives nothing on this engine: its images' sudo belongs to the mapped root")
    if engine.rootless and not engine.podman and plan.network_mode == "host":
        notes.append(
            "run.network_mode: host is not this machine's network on rootless Docker, but the engine's own behind NAT: "
            "programs outside find nothing that listens there, and ROS discovery reaches no other machine"
        )
    return tuple(notes)


def plan_engine_security(profile: Profile, facts: Facts) -> Grant:
    return Grant(unmet=tuple(_lacks(profile, facts)))


def _lacks(profile: Profile, facts: Facts) -> Iterator[MissingRequirement]:
    engine, run = facts.engine, profile.run
    if engine.rootless and run.ipc == "host":
        message = "a rootless engine cannot share the host's IPC namespace"
        yield MissingRequirement(("run", "ipc"), message, "take `run.ipc` out, or use an engine that runs as root")
    if engine.rootless and not engine.podman:
        for index, one in enumerate(run.devices):
            if one.target != one.source:
                message = f"rootless Docker gives a device under its own name only: {one.source}, not {one.target}"
                yield MissingRequirement(
                    ("run", "devices", index), message, "take the other name out, or use an engine of root's"
                )


def _has_unlabelled_files(plan: RunPlan) -> bool:
    """A privileged container has no label that confines it."""
    return not plan.privileged and any(
        mount.kind == "bind" and "selinux" not in dict(mount.options) for mount in plan.mounts
    )


def _says_label(options: tuple[str, ...]) -> bool:
    return any(option.replace("=", ":").startswith("label:") for option in options)


def _shares_with_host(plan: RunPlan) -> bool:
    return (
        plan.privileged
        or "host" in (plan.network_mode, plan.pid)
        or bool(plan.groups or plan.devices)
        or any(mount.kind == "bind" for mount in plan.mounts)
    )
