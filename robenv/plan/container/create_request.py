"""RunPlan → the body of the Engine API's ``POST /containers/create`` (v1.41 to v1.51).

What the plan leaves unset stays out of the body, so that the engine's own default holds and an older engine never
meets a field that it does not know for the sake of an empty value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from robenv.plan.container.networks import endpoint_request
from robenv.plan.models import DeviceRequest, Healthcheck, Mount, Pairs, Port, RunPlan
from robenv.plan.names import LABEL_PLAN_JSON, LABEL_ROLE, ROLE_HOME
from robenv.plan.owner import owner_labels

NANOSECONDS = 1_000_000_000
STOP_TIMEOUT = 10
"""Seconds: Docker's own. Podman takes none for 0, and would kill at once."""
_TMPFS_MODE = 0o1777
"""Docker's own. Podman takes none for 0, and nobody could use it."""


def create_request(plan: RunPlan, *, tty: bool = False, stdin: bool = False) -> dict[str, Any]:
    """The create body. ``tty`` and ``stdin`` are for a main process that somebody attaches to.

    A bind mount's folder has to be there: unlike ``docker run -v``, the Engine API's mounts do not create it (owned by
    root, for a misspelt path) unless ``create_host_path`` asks for it, which engines older than API 1.42 do not know.
    """
    entrypoint = plan.entrypoint
    body: dict[str, Any] = {
        "Image": plan.image,
        "User": container_user(plan),
        "WorkingDir": plan.working_dir,
        # [""] is how the API says "none at all"; an absent one is the image's own.
        "Entrypoint": [""] if entrypoint == () else entrypoint and list(entrypoint),
        "Cmd": list(plan.command),
        "Env": [f"{name}={value}" for name, value in plan.environment],
        "Labels": dict(plan.labels),
        "Hostname": plan.hostname,
        "Domainname": plan.domainname,
        "ExposedPorts": {port: {} for port in _exposed(plan)},
        "Healthcheck": plan.healthcheck and _healthcheck(plan.healthcheck),
        "StopSignal": plan.stop_signal,
        "StopTimeout": _stop_timeout(plan.stop_grace_period),
    }
    if tty or stdin:
        body |= {"Tty": tty, "OpenStdin": stdin, "StdinOnce": stdin, "AttachStdin": stdin}
        body |= {"AttachStdout": True, "AttachStderr": True}
    body["NetworkingConfig"] = _endpoint(plan)
    return {**set_only(body), "HostConfig": set_only({**_namespaces(plan), **_resources(plan), **_mounted(plan)})}


def request_to_show(plan: RunPlan) -> dict[str, Any]:
    """Return the create body for a document that has the plan as well, which a label of the body repeats."""
    body = create_request(plan)
    body["Labels"] = {key: value for key, value in body["Labels"].items() if key != LABEL_PLAN_JSON}
    return body


def container_user(plan: RunPlan) -> str:
    """Whom to run as.

    By the UID alone, since the engine adds the supplementary groups of /etc/group (dialout, video) never to
    ``UID:GID``; and not by name, which Podman looks up before the account is there. A read-only root takes no account
    files, so there it has to be both numbers.
    """
    return f"{plan.user.uid}:{plan.user.gid}" if plan.read_only else str(plan.user.uid)


