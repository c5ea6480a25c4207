"""From the words of a Compose service to keys of a profile. What a service, a devcontainer.json and a ``docker run``
say alike is converted here, once."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence

from robenv.catalog.ros import RMW
from robenv.project.init.findings import InitFinding, Setting, built_in, not_converted

_DISPLAY = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "QT_X11_NO_MITSHM", "XDG_SESSION_TYPE")
_AUDIO = ("PULSE_SERVER", "PULSE_COOKIE", "PULSE_RUNTIME_PATH")
_NVIDIA = ("NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "__NV_PRIME_RENDER_OFFLOAD")
_BUILDS = ("DEBIAN_FRONTEND", "TZ", "TERM", "DEBCONF_NONINTERACTIVE_SEEN")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_X11 = re.compile(
    r"/tmp/\.X11-unix/?|/mnt/wslg.*|.*(?:\.?Xauthority|\.docker\.xauth|\.xauth|XAUTHORITY|XAUTH)\}?.*"  # noqa: S108
)
_SOUND = re.compile(r".*(?:/pulse\b|/dev/snd|/pipewire-0|PULSE_SERVER).*|/run/user(?:/.*)?|\$\{?XDG_RUNTIME_DIR\}?.*")
_AGENT = re.compile(r".*SSH_AUTH_SOCK.*|/run/host-services/ssh-auth\.sock|/ssh-agent")
_GITCONFIG = re.compile(r"(?:~|\$\{?HOME\}?|/home/\w+|/root)/\.gitconfig")
_LOCALTIME = re.compile(r"/etc/(?:localtime|timezone)")
_SOUND_DEVICE = re.compile(r"/dev/snd\b.*")
_NVIDIA_DEVICE = re.compile(r"/dev/(?:nvidia.*|nvhost.*|nvmap)")
_REALTIME = ("rtprio", "rttime", "memlock", "nice")

_PASSED = frozenset((
    "shm_size", "tmpfs", "device_cgroup_rules", "cap_add", "cap_drop", "security_opt", "group_add", "sysctls", "ports",
    "expose", "extra_hosts", "dns", "dns_search", "dns_opt", "mem_limit", "cpus", "cpuset", "init", "read_only",
    "uts", "userns_mode", "cgroup", "pid", "hostname", "memswap_limit", "pids_limit", "oom_score_adj", "cpu_shares",
    "cpu_rt_runtime", "cgroup_parent", "domainname", "mem_reservation", "storage_opt", "env_file",
))  # fmt: skip
"""Keys that ``run`` has too, and that mean the same there."""
_BUILT_IN = {
    "tty": "", "stdin_open": "", "container_name": "", "user": "robenv runs as your own user", "pull_policy": "",
    "version": "",
}  # fmt: skip
_WAYS = {
    "command": "the container waits for you; for robots: deploy.command",
    "entrypoint": "run.entrypoint",
    "restart": "for robots: robenv deploy restarts it",
    "healthcheck": "for robots: deploy.healthcheck",
    "working_dir": "a shell starts in the workspace; else run.working_dir",
    "networks": "networks and run.networks",
    "labels": "run.labels or image.labels",
    "logging": "run.logging",
    "runtime": "run.runtime",
    "depends_on": "robenv runs one container",
    "platform": "platforms",
    "stop_signal": "run.stop_signal",
    "stop_grace_period": "run.stop_grace_period",
    "deploy": "run has cpus, mem_limit and gpu",
}

Relative = Callable[[str], str]
"""A path of the host as the file that names it says it, relative to the project's folder; "." for that folder."""


def interpret(settings: Sequence[Setting], relative: Relative) -> Iterator[InitFinding]:
    """The findings of a service, in its order."""
    realtime = next(
        (setting for setting in settings if setting.key == "ulimits" and setting.value.startswith("rtprio=")), None
    )
    for setting in settings:
        if realtime and _is_realtime(setting):
            yield InitFinding("realtime", "true", setting.source)
        elif setting.key in _CONVERTED:
            yield from _CONVERTED[setting.key](setting, relative)
        elif setting.key in _PASSED or setting.key == "ulimits":
            yield from _passed(setting)
        elif setting.key in _BUILT_IN:
            why = _BUILT_IN[setting.key]
            yield built_in(f"{setting.key}: {setting.value}" + (f" ({why})" if why else ""), setting.source)
        else:
            yield not_converted(f"{setting.key}: {setting.value}", setting.source, _WAYS.get(setting.key, ""))


def _is_realtime(one: Setting) -> bool:
    if one.key == "ulimits":
        return one.value.partition("=")[0] in _REALTIME
    return (one.key == "cap_add" and one.value.removeprefix("CAP_") == "SYS_NICE") or one.key == "cpu_rt_runtime"


def _passed(one: Setting) -> Iterator[InitFinding]:
    value = one.value
    if one.key == "security_opt":
        value = re.sub(r"^(seccomp|apparmor|label|no-new-privileges):", r"\1=", value)
        value = value.replace("no-new-privileges=", "no-new-privileges:")
    if one.key == "cap_add" and value.upper() == "ALL":
        yield not_converted("cap_add: ALL", one.source, "name the capabilities under run.cap_add")
        return
    yield InitFinding(f"run.{one.key}", value, one.source)


_NAMES = {
    **dict.fromkeys(_DISPLAY, ("display", "auto")),
    **dict.fromkeys(_AUDIO, ("audio", "auto")),
    **dict.fromkeys(_NVIDIA, ("gpu", "auto")),
    "SSH_AUTH_SOCK": ("ssh_agent", "auto"),
}
"""Variables that stand for a key."""


