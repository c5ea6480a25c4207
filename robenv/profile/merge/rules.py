"""The rule of every key: how a level's value gets its one shape, and how the levels' values are merged.

A key that the schema knows and this table does not is a bug that a test finds.
"""

from __future__ import annotations

import posixpath
from collections.abc import Hashable
from typing import Any

from robenv.profile.merge import normalize
from robenv.profile.merge.merge import Normal, Rule
from robenv.profile.schema.run.short_syntax import same_place
from robenv.profile.yaml.nodes import Mapping, Node, Scalar, content_key


def _target(node: Node) -> Hashable:
    """A volume or a device is the one at its container path."""
    target = node.get("target") if isinstance(node, Mapping) else None
    return ("at", same_place(target.text)) if isinstance(target, Scalar) else content_key(node)


def _path(node: Node) -> Hashable:
    """A limit of a disk is the one of its path."""
    path = node.get("path") if isinstance(node, Mapping) else None
    return ("at", same_place(path.text)) if isinstance(path, Scalar) else content_key(node)


def _wished(node: Node) -> Hashable:
    """A wish for devices is the one for its place inside, or for its class."""
    if not isinstance(node, Mapping):
        return content_key(node)
    for key, folder in (("class", ""), ("target", "/"), ("name", "/dev/"), ("by", "/dev/")):
        value = node.get(key)
        if isinstance(value, Scalar):
            text = value.text
            return ("class", text) if key == "class" else ("at", same_place(posixpath.join(folder, text)))
    return content_key(node)


def _file(node: Node) -> Hashable:
    file = node.get("file") if isinstance(node, Mapping) else None
    return ("file", file.text) if isinstance(file, Scalar) else content_key(node)


def _keys(**keys: Rule) -> Rule:
    return Rule("mapping", keys=keys)


def _each(rule: Rule, normal: Normal | None = None) -> Rule:
    return Rule("mapping", each=rule, normal=normal)


def _list(item: Normal | None = None, normal: Normal | None = None, **options: Any) -> Rule:
    return Rule("append", each=Rule("replace", normal=item) if item else None, normal=normal, **options)


_OWN = Rule("own")
_SET = Rule("replace")
_LIST = _list()
_ARGUMENTS = Rule("arguments")
_ONE_OR_MANY = _list(normal=normalize.one_or_many)
_ENVIRONMENT = _each(_SET, normalize.environment)
_LABELS = _each(_SET, normalize.labels)
_BOOTSTRAP = Rule("replace", keys=dict.fromkeys(("suite", "mirror", "components", "variant", "include"), _SET))
_BASE = Rule("replace", keys={"image": _SET, "bootstrap": _BOOTSTRAP})
_STAGE_BASE = Rule("replace", keys={**_BASE.keys, "stage": _SET})
_HEALTHCHECK = _keys(test=_SET, interval=_SET, timeout=_SET, start_period=_SET, retries=_SET, disable=_SET)

_BUILD = {
    "apt": _keys(
        repositories=_each(
            _keys(
                url=_SET,
                suite=_SET,
                components=_LIST,
                key=Rule("replace", normal=normalize.path_unless_address),
                key_checksum=_SET,
                architectures=_LIST,
                package=_SET,
                package_checksum=_SET,
                replaces=_LIST,
            )
        ),
        packages=_LIST,
        snapshot=_SET,
        login=_SET,
    ),
    "pip": _list(normalize.pip_install),
    "environment": _ENVIRONMENT,
    "files": _list(normalize.file_copy),
    "steps": _LIST,
    "image": _keys(
        args=_ENVIRONMENT,
        labels=_LABELS,
        shell=_SET,
        working_dir=_SET,
        user=_SET,
        entrypoint=_SET,
        command=_SET,
        healthcheck=_HEALTHCHECK,
    ),
}

_RUN_REPLACED = (
    "command", "entrypoint", "working_dir", "network_mode", "hostname", "domainname", "ipc", "pid", "uts",
    "userns_mode", "cgroup", "cgroup_parent", "runtime", "init", "privileged", "read_only", "restart", "stop_signal",
    "stop_grace_period", "shm_size", "mem_limit", "mem_reservation", "memswap_limit", "mem_swappiness",
    "oom_kill_disable", "oom_score_adj", "cpus", "cpu_shares", "cpu_period", "cpu_quota", "cpu_rt_runtime",
    "cpu_rt_period", "cpuset", "pids_limit",
)  # fmt: skip
_RUN_APPENDED = (
    "device_cgroup_rules",
    "ports",
    "expose",
    "dns_opt",
    "cap_add",
    "cap_drop",
    "group_add",
)

_BLKIO = ("weight_device", "device_read_bps", "device_write_bps", "device_read_iops", "device_write_iops")

