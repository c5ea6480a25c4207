"""A project as a Compose file: compose-spec, as Docker Compose 2.27 and later reads it.

https://github.com/compose-spec/compose-spec/blob/main/05-services.md
"""

from __future__ import annotations

from typing import Any

from robenv.export.portable import PortablePlan
from robenv.export.words import OWN, Wording
from robenv.plan.container.create_request import set_only
from robenv.plan.host.display import X11_SOCKETS
from robenv.plan.host.requirements import Grant
from robenv.plan.models import Attachment, DiskLimit, Healthcheck, Mount, Network, Pool, Port, RunPlan

_SAME = (
    "hostname", "domainname", "network_mode", "ipc", "pid", "uts", "userns_mode", "cgroup", "cgroup_parent",
    "runtime", "privileged", "read_only", "restart", "stop_signal", "shm_size", "mem_limit", "mem_reservation",
    "memswap_limit", "mem_swappiness", "oom_kill_disable", "oom_score_adj", "cpus", "cpu_shares", "cpu_period",
    "cpu_quota", "cpu_rt_runtime", "cpu_rt_period", "cpuset", "pids_limit", "cap_add", "cap_drop",
    "device_cgroup_rules", "dns", "dns_search", "dns_opt", "extra_hosts", "expose", "init",
)  # fmt: skip
"""Keys of a service that a RunPlan has under the same name and in the same shape."""
_DEVICES = {
    "weight": "weight_device",
    "read_bps": "device_read_bps",
    "write_bps": "device_write_bps",
    "read_iops": "device_read_iops",
    "write_iops": "device_write_iops",
}


_COOKIE = "/run/robenv-xauthority"


def compose_file(portable: PortablePlan, image: dict[str, Any], words: Wording) -> dict[str, Any]:
    """The document, yet to be ``finished``. ``image``: what of the service says where its image comes from."""
    plan = portable.plan
    service = {**image, **compose_service(plan, words)}
    if portable.gpu_mode == "required":
        service = _merged(service, gpu_service(portable.gpu, plan))
    networks = {network.network.name: _network(network.network) for network in plan.networks}
    return set_only(
        {
            "name": plan.project.replace(".", "-"),  # which Compose takes in a service's name alone
            "services": {plan.project: service},
            "networks": networks,
            "volumes": {_volume_name(mount): _volume(mount) for mount in plan.mounts if _is_listed(mount)},
        }
    )


def gpu_file(portable: PortablePlan) -> dict[str, Any]:
    """What a second file adds for machines that have the GPU."""
    return {"services": {portable.plan.project: gpu_service(portable.gpu, portable.plan)}}


def display_file(plan: RunPlan) -> dict[str, Any]:
    """What a second file adds for windows: the X server's sockets, and the cookie that it asks for, which is for the
    host's own name."""
    memory = {} if plan.ipc == "host" else {"QT_X11_NO_MITSHM": "1"}
    service = {
        "environment": {"DISPLAY": f"{OWN}{{DISPLAY:?this is for a login with X11}}", "XAUTHORITY": _COOKIE, **memory},
        "volumes": [f"{X11_SOCKETS}:{X11_SOCKETS}:ro", f"{OWN}{{XAUTHORITY:-{OWN}{{HOME}}/.Xauthority}}:{_COOKIE}:ro"],
        "uts": "host" if plan.network_mode != "host" and not plan.hostname else None,
    }
    return {"services": {plan.project: set_only(service)}}


def gpu_service(gpu: Grant, plan: RunPlan) -> dict[str, Any]:
    requests = [
        set_only(
            {
                "driver": request.driver or "nvidia",
                "count": "all" if request.count == -1 else None,
                "device_ids": list(request.device_ids),
                "capabilities": [name for group in request.capabilities for name in group] or ["gpu"],
            }
        )
        for request in gpu.device_requests
    ]
    given = {
        **dict(gpu.environment),
        **{name: value for name, value in plan.environment if name in dict(gpu.environment)},
    }
    return set_only(
        {
            "runtime": gpu.runtime,
            "environment": given,
            "devices": [f"{device.host}:{device.container}:{device.permissions}" for device in gpu.devices],
            "group_add": [str(group) for group in gpu.groups if group not in plan.groups],
            "deploy": {"resources": {"reservations": {"devices": requests}}} if requests else None,
        }
    )


def compose_service(plan: RunPlan, words: Wording) -> dict[str, Any]:
    """One service; nothing is in it that the plan does not say."""
    same = {key: _plain(getattr(plan, key)) for key in _SAME}
    same |= {key: getattr(plan, key) or None for key in ("privileged", "read_only")}
    if plan.networks:
        same |= {
            "networks": {network.network.name: _attachment(network) for network in plan.networks},
            "network_mode": None,
        }
    service = {
        "entrypoint": None if plan.entrypoint is None else [words.text(one) for one in plan.entrypoint],
        "command": [words.text(one) for one in plan.command],
        "working_dir": plan.working_dir,
        "environment": words.environment(plan),
        "labels": {name: words.text(value) for name, value in plan.labels},
        **same,
        "stop_grace_period": _duration(plan.stop_grace_period),
        "security_opt": [one for one in plan.security_opt if not _is_inline(one)],
        "group_add": [*plan.group_add, *(str(group) for group in plan.groups)],
        "devices": [f"{device.host}:{device.container}:{device.permissions}" for device in plan.devices],
        "sysctls": dict(plan.sysctls),
        "ulimits": {ulimit.name: {"soft": ulimit.soft, "hard": ulimit.hard} for ulimit in plan.ulimits},
        "ports": [_port(port) for port in plan.ports],
        "blkio_config": _blkio(plan),
        "healthcheck": plan.healthcheck and _healthcheck(plan.healthcheck, words),
        "logging": set_only({"driver": plan.logging_driver, "options": dict(plan.logging_options)}),
        "storage_opt": dict(plan.storage_opt),
        "volumes": [_mount(mount, words) for mount in plan.mounts if not _is_raw(mount)],
        "tmpfs": [f"{mount.target}:{dict(mount.options)['options']}" for mount in plan.mounts if _is_raw(mount)],
    }
    kept = set_only(service)
    if plan.entrypoint == ():
        kept["entrypoint"] = []  # which empties the image's
    return kept