def _environment(one: Setting, relative: Relative) -> Iterator[InitFinding]:
    name, _, value = one.value.partition("=")
    if name in _NAMES:
        yield InitFinding(*_NAMES[name], f"{one.source}: {name}")
    elif name in _BUILDS:
        yield built_in(one.value, one.source)
    elif known := _of_ros(name, value):
        yield InitFinding(*known, f"{one.source}: {name}")
    elif "=" not in one.value and re.fullmatch(r"\w+", name):
        yield InitFinding("environment", f"{name}=${{{name}}}", one.source)
    elif _VARIABLE.fullmatch(one.value):
        yield InitFinding("environment", one.value, one.source)
    else:
        yield not_converted(f"environment: {one.value}", one.source)


def _of_ros(name: str, value: str) -> tuple[str, str] | None:
    if name == "ROS_DOMAIN_ID" and re.fullmatch(r"\d{1,3}", value):
        return "ros.domain_id", value
    if name == "RMW_IMPLEMENTATION" and value in RMW.values():
        return "ros.rmw", next(key for key, package in RMW.items() if package == value)
    return ("distro", value) if name == "ROS_DISTRO" and value.isalpha() else None


def _volumes(one: Setting, relative: Relative) -> Iterator[InitFinding]:
    parts = _split_volume(one.value)
    host, inside = parts[0], parts[1] if len(parts) > 1 else ""
    key = _means(host)
    if key is not None:
        yield InitFinding(*key, f"{one.source}: {host}")
    elif host == inside == "/dev/shm":  # noqa: S108
        yield InitFinding("run.ipc", "host", f"{one.source}: {host}")
    elif _LOCALTIME.fullmatch(host):
        yield built_in(f"{host} (robenv sets the time zone)", one.source)
    elif not inside or (not host.startswith((".", "/", "~", "$")) and "/" not in host):
        yield InitFinding("run.volumes", one.value, one.source)
    else:
        path = relative(host)
        if path in (".", "./"):
            yield InitFinding("workspace.target", posixpath.normpath(inside), one.source)
        elif path.startswith("{"):
            yield not_converted(f"volume {one.value}", one.source, "run.volumes")
        else:
            yield InitFinding("run.volumes", ":".join((path, *parts[1:])), one.source)


def _means(host: str) -> tuple[str, str] | None:
    """The key and value of what a file or folder of the host stands for."""
    if _X11.fullmatch(host):
        return "display", "auto"
    if _AGENT.fullmatch(host):
        return "ssh_agent", "auto"
    if _SOUND.fullmatch(host):
        return "audio", "auto"
    if _GITCONFIG.fullmatch(host):
        return "git", "true"
    return None


def _split_volume(text: str) -> list[str]:
    """At the colons outside of ``${…}``."""
    return re.findall(r"(?:\$\{[^}]{0,300}\}|[^:])+", text) or [text]


def _devices(one: Setting, relative: Relative) -> Iterator[InitFinding]:
    parts = _split_volume(one.value.rstrip("/"))
    host = parts[0].rstrip("/")
    if _SOUND_DEVICE.fullmatch(host):
        yield InitFinding("audio", "auto", f"{one.source}: {host}")
    elif _NVIDIA_DEVICE.fullmatch(host):
        yield InitFinding("gpu", "auto", f"{one.source}: {host}")
    elif host == "/dev/bus/usb":
        yield InitFinding("devices", json.dumps({"class": "usb"}), one.source)
    elif re.fullmatch(r"/dev/[\w./*-]+|\$\{.*\}|\$\w+", host):
        wish = {"by": host, "optional": True}
        if len(parts) > 1 and parts[1].startswith("/") and parts[1] != host:
            wish["target"] = parts[1]
        yield InitFinding("devices", json.dumps(wish), one.source)
    else:
        yield not_converted(f"device {one.value}", one.source, "devices")


def _network_mode(one: Setting, relative: Relative) -> Iterator[InitFinding]:
    if one.value in ("host", "bridge", "none"):
        yield InitFinding("run.network_mode", one.value, one.source)
    else:
        yield not_converted(f"network_mode: {one.value}", one.source, "networks and run.networks")


def _ipc(one: Setting, relative: Relative) -> Iterator[InitFinding]:
    if one.value in ("host", "private", "shareable"):
        yield InitFinding("run.ipc", one.value, one.source)
    else:
        yield not_converted(f"ipc: {one.value}", one.source, "robenv runs one container")


def _privileged(one: Setting, relative: Relative) -> Iterator[InitFinding]:
    if one.value.lower() in ("true", "1"):
        yield InitFinding("run.privileged", "true", f"{one.source}: name devices and run.cap_add instead")
    else:
        yield built_in(f"privileged: {one.value}", one.source)


def _runtime(one: Setting, relative: Relative) -> Iterator[InitFinding]:
    if one.value == "nvidia":
        yield InitFinding("gpu", "auto", f"{one.source}: runtime {one.value}")
    else:
        yield InitFinding("run.runtime", one.value, one.source)


def _gpus(one: Setting, relative: Relative) -> Iterator[InitFinding]:
    yield InitFinding("gpu", "auto", f"{one.source}: gpus {one.value}")


_CONVERTED: dict[str, Callable[[Setting, Relative], Iterator[InitFinding]]] = {
    "environment": _environment,
    "volumes": _volumes,
    "devices": _devices,
    "network_mode": _network_mode,
    "ipc": _ipc,
    "privileged": _privileged,
    "runtime": _runtime,
    "gpus": _gpus,
}
