"""What the engine is told because of one file more that is not harmless, in the Engine API's own words.

The list of what is harmless stands here a second time, so that the one in ``robenv.plan.trust`` and this one would have
to make the same mistake.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from robenv.plan.container.create_request import create_request
from robenv.plan.container.networks import endpoint_request, network_request
from robenv.plan.host.capabilities import DOCKER_DEFAULT
from robenv.plan.models import RunPlan
from tests.support.projects.profile_examples import FACTS

Judge = Callable[[Any, Any], bool]
"""Whether a change of a value is harmless: before, with the user's own files alone, and after, with the stranger's."""


def anything(before: Any, after: Any) -> bool:
    return True


def not_more(usual: float | None = None) -> Judge:
    """A limit, of which ``usual`` is what holds where there is none."""

    def judge(before: Any, after: Any) -> bool:
        limit = before if before is not None and before > 0 else usual
        now = after if after is not None and after > 0 else usual
        return limit is None or (now is not None and now <= limit)

    return judge


def from_plain_to(*harmless: Any, plain: tuple[Any, ...] = (None,)) -> Judge:
    return lambda before, after: before in plain and after in harmless


def only_added(before: Any, after: Any) -> bool:
    if isinstance(before, dict) or isinstance(after, dict):
        return (before or {}).items() <= (after or {}).items()
    return all(item in (after or []) for item in before or [])


def none_added(before: Any, after: Any) -> bool:
    return all(item in (before or []) for item in after or [])


def labels(before: dict[str, str], after: dict[str, str]) -> bool:
    """Robenv's own describe what is there; others describe, or may be orders to other programs."""
    mine = {name: text for name, text in before.items() if not name.startswith("robenv.")}
    added = after.keys() - before.keys()
    described = all(name.startswith(("robenv.", "org.opencontainers.image.")) for name in added)
    return described and mine.items() <= after.items()


def variables(before: Any, after: Any) -> bool:
    """All but those by which a GPU's runtime is told what to give."""
    was, now = (dict(one.split("=", 1) for one in env or [] if "_VISIBLE_DEVICES=" in one) for env in (before, after))
    none = ("", "none", "void")
    kept = all(name in now for name, value in was.items() if value in none)
    return kept and all(now[name] in (*none, was.get(name)) for name in now)


def security(before: list[str] | None, after: list[str] | None) -> bool:
    off = ("seccomp=unconfined", "apparmor=unconfined", "label:disable", "label=disable", "no-new-privileges:false")
    was, now = (
        {option.replace("no-new-privileges:true", "no-new-privileges") for option in options or []}
        - {"seccomp=builtin"}
        for options in (before, after)
    )
    return now - was <= {"no-new-privileges", "no-new-privileges:false"} and was - now <= set(off)


def loopback(before: Any, after: Any) -> bool:
    known = before or {}
    new = [(port, one) for port, bound in (after or {}).items() for one in bound if one not in known.get(port, [])]
    return all(
        one.get("HostIp") in ("127.0.0.1", "::1") and (not one["HostPort"] or int(one["HostPort"]) >= 1024)
        for _, one in new
    )


def log(before: Any, after: Any) -> bool:
    was, now = before or {"Type": "", "Config": {}}, after or {"Type": "", "Config": {}}
    plain = now["Type"] in ("", "json-file", "local", "none") and now["Config"].keys() <= {"max-size", "max-file"}
    return plain and was["Type"] in ("", now["Type"]) and only_added(was["Config"], now["Config"])


def disks(before: Any, after: Any) -> bool:
    """Rates of a disk by its path: no more, and none that is gone."""
    was, now = ({limit["Path"]: limit["Rate"] for limit in limits or []} for limits in (before, after))
    return all(path in now and now[path] <= rate for path, rate in was.items())


