"""Resolved profile + facts → RunPlan: Compose's service keys as one container's settings. Pure.

The main process of a development container only keeps it alive, and does not go through the image's entrypoint; what
people start does: ``exec`` runs the image's entrypoint with their command behind it, as ``docker run`` would, so that
ROS is sourced. A profile that says ``run.command`` or ``run.entrypoint`` means by it what Compose does, the container's
main process; ``exec`` is not touched by either.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from robenv import __version__
from robenv.catalog.toolchains import emulation_settings
from robenv.errors import UsageError
from robenv.host.project_folder import FolderIdentity, project_id
from robenv.plan.container.diff import without_values
from robenv.plan.container.networks import plan_networks
from robenv.plan.host.capabilities import with_least_privilege
from robenv.plan.host.display import with_session
from robenv.plan.host.engine_security import fitted
from robenv.plan.host.requirements import Grant
from robenv.plan.models import Device, DiskLimit, Healthcheck, Mount, Pairs, Port, RunPlan, Ulimit, User
from robenv.plan.names import (
    LABEL_DIRECTORY,
    LABEL_HASH,
    LABEL_MAIN,
    LABEL_PLACE,
    LABEL_PLAN,
    LABEL_PLAN_JSON,
    LABEL_PROJECT,
    LABEL_ROLE,
    LABEL_UID,
    LABEL_VERSION,
    ROLE_ENVIRONMENT,
    container_name,
    home_volume,
    resource_prefix,
    volume_name,
)
from robenv.plan.user import plan_user

if TYPE_CHECKING:
    from robenv.host.facts import Facts
    from robenv.profile.resolve.resolved import Resolved
    from robenv.profile.schema.profile import Profile
    from robenv.profile.schema.run.keys import Run
    from robenv.profile.schema.run.parts import Blkio, VolumeMount
    from robenv.profile.schema.run.parts import Healthcheck as ProfileHealthcheck

KEEP_ALIVE = ("sleep", "infinity")
LOG_LIMITS = (("max-size", "10m"), ("max-file", "5"))
"""Options of the logging drivers that keep files on the engine's machine."""
_BOUNDED = ("json-file", "local")

_SAME = (
    "hostname", "domainname", "network_mode", "ipc", "pid", "uts", "userns_mode", "cgroup", "cgroup_parent",
    "runtime", "init", "privileged", "read_only", "restart", "stop_signal", "stop_grace_period", "shm_size",
    "mem_limit", "mem_reservation", "memswap_limit", "mem_swappiness", "oom_kill_disable", "oom_score_adj", "cpus",
    "cpu_shares", "cpu_period", "cpu_quota", "cpu_rt_runtime", "cpu_rt_period", "cpuset", "pids_limit", "cap_add",
    "cap_drop", "security_opt", "group_add", "device_cgroup_rules", "dns", "dns_search", "dns_opt", "extra_hosts",
    "expose",
)  # fmt: skip
"""Keys of ``run:`` that a RunPlan has under the same name and in the same shape."""


