"""Who judges what a key of a profile gives to somebody else's file: the closed list, beside the schema.

A key that is not here is a power by that alone: one that is added to the schema is asked about until it stands here.
Values that reach the engine are judged where they are what the engine is told (``robenv.plan.trust``).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import Any

from robenv.profile.yaml.nodes import Mapping, Node, Scalar, Sequence
from robenv.util.sanitize import brief

INSIDE = "inside"
"""Concerns the inside of an image or a container alone, or what a build container fetches."""
ENGINE = "engine"
"""Ends in what the engine is told of the container, and is judged there, with the values of all files."""
IMAGE = "image"
"""Judged with what the image takes of this machine: files, secrets, variables, labels."""
ASKED = "asked"
"""Only the user's own files may say it: a file from git is refused, another user's is asked about."""

Judge = Callable[[str], bool]
"""Whether a value gives nothing of the host."""


def _names_no_address(reference: str) -> bool:
    """Whether an image's registry has a name: the engine, in the host's network, goes where a reference leads."""
    first, slash, _ = reference.casefold().partition("/")
    host = first.rpartition(":")[0] if ":" in first and not first.endswith("]") else first
    if not slash or not ({"."} & set(first) or ":" in first or first == "localhost"):
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2]
        numeric = last.isdigit() or last.startswith("0x")  # as inet_aton(3) reads addresses
        return host.rstrip(".") != "localhost" and not host.rstrip(".").endswith(".localhost") and not numeric
    return False


def _is_on_the_web(address: str) -> bool:
    """Whether an archive is neither this machine's own files nor at an address of its network: what comes from it is
    signed by its distribution, and robenv itself asks for it."""
    scheme, _, rest = address.casefold().partition("://")
    return scheme in ("http", "https") and _names_no_address(f"{rest.rpartition('@')[2]}/")


def _each(paths: str, judge: str | Judge) -> dict[str, str | Judge]:
    return dict.fromkeys(paths.split(), judge)


def _below(prefix: str, table: dict[str, str | Judge]) -> dict[str, str | Judge]:
    return {f"{prefix}.{path}": judge for path, judge in table.items()}


_HEALTHCHECK = _each("test interval timeout start_period retries disable", INSIDE)
_SECRETS = _each("secrets.source secrets.target secrets.mode ssh", IMAGE)


def _shuts_off(network: str) -> bool:
    """Whether builds get no network by it. On the host's they reach what listens there for itself alone; the engine's
    own may be what another file of the chain has shut off."""
    return network == "none"


_BUILD: dict[str, str | Judge] = {
    **_each("apt.packages apt.snapshot pip.packages pip.index_url pip.extra_index_urls", INSIDE),
    **_below(
        "apt.repositories.*",
        _each("url suite components key_checksum architectures package package_checksum replaces", INSIDE),
    ),
    **_each("apt.login apt.repositories.*.key pip.requirements pip.constraints pip.login environment.*", IMAGE),
    **_each("files.target files.mode files.owner files.from steps.name steps.run steps.as", INSIDE),
    **_each("files.source image.labels.*", IMAGE),
    **_below("steps", _SECRETS),
    **_each("image.args.* image.shell image.working_dir image.user image.entrypoint image.command", INSIDE),
    **_below("image.healthcheck", _HEALTHCHECK),
}
_BASE: dict[str, str | Judge] = {
    "image": _names_no_address,
    "bootstrap.mirror": _is_on_the_web,
    **_each("bootstrap.suite bootstrap.components bootstrap.variant bootstrap.include", INSIDE),
}
_RUN: dict[str, str | Judge] = {
    **_each(
        "command entrypoint working_dir environment.* labels.* device_cgroup_rules ports expose network_mode hostname "
        "domainname dns dns_search dns_opt extra_hosts ipc pid uts userns_mode cgroup cgroup_parent runtime init "
        "privileged read_only restart stop_signal stop_grace_period shm_size mem_limit mem_reservation memswap_limit "
        "mem_swappiness oom_kill_disable oom_score_adj cpus cpu_shares cpu_period cpu_quota cpu_rt_runtime "
        "cpu_rt_period cpuset pids_limit ulimits.*.soft ulimits.*.hard sysctls.* cap_add cap_drop security_opt "
        "group_add logging.driver logging.options.* storage_opt.* tmpfs devices.source devices.target "
        "devices.permissions networks.*.aliases networks.*.ipv4_address networks.*.ipv6_address",
        ENGINE,
    ),
    **_each(
        "volumes.type volumes.source volumes.target volumes.read_only volumes.consistency volumes.bind.propagation "
        "volumes.bind.create_host_path volumes.bind.selinux volumes.volume.nocopy volumes.volume.subpath "
        "volumes.tmpfs.size volumes.tmpfs.mode",
        ENGINE,
    ),
    **_each("env_file.path env_file.required env_file.format", IMAGE),
    **_below("healthcheck", _each(" ".join(_HEALTHCHECK), ENGINE)),
    **_below("blkio_config", _each("weight weight_device.path weight_device.weight", ENGINE)),
    **{
        f"blkio_config.device_{kind}.{key}": ENGINE
        for kind in ("read_bps", "write_bps", "read_iops", "write_iops")
        for key in ("path", "rate")
    },
}
_NETWORKS = _each(
    "name driver driver_opts.* ipam.driver ipam.options.* ipam.config.subnet ipam.config.gateway ipam.config.ip_range "
    "ipam.config.aux_addresses.* external internal attachable enable_ipv6 labels.*",
    ENGINE,
)
_PART: dict[str, str | Judge] = {
    **_below("base", _BASE),
    **_BUILD,
    "setup": INSIDE,
    **_below("stages.*", {**_below("base", {**_BASE, "stage": INSIDE}), **_BUILD}),
    **_below("run_image", {**_below("base", {**_BASE, "stage": INSIDE}), **_BUILD, **_SECRETS}),
    **_below("run_image", _each("build sources install setup dependencies.skip_keys dependencies.types", INSIDE)),
    **_each("workspace.target workspace.dependencies.skip_keys workspace.dependencies.types", INSIDE),
    **_each("workspace.source workspace.repos", ASKED),
    **_each("user.name user.uid user.gid user.sudo user.shell", ENGINE),
    **_each("gpu.mode gpu.vendor gpu.devices gpu.capabilities display audio ssh_agent git realtime", ENGINE),
    **_below("devices", _each("by class hotplug name target permissions optional", ENGINE)),
    # Shown by `plan`; `doctor --fix` leaves those of others to be installed by hand.
    **_each("udev.file udev.allow_run", INSIDE),
    **_each("ros.distro ros.variant ros.rmw ros.domain_id ros.rosdep ros.completion ros.end_of_life", INSIDE),
    **_each("ros.colcon_mixins.* ros.colcon_defaults.*.*", INSIDE),
    **_below("networks.*", _NETWORKS),
    **_below("run", _RUN),
    **_each("deploy.stage deploy.command deploy.settle deploy.keep", INSIDE),
    **_below("deploy.healthcheck", {**_HEALTHCHECK, **_each("port ros_node ros_topic", INSIDE)}),
}
KEYS: dict[str, str | Judge] = {
    **_PART,
    **_below("per_platform.*", _PART),
    **_each("name description extends platforms", INSIDE),
    **_each("fits.ros fits.ubuntu fits.debian fits.platforms fits.jetson fits.why", INSIDE),
    **_each("registry secrets.*.file secrets.*.environment", ASKED),
    **_each("mirrors.registries.* mirrors.apt.*.url mirrors.apt.*.key mirrors.pip mirrors.downloads.*", ASKED),
    **_each("mirrors.ca mirrors.git.*", ASKED),
    "build.network": _shuts_off,
}
"""By the keys' own names in a file, as they stand once short forms are written out; ``*`` is any name."""


