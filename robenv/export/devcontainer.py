"""A project as a dev container: devcontainer.json of https://containers.dev/implementors/json_reference/."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from robenv.export.portable import PortablePlan
from robenv.export.words import OWN, Wording
from robenv.plan.host.capabilities import NO_NEW_PRIVILEGES
from robenv.plan.host.requirements import Grant
from robenv.plan.models import Mount, Port, RunPlan

_FLAGS = {
    "platform": "platform", "hostname": "hostname", "domainname": "domainname", "network_mode": "network",
    "ipc": "ipc", "pid": "pid", "uts": "uts", "userns_mode": "userns", "cgroup": "cgroupns",
    "cgroup_parent": "cgroup-parent", "runtime": "runtime", "restart": "restart", "stop_signal": "stop-signal",
    "shm_size": "shm-size", "mem_limit": "memory", "mem_reservation": "memory-reservation",
    "memswap_limit": "memory-swap", "mem_swappiness": "memory-swappiness", "oom_score_adj": "oom-score-adj",
    "cpus": "cpus", "cpu_shares": "cpu-shares", "cpu_period": "cpu-period", "cpu_quota": "cpu-quota",
    "cpu_rt_runtime": "cpu-rt-runtime", "cpu_rt_period": "cpu-rt-period", "cpuset": "cpuset-cpus",
    "pids_limit": "pids-limit", "blkio_weight": "blkio-weight", "cap_drop": "cap-drop", "group_add": "group-add",
    "groups": "group-add", "device_cgroup_rules": "device-cgroup-rule", "dns": "dns", "dns_search": "dns-search",
    "dns_opt": "dns-option", "extra_hosts": "add-host", "expose": "expose", "logging_driver": "log-driver",
    "read_only": "read-only", "oom_kill_disable": "oom-kill-disable",
}  # fmt: skip
"""What `docker run` calls what a RunPlan has: https://docs.docker.com/reference/cli/docker/container/run/."""
_DISKS = {
    "weight": "blkio-weight-device",
    "read_bps": "device-read-bps",
    "write_bps": "device-write-bps",
    "read_iops": "device-read-iops",
    "write_iops": "device-write-iops",
}


def devcontainer(portable: PortablePlan, image: dict[str, Any], target: str, words: Wording) -> dict[str, Any]:
    """The document, yet to be ``finished``. ``image``: what of it says where the image comes from. ``target``: the
    workspace's place inside."""
    plan = portable.plan
    mounts = [
        mount for mount in plan.mounts if mount.target != target and not (plan.home_volume and mount.source == "home")
    ]
    gpu = portable.gpu if portable.gpu_mode == "required" else Grant()
    environment = words.environment(plan)
    if portable.gpu_mode == "auto" and portable.gpu.device_requests:
        environment = {**dict(portable.gpu.environment), **environment}
    made: dict[str, Any] = {
        "name": plan.project,
        **image,
        "workspaceFolder": target,
        "workspaceMount": next((_workspace(mount, words) for mount in plan.mounts if mount.target == target), ""),
        "initializeCommand": _folders(mounts, words),
        "remoteUser": plan.user.name,
        "containerEnv": {**dict(gpu.environment), **environment},
        "hostRequirements": _gpu_requirement(portable),
        "init": plan.init or None,
        "privileged": plan.privileged or None,
        "capAdd": list(plan.cap_add),
        "securityOpt": [one for one in plan.security_opt if "{" not in one],
        "mounts": [_mount(mount, words) for mount in mounts if not _needs_flag(mount)],
        "runArgs": [*_flags(plan, mounts, words), *_gpu_flags(gpu, plan)],
    }
    return {key: value for key, value in made.items() if value not in (None, "", [], {})}


def not_in_devcontainer(portable: PortablePlan) -> Iterator[str]:
    """What of the container has no place there."""
    plan = portable.plan
    if any(not network.network.external for network in plan.networks):
        yield "networks: a dev container makes none; `robenv export compose` does"
    if plan.healthcheck:
        yield "healthcheck: nobody asks for it there"
    if portable.gpu_mode == "auto" and not portable.gpu.device_requests:
        yield "gpu: auto: only NVIDIA's can be taken where there is one; `required` takes the others"
    if plan.user.sudo is False and NO_NEW_PRIVILEGES in plan.security_opt and plan.read_only:
        yield "read_only: dev containers write into the root that they start on"


def _folders(mounts: list[Mount], words: Wording) -> list[str]:
    """Folders of the project that are to be there before they are mounted; a bind mount makes none."""
    made = [mount for mount in mounts if mount.kind == "bind" and dict(mount.options).get("create_host_path")]
    inside = [posixpath.relpath(one.source, words.root) for one in made if words.is_inside(one.source)]
    return ["mkdir", "-p", "--", *inside] if inside else []


def _gpu_requirement(portable: PortablePlan) -> dict[str, Any] | None:
    """NVIDIA's alone: the tools that read this give a container `--gpus all`."""
    if not portable.gpu.device_requests:
        return None
    return {"gpu": "optional"} if portable.gpu_mode == "auto" else None


