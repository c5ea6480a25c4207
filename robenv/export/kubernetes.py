"""What a robot runs as Kubernetes objects: a Deployment of one pod, and claims for its volumes.

https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.32/
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from robenv.export.portable import PortablePlan
from robenv.export.words import Wording
from robenv.plan.container.create_request import ports_of, set_only
from robenv.plan.models import Healthcheck, Mount, RunPlan

_CLAIM = "1Gi"
"""What a claim asks for: a volume of Docker's has no size of its own."""
_NOT_THERE = (
    "domainname", "uts", "userns_mode", "cgroup", "cgroup_parent", "stop_signal", "mem_reservation", "memswap_limit",
    "mem_swappiness", "oom_kill_disable", "oom_score_adj", "cpu_shares", "cpu_period", "cpu_quota", "cpu_rt_runtime",
    "cpu_rt_period", "cpuset", "pids_limit", "blkio_weight", "blkio_limits", "ulimits", "device_cgroup_rules",
    "networks", "expose", "logging_driver", "logging_options", "storage_opt",
)  # fmt: skip
"""What a pod has no word for."""


def kubernetes_objects(portable: PortablePlan, image: str, arch: str, words: Wording) -> list[dict[str, Any]]:
    """The documents. ``arch``: the nodes' architecture, as Go calls it; "" for any."""
    plan = portable.plan
    name = as_label(plan.project)
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "robenv"}
    pod = set_only(
        {
            "hostname": plan.hostname,
            "hostNetwork": plan.network_mode == "host" or None,
            "dnsPolicy": "ClusterFirstWithHostNet" if plan.network_mode == "host" else None,
            "hostIPC": plan.ipc == "host" or None,
            "hostPID": plan.pid == "host" or None,
            "runtimeClassName": plan.runtime or portable.gpu.runtime * (portable.gpu_mode == "required"),
            "nodeSelector": {"kubernetes.io/arch": arch} if arch else None,
            "terminationGracePeriodSeconds": _whole(plan.stop_grace_period),
            "securityContext": _pod_security(plan),
            "hostAliases": list(_aliases(plan)),
            "dnsConfig": _dns(plan),
            "containers": [_container(portable, image, words)],
            "volumes": [_volume(plan, number, one, words) for number, one in _volumes(plan)],
        }
    )
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
            "template": {"metadata": set_only({"labels": labels, "annotations": dict(plan.labels)}), "spec": pod},
        },
    }
    claims = [_claim(plan, mount) for mount in plan.mounts if mount.kind == "volume" and _is_named(mount)]
    return [*claims, deployment]


def not_in_kubernetes(portable: PortablePlan) -> Iterator[str]:
    plan = portable.plan
    if said := [key for key in _NOT_THERE if not _is_unset(getattr(plan, key))]:
        yield f"{', '.join(said)}: a pod has no words for this"
    if plan.network_mode not in ("", "host", "bridge", "default"):
        yield f"network_mode: {plan.network_mode}: the cluster's network is there instead"
    if plan.devices and not plan.privileged:
        names = ", ".join(device.host for device in plan.devices)
        yield f"devices: {names}: mounted, and a pod opens them with a device plugin or `privileged: true` alone"
    if any(_is_of_dev(mount) for mount in plan.mounts):
        yield "devices: what is plugged in later: a device plugin brings it to pods"
    if portable.gpu_mode == "auto":
        yield "gpu: auto: a pod asks for one or does not; `gpu: required` asks"
    if plan.restart not in ("", "always", "unless-stopped"):
        yield f"restart: {plan.restart}: a Deployment's pods are always restarted"


def _is_unset(value: object) -> bool:
    """A number 0 and False are values."""
    return value is None or value in ("", ())