def inline_options(plan: RunPlan) -> list[str]:
    """Security options that hold a whole document (seccomp), for which these files have no place."""
    return [one.partition("=")[0] for one in plan.security_opt if _is_inline(one)]


def _is_inline(option: str) -> bool:
    return "{" in option


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    merged = dict(first)
    for key, value in second.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = {**old, **value}
        else:
            merged[key] = [*old, *value] if isinstance(old, list) else value
    return merged


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _duration(seconds: float | None) -> str | None:
    """In Go's words, to the millisecond."""
    return None if seconds is None else f"{round(seconds * 1000)}ms"


def _port(port: Port) -> str:
    host = ":".join(part for part in (port.host_ip, port.host_port) if part)
    if port.host_ip and not port.host_port:
        host += ":"
    return f"{host}:{port.container}" if host else port.container


def _healthcheck(check: Healthcheck, words: Wording) -> dict[str, Any]:
    if check.test == ("NONE",):
        return {"disable": True}
    times = {"interval": check.interval, "timeout": check.timeout, "start_period": check.start_period}
    return set_only(
        {
            "test": [words.text(one) for one in check.test],
            **{name: _duration(seconds or None) for name, seconds in times.items()},
            "retries": check.retries or None,
        }
    )


def _blkio(plan: RunPlan) -> dict[str, Any]:
    limits: dict[str, Any] = {"weight": plan.blkio_weight}
    for limit in plan.blkio_limits:
        limits.setdefault(_DEVICES[limit.kind], []).append(_disk(limit))
    return set_only(limits)


def _disk(limit: DiskLimit) -> dict[str, Any]:
    return {"path": limit.path, ("weight" if limit.kind == "weight" else "rate"): limit.value}


def _is_raw(mount: Mount) -> bool:
    return mount.kind == "tmpfs" and "options" in dict(mount.options)


def _is_listed(mount: Mount) -> bool:
    return mount.kind == "volume" and bool(mount.source or "type" in dict(mount.options))


def _volume_name(mount: Mount) -> str:
    """One that is a file system of its own kind has no name of the profile's."""
    return mount.source or mount.target.strip("/").replace("/", "-")


def _volume(mount: Mount) -> dict[str, Any] | None:
    options = dict(mount.options)
    if options.get("external"):
        return {"external": True, "name": mount.source}
    chosen = {key: str(options[key]) for key in ("type", "device", "o") if key in options}
    return {"driver_opts": chosen} if chosen else None


def _mount(mount: Mount, words: Wording) -> dict[str, Any]:
    options = dict(mount.options)
    made: dict[str, Any] = {"type": mount.kind, "target": mount.target, "read_only": mount.read_only or None}
    if mount.kind == "bind":
        made["source"] = words.path(mount.source)
        made["bind"] = set_only(
            {
                "propagation": options.get("propagation"),
                "selinux": options.get("selinux"),
                "create_host_path": bool(options.get("create_host_path")),
                "recursive": "disabled" if options.get("non_recursive") else None,
            }
        )
        made["consistency"] = options.get("consistency")
    elif mount.kind == "volume":
        made["source"] = _volume_name(mount) if _is_listed(mount) else None
        made["volume"] = set_only({"nocopy": options.get("nocopy"), "subpath": options.get("subpath")})
    else:
        made["tmpfs"] = set_only({"size": options.get("size"), "mode": options.get("mode")})
    return set_only(made)


def _attachment(one: Attachment) -> dict[str, Any] | None:
    made = {"aliases": list(one.aliases), "ipv4_address": one.ipv4_address, "ipv6_address": one.ipv6_address}
    return set_only(made) or None


def _network(network: Network) -> dict[str, Any] | None:
    if network.external:
        return {"external": True, "name": network.name}
    ipam = set_only(
        {
            "driver": network.ipam_driver,
            "options": dict(network.ipam_options),
            "config": [_pool(pool) for pool in network.pools],
        }
    )
    made = {
        "driver": network.driver,
        "driver_opts": dict(network.options),
        "ipam": ipam,
        "labels": dict(network.labels),
        "internal": network.internal or None,
        "attachable": network.attachable or None,
        "enable_ipv6": network.enable_ipv6 or None,
    }
    return set_only(made) or None


def _pool(pool: Pool) -> dict[str, Any]:
    made = {"subnet": pool.subnet, "gateway": pool.gateway, "ip_range": pool.ip_range}
    return set_only({**made, "aux_addresses": dict(pool.aux_addresses)})