def _workspace(mount: Mount, words: Wording) -> str:
    return _fields("type=bind", f"source={words.path(mount.source)}", f"target={mount.target}")


def _flags(plan: RunPlan, mounts: list[Mount], words: Wording) -> Iterator[str]:
    for key, flag in _FLAGS.items():
        value = getattr(plan, key)
        if key == "platform" or (key == "network_mode" and plan.networks):
            continue
        for one in value if isinstance(value, tuple) else (value,):
            if one is True:
                yield f"--{flag}"
            elif one is not None and one is not False and one != "":
                yield f"--{flag}={one}"
    external = [network.network.name for network in plan.networks if network.network.external]
    yield from (f"--network={name}" for name in external)
    yield from (f"--device={device.host}:{device.container}:{device.permissions}" for device in plan.devices)
    yield from (f"--ulimit={ulimit.name}={ulimit.soft}:{ulimit.hard}" for ulimit in plan.ulimits)
    yield from (f"--sysctl={name}={value}" for name, value in plan.sysctls)
    yield from (f"--label={name}={value}" for name, value in plan.labels)
    yield from (f"--log-opt={name}={value}" for name, value in plan.logging_options)
    yield from (f"--storage-opt={name}={value}" for name, value in plan.storage_opt)
    yield from (f"--{_DISKS[limit.kind]}={limit.path}:{limit.value}" for limit in plan.blkio_limits)
    yield from (f"--publish={_published(port)}" for port in plan.ports)
    if plan.stop_grace_period is not None:
        yield f"--stop-timeout={-int(-plan.stop_grace_period // 1)}"
    for mount in mounts:
        if _needs_flag(mount):
            yield from _mount_flag(mount, words)


def _gpu_flags(gpu: Grant, plan: RunPlan) -> Iterator[str]:
    for request in gpu.device_requests:
        yield f"--gpus={_quoted(','.join(request.device_ids))}" if request.device_ids else "--gpus=all"
    if gpu.runtime:
        yield f"--runtime={gpu.runtime}"
    yield from (f"--device={device.host}:{device.container}:{device.permissions}" for device in gpu.devices)
    yield from (f"--group-add={group}" for group in gpu.groups if group not in plan.groups)


def _quoted(ids: str) -> str:
    return f'"device={ids}"'


def _published(port: Port) -> str:
    front = f"{port.host_ip}:" if port.host_ip else ""
    return f"{front}{port.host_port}:{port.container}" if port.host_port or front else port.container


def _needs_flag(mount: Mount) -> bool:
    """Of what a dev container's own ``mounts`` have no words for."""
    options = dict(mount.options)
    return mount.kind == "tmpfs" or bool(set(options) - {"create_host_path", "external"}) or mount.read_only


def _mount(mount: Mount, words: Wording) -> str:
    source = words.path(mount.source) if mount.kind == "bind" else _volume_name(mount)
    return _fields(f"type={mount.kind}", *([f"source={source}"] if source else []), f"target={mount.target}")


def _volume_name(mount: Mount) -> str:
    """Of this project's checkout alone: two of them, or two branches, are two dev containers."""
    if not mount.source or dict(mount.options).get("external"):
        return mount.source
    return f"{mount.source}-{OWN}{{devcontainerId}}"


def _mount_flag(mount: Mount, words: Wording) -> Iterator[str]:
    options = dict(mount.options)
    if mount.kind == "tmpfs":
        raw = options.get("options", "")
        sized = [
            f"{key}={options[key]:o}" if key == "mode" else f"{key}={options[key]}"
            for key in ("size", "mode")
            if key in options
        ]
        said = ",".join([*([str(raw)] if raw else []), *sized])
        yield f"--tmpfs={mount.target}" + (f":{said}" if said else "")
        return
    if "selinux" in options:
        modes = ("ro" if mount.read_only else "rw", options["selinux"], options.get("propagation"))
        yield f"--volume={words.path(mount.source)}:{mount.target}:{','.join(str(mode) for mode in modes if mode)}"
        return
    parts = [_mount(mount, words), *(["readonly"] if mount.read_only else [])]
    parts += [f"bind-propagation={options['propagation']}"] if "propagation" in options else []
    parts += ["bind-recursive=disabled"] if options.get("non_recursive") else []
    parts += ["volume-nocopy"] if options.get("nocopy") else []
    parts += [_fields(f"volume-subpath={options['subpath']}")] if "subpath" in options else []
    parts += [_fields(f"volume-opt={key}={options[key]}") for key in ("type", "device", "o") if key in options]
    yield f"--mount={','.join(parts)}"


def _fields(*texts: str) -> str:
    """Fields of a line of CSV, as `--mount` is read: a comma in a path begins no option."""
    return ",".join('"' + text.replace('"', '""') + '"' if re.search('[,"\r\n]', text) else text for text in texts)


def workspace_source(below: str) -> str:
    """A path of the project's folder: VS Code's word for that."""
    folder = f"{OWN}{{localWorkspaceFolder}}"
    return folder if below == "." else posixpath.join(folder, below)