def unjudged_keys(root: Mapping) -> Iterator[str]:
    """What a file that is not the user's own says beyond the list, in the profile's own words."""
    return _walk(root, _TREE, "")


def _tree() -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, judge in KEYS.items():
        *above, last = path.split(".")
        level = tree
        for step in above:
            level = level.setdefault(step, {})
        level[last] = judge
    return tree


_TREE = _tree()


def _walk(node: Node, judge: Any, path: str) -> Iterator[str]:
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _walk(item, judge, path)
    elif isinstance(judge, dict):
        if node.directive and _takes_away(node, judge):
            yield _said(path, node)
        for key, value in node.values() if isinstance(node, Mapping) else ():
            below = judge.get(key, judge.get("*"))
            place = f"{path}.{key}" if path else key
            if below is None:
                yield _said(place, value)
            else:
                yield from _walk(value, below, place)
    elif judge == ASKED or (callable(judge) and not (isinstance(node, Scalar) and judge(node.text))):
        yield _said(path, node)


def _takes_away(node: Node, judges: dict[str, Any]) -> bool:
    """Whether a ``!reset`` or ``!override`` also takes away what other files say of a key that this one may not say."""
    given = {key for key, _ in node.values()} if isinstance(node, Mapping) else set()
    return any(judge in (ASKED, _shuts_off) for key, judge in judges.items() if key not in given)


def _said(path: str, node: Node) -> str:
    if isinstance(node, Scalar):
        return f"the key {path}: {brief(node.text)}"
    return f"the key {path}"