def plan_run(
    resolved: Resolved,
    image: str,
    facts: Facts,
    *,
    content_hash: str,
    grant: Grant = Grant(),  # noqa: B008 (frozen)
    platform: str = "",
    command: tuple[str, ...] | None = None,
    workspace: bool = True,
) -> RunPlan:
    """The container of a project.

    ``image`` is the reference to run and ``content_hash`` the whole hash of what it was built from. ``platform`` is the
    image's, by default the engine's own. ``grant`` is what the host gives.
    ``command`` becomes the main process, behind the entrypoint. ``workspace``: False where nobody develops.

    Raises UsageError where there is no project, such as for a built-in profile.
    """
    files = resolved.files
    if files is None:
        raise UsageError("a built-in profile is no project", hint="`robenv init` writes a project that extends it")
    profile, root = resolved.profile, str(files.root)
    run = profile.run
    foreign = platform if platform and platform != facts.platform else ""
    place = facts.place or FolderIdentity(root, facts.uid, project_id(root))
    prefix = place.prefix or resource_prefix(profile.name, place.id)
    own = f"{prefix}{place.suffix}"
    user = plan_user(profile.user, facts)
    home = home_volume(prefix, user.uid, foreign)
    mounts = _mounts(profile, root, volume_name(own, "", foreign), Mount("volume", home, user.home))
    entrypoint, main = _main_process(run, command)
    keeps_alive = (entrypoint, main) == ((), KEEP_ALIVE)
    plan = RunPlan(
        project=profile.name,
        directory=root,
        name=container_name(profile.name, place.id, place.suffix, foreign),
        prefix=own,
        image=image,
        platform=platform or facts.platform,
        user=user,
        working_dir=run.working_dir or profile.workspace.target,
        entrypoint=entrypoint,
        command=main,
        environment=_environment(run, user, emulation_settings(facts.platform, platform or facts.platform)),
        mounts=mounts,
        home_volume=home if any(mount.source == home for mount in mounts) else "",
        labels=tuple(run.labels.items()),
        devices=tuple(Device(device.source, device.target, device.permissions) for device in run.devices),
        ports=tuple(Port(port.container, port.host_ip, port.host_port) for port in run.ports),
        ulimits=tuple(Ulimit(limit, one.soft, one.hard) for limit, one in run.ulimits.items()),
        sysctls=tuple(run.sysctls.items()),
        networks=plan_networks(profile, own),
        own_groups=facts.own_groups,
        blkio_weight=run.blkio_config.weight,
        blkio_limits=_disk_limits(run.blkio_config),
        healthcheck=_healthcheck(run.healthcheck),
        logging_driver=run.logging.driver,
        logging_options=_logging_options(run, facts.engine.logging_driver),
        storage_opt=tuple(run.storage_opt.items()),
        **{key: getattr(run, key) for key in _SAME},
    )
    if not workspace:
        plan = without_workspace(plan, profile)
    plan = with_session(with_least_privilege(_granted(plan, grant)), facts.session.folder, facts.engine.podman)
    plan = fitted(plan, facts.engine)
    if keeps_alive and not plan.init and not plan.stop_signal:
        # As PID 1 without an init, sleep would not hear SIGTERM, and every stop would take the whole grace period.
        plan = replace(plan, stop_signal="SIGKILL")
    return _labelled(plan, content_hash, "sleep" if keeps_alive else "command", place)


def _logging_options(run: Run, default_driver: str) -> Pairs:
    """By default a container's output is kept within bounds: the engine's own limit is the disk."""
    if run.logging.driver or run.logging.options or default_driver not in _BOUNDED:
        return tuple(run.logging.options.items())
    return LOG_LIMITS


def without_workspace(plan: RunPlan, profile: Profile) -> RunPlan:
    """As it is where nobody develops."""
    own = ("bind", profile.workspace.target, profile.workspace.source or plan.directory)
    mounts = (mount for mount in plan.mounts if (mount.kind, mount.target, mount.source) != own)
    return replace(plan, mounts=tuple(mounts))


def _granted(plan: RunPlan, grant: Grant) -> RunPlan:
    """What ``run:`` itself says goes before what the host gives, at the same place, of the same name."""
    named = {device.container for device in plan.devices}
    mounted = {mount.target for mount in plan.mounts}
    limited = {ulimit.name for ulimit in plan.ulimits}
    return replace(
        plan,
        environment=tuple({**dict(grant.environment), **dict(plan.environment)}.items()),
        mounts=(*plan.mounts, *(mount for mount in grant.mounts if mount.target not in mounted)),
        devices=(*plan.devices, *(device for device in grant.devices if device.container not in named)),
        device_requests=grant.device_requests,
        device_cgroup_rules=_union(plan.device_cgroup_rules, grant.device_cgroup_rules),
        groups=grant.groups,
        cap_add=_union(plan.cap_add, grant.cap_add),
        security_opt=_union(plan.security_opt, grant.security_opt),
        ulimits=(*plan.ulimits, *(ulimit for ulimit in grant.ulimits if ulimit.name not in limited)),
        runtime=plan.runtime or grant.runtime,
        ipc=(grant.ipc or plan.ipc) if plan.ipc in ("", "private") else plan.ipc,
        cpu_rt_runtime=plan.cpu_rt_runtime if plan.cpu_rt_runtime is not None else grant.cpu_rt_runtime,
        session=grant.session,
    )