def weights(before: Any, after: Any) -> bool:
    was, now = ({limit["Path"]: limit["Weight"] for limit in limits or []} for limits in (before, after))
    return all(now.get(path, 500) <= was.get(path, 500) for path in {*was, *now})


def ulimits(before: Any, after: Any) -> bool:
    was, now = ({limit["Name"]: limit["Hard"] for limit in limits or []} for limits in (before, after))
    taken = any(now[name] and now[name] != was.get(name) for name in now.keys() & {"rtprio", "memlock", "nice"})
    endless = float("inf")
    amount = {name: endless if hard < 0 else hard for name, hard in now.items()}
    return not taken and all(hard < 0 or amount.get(name, endless) <= hard for name, hard in was.items())


def devices(before: Any, after: Any) -> bool:
    known = {one["PathOnHost"]: set(one["CgroupPermissions"]) for one in before or []}
    return all(set(one["CgroupPermissions"]) <= known.get(one["PathOnHost"], set()) for one in after or [])


def rules(before: Any, after: Any) -> bool:
    known = {one.rpartition(" ")[0]: set(one.rpartition(" ")[2]) for one in before or []}
    return all(set(one.rpartition(" ")[2]) <= known.get(one.rpartition(" ")[0], set()) for one in after or [])


def requests(before: Any, after: Any) -> bool:
    """The same GPUs by the same driver; the parts of its software are no matter, since its nodes are there."""
    was, now = ([{**one, "Capabilities": None} for one in asked or []] for asked in (before, after))
    return none_added(was, now)


CONTAINER: dict[str, Judge] = {
    **dict.fromkeys(("Image", "User", "WorkingDir", "Entrypoint", "Cmd", "Hostname", "Domainname"), anything),
    **dict.fromkeys(("ExposedPorts", "StopSignal"), anything),
    "Labels": labels,
    "Env": variables,
    "StopTimeout": lambda before, after: after is None or after <= 600,
    "Healthcheck": lambda before, after: before is None,
}
HOST: dict[str, Judge] = {
    **dict.fromkeys(("Init", "ShmSize", "MemoryReservation", "MemorySwappiness", "DnsOptions"), anything),
    **dict.fromkeys(("Dns", "DnsSearch", "ExtraHosts"), only_added),
    "DeviceCgroupRules": rules,
    "DeviceRequests": requests,
    **dict.fromkeys(("Memory", "PidsLimit", "NanoCpus"), not_more()),
    "CpuRealtimeRuntime": lambda before, after: not after or (before or 0) >= after,
    "CpuRealtimePeriod": lambda before, after: after is None,
    "CpuShares": not_more(1024),
    "BlkioWeight": not_more(500),
    "OomScoreAdj": lambda before, after: (after or 0) >= max(before or 0, 0),
    "OomKillDisable": lambda before, after: not after,
    "CpusetCpus": lambda before, after: before is None,
    "ReadonlyRootfs": lambda before, after: bool(after),
    "Privileged": lambda before, after: not after,
    **dict.fromkeys(("UTSMode", "UsernsMode", "PidMode"), lambda before, after: after is None),
    "IpcMode": from_plain_to(None, "none", "private", "shareable", plain=(None, "host", "shareable")),
    "CgroupnsMode": from_plain_to(None, "private", plain=(None, "host")),
    "Runtime": from_plain_to(None, "runc", "crun", "runsc", plain=(None, "runc", "crun", "nvidia")),
    "RestartPolicy": lambda before, after: after is None or after["Name"] in ("no", "on-failure"),
    "SecurityOpt": security,
    "PortBindings": loopback,
    "LogConfig": log,
    "BlkioWeightDevice": weights,
    **dict.fromkeys(("BlkioDeviceReadBps", "BlkioDeviceWriteBps"), disks),
    **dict.fromkeys(("BlkioDeviceReadIOps", "BlkioDeviceWriteIOps"), disks),
    "Ulimits": ulimits,
    "StorageOpt": lambda before, after: only_added(before, after) and (after or {}).keys() <= {"size"},
    "Devices": devices,
}
"""Of the HostConfig, but for what is compared as a whole: groups, capabilities, mounts, networks, swap, quota."""
WHOLE = {
    *("GroupAdd", "CapAdd", "CapDrop", "Mounts", "Tmpfs", "Binds", "NetworkMode"),
    *("MemorySwap", "CpuQuota", "CpuPeriod"),
}
NETWORK: dict[str, Judge] = {
    "Attachable": anything,
    "EnableIPv6": anything,
    "Internal": lambda before, after: bool(after) or before is None,
    "Name": lambda before, after: re.fullmatch(r"robenv-picker-[0-9a-f]+_lan", after) is not None,
    "Driver": from_plain_to("bridge"),
    "Options": lambda before, after: before is None and after.keys() <= {"com.docker.network.driver.mtu"},
    "IPAM": from_plain_to({"Driver": "default", "Config": []}),
    "Labels": lambda before, after: labels(before or {}, after),
    "CheckDuplicate": anything,
}
"""Of a network that is made; before is None where the user's own files make none of that key."""