_RUN = _keys(
    **dict.fromkeys(_RUN_REPLACED, _SET),
    **dict.fromkeys(_RUN_APPENDED, _LIST),
    **dict.fromkeys(("dns", "dns_search", "tmpfs"), _ONE_OR_MANY),
    security_opt=_list(normalize.security_option),
    volumes=_list(normalize.volume, identity=_target, last_wins=True),
    devices=_list(normalize.device, identity=_target, last_wins=True),
    extra_hosts=_list(normal=normalize.hosts),
    environment=_ENVIRONMENT,
    env_file=_list(normalize.env_file, normal=normalize.one_or_many),
    labels=_LABELS,
    sysctls=_each(_SET, normalize.pairs),
    storage_opt=_each(_SET, normalize.pairs),
    ulimits=_each(_SET),
    healthcheck=_HEALTHCHECK,
    logging=_keys(driver=_SET, options=_each(_SET, normalize.pairs)),
    networks=_each(_keys(aliases=_LIST, ipv4_address=_SET, ipv6_address=_SET), normalize.names),
    blkio_config=_keys(
        weight=_SET,
        **dict.fromkeys(_BLKIO, _list(identity=_path, last_wins=True)),
    ),
)

_NETWORKS = _each(
    _keys(
        **dict.fromkeys(("name", "driver", "external", "internal", "attachable", "enable_ipv6"), _SET),
        driver_opts=_each(_SET, normalize.pairs),
        ipam=_keys(driver=_SET, config=_SET, options=_each(_SET, normalize.pairs)),
        labels=_LABELS,
    ),
    normalize.sections,
)

_DEPENDENCIES = Rule("mapping", keys={"skip_keys": _LIST, "types": _SET}, normal=normalize.switch)

_PART = _keys(
    base=_BASE,
    **_BUILD,
    setup=_LIST,
    stages=_each(_keys(base=_STAGE_BASE, **_BUILD)),
    run_image=_keys(
        base=_STAGE_BASE,
        build=_SET,
        ssh=_SET,
        **dict.fromkeys(("sources", "install", "setup"), _ONE_OR_MANY),
        secrets=_list(normal=normalize.one_or_many_secrets),
        dependencies=_DEPENDENCIES,
        **_BUILD,
    ),
    workspace=_keys(
        source=Rule("replace", normal=normalize.own_path),
        target=_SET,
        repos=_list(normalize.own_path, normal=normalize.one_or_many),
        dependencies=_DEPENDENCIES,
    ),
    user=_keys(name=_SET, uid=_SET, gid=_SET, sudo=_SET, shell=_SET),
    gpu=Rule("replace", keys=dict.fromkeys(("mode", "vendor", "devices", "capabilities"), _SET)),
    display=_SET,
    audio=_SET,
    ssh_agent=_SET,
    git=_SET,
    devices=_list(normalize.device_wish, identity=_wished, last_wins=True),
    udev=_list(normalize.udev_rules, normal=normalize.one_or_many, identity=_file, last_wins=True),
    realtime=_SET,
    ros=_keys(
        **dict.fromkeys(("distro", "variant", "rmw", "domain_id", "rosdep", "completion", "end_of_life"), _SET),
        colcon_mixins=_each(_SET),
        colcon_defaults=_each(_each(_ARGUMENTS)),
    ),
    networks=_NETWORKS,
    run=_RUN,
    deploy=_keys(
        stage=_SET,
        command=_SET,
        healthcheck=_keys(**_HEALTHCHECK.keys, port=_SET, ros_node=_SET, ros_topic=_SET),
        settle=_SET,
        keep=_SET,
    ),
)

_MIRRORS = Rule(
    "mapping",
    keys={
        "registries": _each(_SET),
        "apt": _each(Rule("mapping", keys={"url": _SET, "key": _SET}, normal=normalize.apt_mirror)),
        "pip": _SET,
        "downloads": _each(_SET),
        "git": _each(_SET),
        "ca": Rule("replace", normal=normalize.path),
    },
    normal=normalize.own_mirrors,
)

PROFILE = _keys(
    name=_OWN,
    description=_OWN,
    extends=Rule("own", normal=normalize.one_or_many),
    fits=Rule("own", keys=dict.fromkeys(("ros", "ubuntu", "debian", "platforms", "jetson", "why"), _SET)),
    platforms=_SET,
    registry=Rule("replace", normal=normalize.own_registry),
    secrets=_each(_keys(file=Rule("replace", normal=normalize.path), environment=_SET), normalize.own_secrets),
    mirrors=_MIRRORS,
    build=_keys(network=_SET),
    **_PART.keys,
    per_platform=_each(_PART, normalize.platforms),
)