def _stop_timeout(period: float | None) -> int:
    """Whole seconds; a grace period of half a second must not become none."""
    return STOP_TIMEOUT if period is None else -int(-period // 1)


def set_only(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is unset. A number 0 and False are values; empty texts, lists and mappings are not."""
    return {name: value for name, value in values.items() if value is not None and value not in ("", [], {})}


def _namespaces(plan: RunPlan) -> dict[str, Any]:
    """Of the HostConfig, what shuts the container off from the host or opens it."""
    return {
        "NetworkMode": plan.networks[0].network.name if plan.networks else plan.network_mode,
        "IpcMode": plan.ipc,
        "PidMode": plan.pid,
        "UTSMode": plan.uts,
        "UsernsMode": plan.userns_mode,
        "CgroupnsMode": plan.cgroup,
        "CgroupParent": plan.cgroup_parent,
        "Runtime": plan.runtime,
        "Init": plan.init,
        "Privileged": plan.privileged or None,
        "ReadonlyRootfs": plan.read_only or None,
        "RestartPolicy": _restart_policy(plan.restart),
        "CapAdd": list(plan.cap_add),
        "CapDrop": list(plan.cap_drop),
        "SecurityOpt": list(plan.security_opt),
        "GroupAdd": [*plan.group_add, *(str(gid) for gid in dict.fromkeys((*plan.groups, *plan.own_groups)))],
        "Dns": list(plan.dns),
        "DnsSearch": list(plan.dns_search),
        "DnsOptions": list(plan.dns_opt),
        "ExtraHosts": list(plan.extra_hosts),
        "Sysctls": dict(plan.sysctls),
        "PortBindings": port_bindings(plan.ports),
        "LogConfig": _log_config(plan.logging_driver, plan.logging_options),
    }


def _endpoint(plan: RunPlan) -> dict[str, Any]:
    """Of the first network alone: engines before API 1.44 take no more, and are told of the others by ``connect``."""
    first = plan.networks[:1]
    endpoints = {one.network.name: endpoint for one in first if (endpoint := endpoint_request(one))}
    return {"EndpointsConfig": endpoints} if endpoints else {}


def _resources(plan: RunPlan) -> dict[str, Any]:
    """Of the HostConfig, what limits the container."""
    return {
        "ShmSize": plan.shm_size,
        "Memory": plan.mem_limit,
        "MemoryReservation": plan.mem_reservation,
        "MemorySwap": plan.memswap_limit,
        "MemorySwappiness": plan.mem_swappiness,
        "OomKillDisable": plan.oom_kill_disable,
        "OomScoreAdj": plan.oom_score_adj,
        "NanoCpus": None if plan.cpus is None else round(plan.cpus * NANOSECONDS),
        "CpuShares": plan.cpu_shares,
        "CpuPeriod": plan.cpu_period,
        "CpuQuota": plan.cpu_quota,
        "CpuRealtimeRuntime": plan.cpu_rt_runtime,
        "CpuRealtimePeriod": plan.cpu_rt_period,
        "CpusetCpus": plan.cpuset,
        "PidsLimit": plan.pids_limit,
        "BlkioWeight": plan.blkio_weight,
        **_disk_limits(plan),
        "Ulimits": [{"Name": ulimit.name, "Soft": ulimit.soft, "Hard": ulimit.hard} for ulimit in plan.ulimits],
        "StorageOpt": dict(plan.storage_opt),
    }


_DISK_LIMITS = {
    "weight": ("BlkioWeightDevice", "Weight"),
    "read_bps": ("BlkioDeviceReadBps", "Rate"),
    "write_bps": ("BlkioDeviceWriteBps", "Rate"),
    "read_iops": ("BlkioDeviceReadIOps", "Rate"),
    "write_iops": ("BlkioDeviceWriteIOps", "Rate"),
}


def _disk_limits(plan: RunPlan) -> dict[str, list[dict[str, Any]]]:
    limits: dict[str, list[dict[str, Any]]] = {}
    for limit in plan.blkio_limits:
        name, value = _DISK_LIMITS[limit.kind]
        limits.setdefault(name, []).append({"Path": limit.path, value: limit.value})
    return limits


def _mounted(plan: RunPlan) -> dict[str, Any]:
    """Of the HostConfig, what is put into the container."""
    own = [mount for mount in plan.mounts if not _is_raw_tmpfs(mount) and not _is_short(mount)]
    return {
        "Binds": [_bind(mount) for mount in plan.mounts if _is_short(mount)],
        "Mounts": [_mount(mount, volume_labels(plan, mount)) for mount in own],
        "Tmpfs": {mount.target: str(dict(mount.options)["options"]) for mount in plan.mounts if _is_raw_tmpfs(mount)},
        "Devices": [
            {"PathOnHost": device.host, "PathInContainer": device.container, "CgroupPermissions": device.permissions}
            for device in plan.devices
        ],
        "DeviceCgroupRules": list(plan.device_cgroup_rules),
        "DeviceRequests": [_device_request(request) for request in plan.device_requests],
    }


def _device_request(request: DeviceRequest) -> dict[str, Any]:
    return {
        "Driver": request.driver,
        "Count": request.count,
        "DeviceIDs": list(request.device_ids) or None,
        "Capabilities": [list(capability) for capability in request.capabilities] or None,
        "Options": dict(request.options) or None,
    }


def _mount(mount: Mount, labels: Mapping[str, str]) -> dict[str, Any]:
    options = dict(mount.options)
    body: dict[str, Any] = {"Type": mount.kind, "Target": mount.target, "ReadOnly": mount.read_only or None}
    body["Source"] = mount.source
    if mount.kind == "bind":
        body["Consistency"] = options.get("consistency")
        body["BindOptions"] = set_only(
            {
                "Propagation": options.get("propagation"),
                "CreateMountpoint": options.get("create_host_path") or None,
                "NonRecursive": options.get("non_recursive") or None,
            }
        )
    elif mount.kind == "volume":
        # Labels of the volume, where the engine has to make it; an existing one keeps its own. Podman looks at none of
        # these, so named volumes are made first.
        body["VolumeOptions"] = set_only(
            {
                "NoCopy": options.get("nocopy") or None,
                "Subpath": options.get("subpath"),
                "Labels": dict(labels),
                "DriverConfig": _driver(options),
            }
        )
    else:
        body["TmpfsOptions"] = set_only({"SizeBytes": options.get("size"), "Mode": options.get("mode", _TMPFS_MODE)})
    return set_only(body)


def _driver(options: Mapping[str, Any]) -> dict[str, Any] | None:
    chosen = file_system(options)
    return {"Name": "local", "Options": chosen} if chosen else None


def file_system(options: Mapping[str, Any]) -> dict[str, str]:
    """Of a volume that is a file system of its own kind, made as it is mounted: mount(8)'s type, device and options."""
    return {key: str(options[key]) for key in ("type", "device", "o") if key in options}


def volume_labels(plan: RunPlan, mount: Mount) -> dict[str, str]:
    """Whose a volume is, so that `down --volumes` finds it; nothing for one that is anonymous or somebody else's."""
    if not mount.source or dict(mount.options).get("external"):
        return {}
    role = {LABEL_ROLE: ROLE_HOME} if mount.source == plan.home_volume else {}
    return owner_labels(plan) | role


def _is_raw_tmpfs(mount: Mount) -> bool:
    """Whether mount(8)'s own option text came with it (Compose's ``tmpfs`` key), which API mounts have no place for."""
    return mount.kind == "tmpfs" and "options" in dict(mount.options)


def _is_short(mount: Mount) -> bool:
    """Whether it has to be in the short form: only that can have SELinux labels set on the host's files, and only of
    that does Podman hear that a volume is not to be filled from the image."""
    options = dict(mount.options)
    unfilled = mount.kind == "volume" and mount.source and options.get("nocopy") and "subpath" not in options
    return "selinux" in options or bool(unfilled and ":" not in mount.target)


def _bind(mount: Mount) -> str:
    options = dict(mount.options)
    nocopy = "nocopy" if options.get("nocopy") else None
    modes = ("ro" if mount.read_only else "rw", options.get("selinux"), options.get("propagation"), nocopy)
    return f"{mount.source}:{mount.target}:{','.join(str(mode) for mode in modes if mode)}"


def _restart_policy(restart: str) -> dict[str, Any] | None:
    """Of ``no``, ``always``, ``unless-stopped`` or ``on-failure[:COUNT]``."""
    name, _, count = restart.partition(":")
    return set_only({"Name": name, "MaximumRetryCount": int(count) if count else None}) or None


def _healthcheck(check: Healthcheck) -> dict[str, Any]:
    """0 is the engine's default for each number, so those stay out."""
    times = {"Interval": check.interval, "Timeout": check.timeout, "StartPeriod": check.start_period}
    body: dict[str, Any] = {"Test": list(check.test), "Retries": check.retries or None}
    return set_only(body | {name: round(seconds * NANOSECONDS) or None for name, seconds in times.items()})


def _log_config(driver: str, options: Pairs) -> dict[str, Any] | None:
    # An empty Type is the engine's default driver, and Config has to be a mapping where Type is given.
    return {"Type": driver, "Config": dict(options)} if driver or options else None


def _exposed(plan: RunPlan) -> Iterable[str]:
    """Every ``PORT/PROTOCOL``, ranges spelled out, of what is exposed and what is published."""
    for text in plan.expose:
        yield from ports_of(text)
    for port in plan.ports:
        yield from ports_of(port.container)


def ports_of(text: str) -> list[str]:
    """``8000-8002/udp`` → the three of them."""
    numbers, _, protocol = text.partition("/")
    first, _, last = numbers.partition("-")
    return [f"{number}/{protocol or 'tcp'}" for number in range(int(first), int(last or first) + 1)]


def port_bindings(ports: Iterable[Port]) -> dict[str, list[dict[str, str]]]:
    """One container port may have several; a host range of the same length pairs up, else the engine picks from it."""
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        inside = ports_of(port.container)
        outside = [port.host_port] * len(inside)
        first, dash, last = port.host_port.partition("-")
        if dash and int(last) - int(first) + 1 == len(inside):
            outside = [str(int(first) + index) for index in range(len(inside))]
        for name, host_port in zip(inside, outside, strict=True):
            binding = set_only({"HostIp": port.host_ip})
            bindings.setdefault(name, []).append(binding | {"HostPort": host_port})
    return bindings