def _container(portable: PortablePlan, image: str, words: Wording) -> dict[str, Any]:
    plan = portable.plan
    gpu = portable.gpu if portable.gpu_mode == "required" else None
    ours = {"HOME": plan.user.home, **(dict(gpu.environment) if gpu else {})}
    environment = {**{name: words.escape(value) for name, value in ours.items()}, **words.environment(plan)}
    memory, cpu = plan.mem_limit, plan.cpus
    limits = {"memory": str(memory) if memory else None, "cpu": f"{cpu:g}" if cpu else None}
    for request in gpu.device_requests if gpu else ():
        limits["nvidia.com/gpu"] = str(max(request.count, len(request.device_ids), 1))
    return set_only(
        {
            "name": as_label(plan.project),
            "image": image,
            # Without a `command` the image's entrypoint holds; an empty one would be none at all.
            "command": [words.text(one) for one in (plan.command if plan.entrypoint == () else plan.entrypoint or ())],
            "args": [words.text(one) for one in plan.command] if plan.entrypoint != () else None,
            "workingDir": plan.working_dir,
            "env": [
                *(_variable(plan, name, value, words) for name, value in environment.items()),
                *(_of_secret(plan, name) for name in portable.kept),
            ],
            "ports": [
                set_only({"containerPort": number, "protocol": protocol, "hostPort": host, "hostIP": address})
                for number, protocol, host, address in _ports(plan)
            ],
            "resources": set_only({"limits": set_only(limits)}),
            "securityContext": _security(plan),
            **_probes(plan.healthcheck, words),
            "volumeMounts": [
                set_only(
                    {
                        "name": _name(plan, number, one),
                        "mountPath": one.target,
                        "readOnly": one.read_only or None,
                        "subPath": dict(one.options).get("subpath"),
                    }
                )
                for number, one in _volumes(plan)
            ],
        }
    )


def _variable(plan: RunPlan, name: str, value: str, words: Wording) -> dict[str, Any]:
    """What is passed through from somebody's environment may be a secret: it is asked of one of the cluster's."""
    return _of_secret(plan, name) if name in words.passing(plan) else {"name": name, "value": value}


def _of_secret(plan: RunPlan, name: str) -> dict[str, Any]:
    key = {"name": as_label(plan.project), "key": name, "optional": True}
    return {"name": name, "valueFrom": {"secretKeyRef": key}}


def _pod_security(plan: RunPlan) -> dict[str, Any]:
    groups = [*plan.groups, *(int(one) for one in plan.group_add if one.isdigit())]
    return set_only(
        {
            "runAsUser": plan.user.uid,
            "runAsGroup": plan.user.gid,
            "fsGroup": plan.user.gid if plan.user.uid else None,
            "supplementalGroups": groups,
            "sysctls": [{"name": name, "value": value} for name, value in plan.sysctls],
        }
    )


def _security(plan: RunPlan) -> dict[str, Any]:
    shut = any(one.startswith("no-new-privileges") and not one.endswith("false") for one in plan.security_opt)
    unconfined = any(one in ("seccomp=unconfined", "seccomp:unconfined") for one in plan.security_opt)
    return set_only(
        {
            "privileged": plan.privileged or None,
            "allowPrivilegeEscalation": False if shut and not plan.privileged else None,
            "readOnlyRootFilesystem": plan.read_only or None,
            "capabilities": set_only({"add": list(plan.cap_add), "drop": list(plan.cap_drop)}),
            "seccompProfile": {"type": "Unconfined"} if unconfined else None,
        }
    )


def _probes(check: Healthcheck | None, words: Wording) -> dict[str, Any]:
    """Alive, and, as long as it may be starting, not yet asked."""
    if check is None or check.test[:1] in ((), ("NONE",)):
        return {}
    shell = ("/bin/sh", "-c") if check.test[0] == "CMD-SHELL" else ()
    command = [words.text(one) for one in (*shell, *check.test[1:])]
    interval, tries = _whole(check.interval) or 30, check.retries or 3
    probe = {
        "exec": {"command": command},
        "periodSeconds": interval,
        "timeoutSeconds": _whole(check.timeout) or 30,
        "failureThreshold": tries,
    }
    start = math.ceil(check.start_period / interval)
    starting = {"startupProbe": {**probe, "failureThreshold": start + tries}} if start else {}
    return {**starting, "livenessProbe": probe}