def differences(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    """What the engine is told because of the stranger, and is not on the list."""
    before, after = create_request(own), create_request(whole)
    was, now = before.pop("HostConfig"), after.pop("HostConfig")
    for body in (before, after):
        body.pop("NetworkingConfig", None)
    yield from differing(CONTAINER, before, after)
    yield from differing(HOST, was, now, WHOLE)
    if capabilities(now) - (capabilities(was)):
        yield f"capabilities: {was} → {now}"
    if swap(now) > swap(was):
        yield f"MemorySwap: {swap(was)} → {swap(now)}"
    if share(now) > share(was):
        yield f"CpuQuota: {share(was)} → {share(now)}"
    yield from mounts(own, was, now)
    yield from networks(own, whole)
    if (whole.user.uid, whole.user.gid) != (own.user.uid, own.user.gid):
        yield f"account: {own.user} → {whole.user}"
    if not groups(whole) <= groups(own) | {str(FACTS.gid)}:
        yield f"GroupAdd: {groups(own)} → {groups(whole)}"
    if not set(whole.session) <= set(own.session):
        yield f"session: {own.session} → {whole.session}"


def groups(plan: RunPlan) -> set[str]:
    return {str(plan.user.gid), *create_request(plan)["HostConfig"].get("GroupAdd", [])}


def differing(
    table: Mapping[str, Judge],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    besides: set[str] = frozenset(),  # type: ignore[assignment]
) -> Iterator[str]:
    for name in sorted((before.keys() | after.keys()) - besides):
        was, now = before.get(name), after.get(name)
        if was != now and not (name in table and table[name](was, now)):
            yield f"{name}: {was} → {now}"


def capabilities(host: Mapping[str, Any]) -> frozenset[str]:
    dropped, added = host.get("CapDrop", []), host.get("CapAdd", [])
    return (frozenset() if "ALL" in dropped else DOCKER_DEFAULT - set(dropped)) | set(added)


def swap(host: Mapping[str, Any]) -> float:
    """Memory and swap together: by default twice the memory; https://docs.docker.com/engine/containers/resource_constraints"""
    memory, both = host.get("Memory"), host.get("MemorySwap")
    if both is None or both == 0:
        return 2 * memory if memory else float("inf")
    return float("inf") if both < 0 else both


def share(host: Mapping[str, Any]) -> float:
    """Processors by the CPU's quota, of a period that is 100 ms by default."""
    quota = host.get("CpuQuota")
    return quota / (host.get("CpuPeriod") or 100_000) if quota and quota > 0 else float("inf")


_TMPFS = re.compile(r"|((size|mode|uid|gid)=\w+,?)*")


def mounts(own: RunPlan, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"Binds: {one}" for one in now.get("Binds", []) if one not in was.get("Binds", []))
    yield from (f"no more: {one}" for one in was.get("Binds", []) if one not in now.get("Binds", []))
    before, after = ({one["Target"]: one for one in host["Mounts"]} for host in (was, now))
    for target, one in after.items():
        if before.get(target) != one and not is_harmless(own, one, before.get(target), list(before.values())):
            yield f"Mounts: {before.get(target)} → {one}"
    tmpfs, raw = was.get("Tmpfs", {}), now.get("Tmpfs", {})
    yield from (
        f"Tmpfs {target}: {text}"
        for target, text in raw.items()
        if tmpfs.get(target) != text and not (_TMPFS.fullmatch(text) and target not in before)
    )
    robenvs = [
        one["Target"] for one in before.values() if one["Source" if "Source" in one else "Type"] in robenvs_own(own)
    ]
    lost = [target for target in (*before, *tmpfs) if target not in (*after, *raw, *robenvs)]
    yield from (f"no more: {target}" for target in lost)


def robenvs_own(own: RunPlan) -> tuple[str, ...]:
    return own.directory, own.home_volume


def is_harmless(own: RunPlan, one: dict[str, Any], before: dict[str, Any] | None, known: list[dict[str, Any]]) -> bool:
    """A folder of the project's, a volume of its own, or memory, where nothing else was."""
    source = one.get("Source", "")
    if before is not None and before.get("Source") not in robenvs_own(own):
        same = (before["Type"], before.get("Source")) == (one["Type"], one.get("Source"))
        if not same or (before.get("ReadOnly") and not one.get("ReadOnly")):
            return False
    if one["Type"] == "bind":
        inside = source == own.directory or source.startswith(f"{own.directory}/")
        return inside and one.get("BindOptions", {}).get("Propagation") in (None, "private", "rprivate")
    if one["Type"] == "volume":
        only_read = [other for other in known if other.get("Source") == source and source]
        if only_read and all(other.get("ReadOnly") for other in only_read) and not one.get("ReadOnly"):
            return False
        mine = not source or source == own.home_volume or source.startswith(f"{own.name}_") or "robenv-picker" in source
        return mine and "DriverConfig" not in one.get("VolumeOptions", {})
    return True


def networks(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    before = {network.network.key: network for network in own.networks}
    for network in whole.networks:
        known = before.get(network.network.key)
        if network.network.external:
            if known != network:
                yield f"the network {network.network.name}: {endpoint_request(network)}"
            continue
        made = network_request(network.network, whole)
        if known is not None and known.network.external:
            yield f"{known.network.name} is not external any more"
        was = network_request(known.network, own) if known is not None and not known.network.external else {}
        yield from differing(NETWORK, was, made)
        address = {name: text for name, text in endpoint_request(network).items() if name == "IPAMConfig"}
        if made["Driver"] != "bridge" and address and known != network:
            yield f"an address of the host's network: {address}"
    yield from other_networks(own, whole)


def other_networks(own: RunPlan, whole: RunPlan) -> Iterator[str]:
    """Whether it is on any that the user's own files, where they chose, have not chosen."""
    open_modes = ("", "bridge", "default")
    if whole.network_mode == "none":
        return
    if own.networks:
        if not whole.networks or not {network.network.key for network in whole.networks} <= {
            network.network.key for network in own.networks
        }:
            yield f"NetworkMode: {own.networks} → {whole.network_mode} {whole.networks}"
    elif whole.networks:
        isolated = own.network_mode == "none" and all(network.network.internal for network in whole.networks)
        if own.network_mode not in (*open_modes, "host") and not isolated:
            yield f"NetworkMode: {own.network_mode} → {whole.networks}"
    elif whole.network_mode != own.network_mode and not (
        own.network_mode in (*open_modes, "host") and whole.network_mode in open_modes
    ):
        yield f"NetworkMode: {own.network_mode} → {whole.network_mode}"