def _union(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def plan_digest(plan: RunPlan) -> str:
    """12 hex digits over all of a plan but robenv's own labels: another robenv that plans the same changes nothing."""
    return hashlib.sha256(_compact(_without_own_labels(plan)).encode()).hexdigest()[:12]


def stored_json(plan: RunPlan) -> str:
    """A plan as JSON for LABEL_PLAN_JSON: without robenv's own labels, and without the values that may be secrets."""
    return _compact(without_values(_without_own_labels(plan)))


def _without_own_labels(plan: RunPlan) -> dict[str, Any]:
    own = tuple(pair for pair in plan.labels if not pair[0].startswith("robenv."))
    return replace(plan, labels=own).to_json()


def _compact(document: Mapping[str, Any]) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def relabelled(plan: RunPlan) -> RunPlan:
    """A plan that was changed after it was labelled: what the labels say of it is true again."""
    own = {LABEL_PLAN: plan_digest(plan), LABEL_PLAN_JSON: stored_json(plan)}
    return replace(plan, labels=tuple((name, own.get(name, value)) for name, value in plan.labels))


def _labelled(plan: RunPlan, content_hash: str, main: str, place: FolderIdentity) -> RunPlan:
    own = (
        (LABEL_PROJECT, plan.project),
        (LABEL_DIRECTORY, plan.directory),
        (LABEL_PLACE, place.id),
        (LABEL_UID, str(place.uid)),
        (LABEL_ROLE, ROLE_ENVIRONMENT),
        (LABEL_HASH, content_hash),
        (LABEL_VERSION, __version__),
        (LABEL_MAIN, main),
        (LABEL_PLAN, plan_digest(plan)),
        (LABEL_PLAN_JSON, stored_json(plan)),
    )
    return replace(plan, labels=(*plan.labels, *own))


def _main_process(run: Run, command: tuple[str, ...] | None) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Entrypoint and command, as in the RunPlan: an entrypoint of None is the image's, of () none."""
    if command is not None:
        return run.entrypoint, command
    if not run.entrypoint and not run.command:
        return (), KEEP_ALIVE
    # As in Compose: with an entrypoint of the profile's own, the image's command does not count either.
    return run.entrypoint, run.command or ()


def _environment(run: Run, user: User, emulation: Pairs) -> Pairs:
    """Nothing of the terminal's: that belongs to each command that is run."""
    environment = {**dict(emulation), **dict(run.environment)}
    if run.read_only:
        # No account files can be put there, so nothing else would say where the user's home is.
        environment.setdefault("HOME", user.home)
    return tuple(environment.items())


def _mounts(profile: Profile, root: str, front: str, home: Mount) -> tuple[Mount, ...]:
    """Home and workspace, and what the profile adds; what comes later at the same place replaces what came earlier."""
    workspace = profile.workspace
    mounts = [home, Mount("bind", workspace.source or root, workspace.target)]
    mounts += [_volume(volume, front) for volume in profile.run.volumes]
    for text in profile.run.tmpfs:
        target, _, options = text.partition(":")
        mounts.append(Mount("tmpfs", "", target, False, (("options", options),)))
    return tuple({mount.target.rstrip("/") or "/": mount for mount in mounts}.values())


def _volume(volume: VolumeMount, front: str) -> Mount:
    source = f"{front}{volume.source}" if volume.type == "volume" and volume.source else volume.source
    options = tuple((key, value) for key, value in _options(volume) if value not in ("", None, False))
    return Mount(volume.type, source, volume.target, volume.read_only, options)


def _options(volume: VolumeMount) -> Iterator[tuple[str, Any]]:
    if volume.type == "bind":
        yield "propagation", volume.bind.propagation
        yield "create_host_path", volume.bind.create_host_path
        yield "selinux", volume.bind.selinux
        yield "consistency", volume.consistency
    elif volume.type == "volume":
        yield "nocopy", volume.volume.nocopy
        yield "subpath", volume.volume.subpath
    else:
        yield "size", volume.tmpfs.size
        yield "mode", volume.tmpfs.mode


def _disk_limits(blkio: Blkio) -> tuple[DiskLimit, ...]:
    weights = (DiskLimit(one.path, "weight", one.weight) for one in blkio.weight_device)
    rates = (
        DiskLimit(one.path, kind, one.rate)
        for kind in ("read_bps", "write_bps", "read_iops", "write_iops")
        for one in getattr(blkio, f"device_{kind}")
    )
    return (*weights, *rates)


def _healthcheck(check: ProfileHealthcheck | None) -> Healthcheck | None:
    """Without a test of its own it changes the times of the image's."""
    if check is None:
        return None
    if check.disable:
        return Healthcheck(("NONE",))
    return Healthcheck(check.test or (), check.interval, check.timeout, check.start_period, check.retries)