def _ports(plan: RunPlan) -> Iterator[tuple[int, str, int | None, str]]:
    for port in plan.ports:
        first = port.host_port.partition("-")[0]
        for at, text in enumerate(ports_of(port.container)):
            number, _, protocol = text.partition("/")
            yield int(number), protocol.upper(), int(first) + at if first else None, port.host_ip


def _volumes(plan: RunPlan) -> list[tuple[int, Mount]]:
    """All mounts by number, devices and the size of /dev/shm among them."""
    mounts = [mount for mount in plan.mounts if not _is_of_dev(mount)]
    if plan.shm_size is not None:
        mounts.append(Mount("tmpfs", "", "/dev/shm", False, (("size", plan.shm_size),)))  # noqa: S108
    mounts += [Mount("bind", device.host, device.container, False, (("device", True),)) for device in plan.devices]
    return list(enumerate(mounts))


def _is_of_dev(mount: Mount) -> bool:
    """Of the host's /dev, as a container with ``hotplug`` has it: a pod's own would be lost."""
    return f"{mount.target}/".startswith("/dev/") and mount.kind != "tmpfs"


def _volume(plan: RunPlan, number: int, mount: Mount, words: Wording) -> dict[str, Any]:
    options = dict(mount.options)
    source: dict[str, Any]
    if mount.kind == "volume" and _is_named(mount):
        source = {"persistentVolumeClaim": {"claimName": _claim_name(plan, mount)}}
    elif mount.kind == "bind":
        kind = {"type": "CharDevice"} if options.get("device") else {}
        kind = {"type": "DirectoryOrCreate"} if options.get("create_host_path") else kind
        source = {"hostPath": {"path": words.path(mount.source), **kind}}
    elif mount.kind == "tmpfs":
        size = options.get("size") or _size_of(str(options.get("options", "")))
        source = {"emptyDir": set_only({"medium": "Memory", "sizeLimit": str(size) if size else None})}
    else:
        source = {"emptyDir": {}}
    return {"name": _name(plan, number, mount), **source}


def _size_of(options: str) -> int:
    """Bytes that a tmpfs's options, as mount(8) takes them, allow it; 0 where they do not say."""
    match = re.search(r"(?:^|,)size=(\d+)([kmg]?)(?:,|$)", options.lower())
    return int(match[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[match[2]] if match else 0


def _is_named(mount: Mount) -> bool:
    return bool(mount.source) and "type" not in dict(mount.options)


def _name(plan: RunPlan, number: int, mount: Mount) -> str:
    named = mount.kind == "volume" and _is_named(mount)
    return as_label(mount.source) if named else f"{mount.kind}-{number}"


def _claim_name(plan: RunPlan, mount: Mount) -> str:
    return as_label(mount.source if dict(mount.options).get("external") else f"{plan.project}-{mount.source}")


def _claim(plan: RunPlan, mount: Mount) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": _claim_name(plan, mount)},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": _CLAIM}}},
    }


def _aliases(plan: RunPlan) -> Iterator[dict[str, Any]]:
    for text in plan.extra_hosts:
        host, _, address = text.replace("=", ":", 1).partition(":")
        if address != "host-gateway":
            yield {"ip": address.strip("[]"), "hostnames": [host]}


def _dns(plan: RunPlan) -> dict[str, Any]:
    options = [dict(zip(("name", "value"), one.split(":", 1), strict=False)) for one in plan.dns_opt]
    return set_only({"nameservers": list(plan.dns), "searches": list(plan.dns_search), "options": options})


def as_label(text: str) -> str:
    """As RFC 1123 has names: no underscores, no dots, no capitals."""
    return "".join(one if one.isascii() and one.isalnum() else "-" for one in text.lower()).strip("-")[:63]


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else math.ceil(seconds)
