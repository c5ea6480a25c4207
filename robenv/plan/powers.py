"""What a container may do to the host it runs on, in plain lines. Pure.

An ordinary container has none of these powers: Docker's own capabilities, its seccomp profile, a network and volumes of
its own, and the project's folder. Lines say the same in the same words every time, since approvals are given to them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from robenv.catalog.devices import CLASSES
from robenv.plan.privileges import DOCKER_DEFAULT, NO_NEW_PRIVILEGES, blocks_new_privileges
from robenv.plan.values import Mount, RunPlan
from robenv.profile.excerpt import safe


@dataclass(frozen=True, order=True)
class Power:
    """``kind`` sorts and groups; ``text`` is one plain line."""

    kind: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class HostPlaces:
    """What a plan alone cannot know of the host's folders, all absolute."""

    home: str = ""
    """The user's home folder."""
    own: tuple[str, ...] = ()
    """Folders besides the project's that a profile may use: its own."""


def powers(plan: RunPlan, places: HostPlaces = HostPlaces()) -> tuple[Power, ...]:
    """Every power over the host that the plan's container has, each once, in one order for all plans."""
    found = (Power(kind, safe(text)) for kind, tell in _KINDS for text in tell(plan, places))
    return tuple(dict.fromkeys(found))


Teller = Callable[[RunPlan, HostPlaces], Iterable[str]]


def _privileged(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    if plan.privileged:
        yield "privileged: all devices and capabilities, as good as root on the host"


def _root(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    """Root needs no capability to leave a setuid program of its own in a folder that the host has too."""
    if plan.user.uid and not plan.privileged and not blocks_new_privileges(plan):
        how = "sudo" if plan.user.sudo else "setuid programs"
        yield f"root inside, by {how}: can leave programs in the project's folder that run as root on the host"


_SOCKETS = ("docker.sock", "podman.sock", "containerd.sock", "crio.sock", "docker.sock.raw")
_SOCKET_PLACES = (
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/var/run/containerd/containerd.sock",
    "/run/docker/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/var/run/podman/podman.sock",
)


def _engine_socket(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    """Also read-only: a socket that can be seen can be connected to."""
    for mount in _binds(plan):
        source = _normal(mount.source)
        held = [socket for socket in _SOCKET_PLACES if _within(socket, source)]
        if PurePosixPath(source).name in _SOCKETS:
            yield f"the container engine, through {source}: whoever has it is root on the host"
        elif held or _holds_user_socket(source):
            yield f"the container engine, whose socket is in {source}: whoever has it is root on the host"


def _holds_user_socket(source: str) -> bool:
    """Of a rootless engine: /run/user/UID/docker.sock and /run/user/UID/podman/podman.sock."""
    parts = PurePosixPath(source).parts
    return parts[:3] == ("/", "run", "user") and (len(parts) < 5 or (len(parts) == 5 and parts[4] == "podman"))


_NAMED = {
    "/": "the whole file system of the host",
    "/etc": "the host's settings and accounts",
    "/dev": "the host's device files",
    "/proc": "the host's processes",
    "/sys": "the host's kernel and hardware",
    "/boot": "what the host starts with",
    "/usr": "the host's programs",
    "/var": "the host's logs, caches and databases",
    "/var/lib/docker": "the engine's own files",
    "/run": "the sockets of the host's services",
    "/var/run": "the sockets of the host's services",
    "/home": "everybody's home folders",
    "/root": "root's home folder",
    "/tmp": "everybody's temporary files",  # noqa: S108
}
_SESSION = "/run/robenv"
_X11_SOCKETS = "/tmp/.X11-unix"  # noqa: S108 (the protocol's own place)


def _folders(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    own = (plan.directory, *places.own)
    for mount in _binds(plan):
        source = _normal(mount.source)
        told = source in (_X11_SOCKETS, "/dev/null") or PurePosixPath(source).name in _SOCKETS
        if told or _is_session_folder(plan, mount):
            continue
        if any(_within(source, folder) for folder in own if folder):
            continue
        verb = "reads" if mount.read_only else "reads and writes"
        name = _name_of(source, places.home)
        yield f"{verb} {source}" + (f", {name}" if name else "")


def _is_session_folder(plan: RunPlan, mount: Mount) -> bool:
    """Where robenv itself puts what belongs to the login session, which is told of by its parts."""
    source = PurePosixPath(mount.source)
    return bool(plan.session) and mount.target == _SESSION and source.name == plan.name and "robenv" in source.parts


def _name_of(source: str, home: str) -> str:
    """What a folder is called, where it is more than one of many."""
    if home and source == _normal(home):
        return "your home folder"
    if source in _NAMED:
        return _NAMED[source]
    if home and _within(_normal(home), source):
        return "with your home folder in it"
    if PurePosixPath(source).parts[:3] == ("/", "run", "user"):
        return "sockets of a login session"
    return ""


_IN_MEMORY = ("tmpfs", "ramfs", "devpts", "mqueue")


def _volumes(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    """A volume that is a file system of its own kind; one with a path of the host is among the binds."""
    for mount in plan.mounts:
        options = dict(mount.options)
        kind, device = str(options.get("type", "")), str(options.get("device", ""))
        if mount.kind == "volume" and device and not device.startswith("/") and kind not in _IN_MEMORY:
            yield f"the file system {device} ({kind})"


def _network(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    names = [one.network.name for one in plan.networks if one.network.external]
    if plan.network_mode == "host" or "host" in names:
        yield "the host's network: its interfaces, and whatever listens on it, also on localhost"
    yield from _another(plan.network_mode, "the network")
    yield from (f"the network {name}, which is not this project's" for name in names if name != "host")
    for one in plan.networks:
        if one.network.driver in ("macvlan", "ipvlan"):
            yield f"the network that the host is on, as a machine of its own ({one.network.driver} {one.network.key})"


def _namespaces(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    if plan.pid == "host":
        yield "the host's processes: sees all of them (pid: host)"
    if plan.ipc == "host":
        yield "the host's shared memory (ipc: host)"
    if plan.uts == "host":
        yield "the host's name (uts: host)"
    if plan.userns_mode == "host":
        yield "the host's user IDs: root inside is root outside (userns_mode: host)"
    if plan.cgroup == "host":
        yield "the host's control groups (cgroup: host)"
    yield from _another(plan.pid, "the processes")
    yield from _another(plan.ipc, "the shared memory")


def _another(mode: str, what: str) -> Iterator[str]:
    kind, _, name = mode.partition(":")
    if kind in ("container", "service") and name:
        yield f"{what} of the container {name}"


_DANGEROUS = {
    "ALL": "all of them: as good as root on the host",
    "BPF": "programs in the host's kernel",
    "DAC_READ_SEARCH": "reads any file of the host",
    "MAC_ADMIN": "changes the host's security policy",
    "MAC_OVERRIDE": "ignores the host's security policy",
    "PERFMON": "watches the host's kernel and programs",
    "SYS_ADMIN": "as good as root on the host",
    "SYS_BOOT": "restarts the host",
    "SYS_MODULE": "loads code into the host's kernel",
    "SYS_PTRACE": "controls any process that it sees",
    "SYS_RAWIO": "the host's memory and ports",
    "SYS_TIME": "sets the host's clock",
    "SYSLOG": "reads and clears the host's kernel log",
}


def _capabilities(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    for name in sorted(set(plan.cap_add) - DOCKER_DEFAULT):
        yield f"the capability {name}" + (f": dangerous, {_DANGEROUS[name]}" if name in _DANGEROUS else "")


def _security(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    for option in plan.security_opt:
        name, sign, value = option.partition("=" if "=" in option else ":")
        if name == NO_NEW_PRIVILEGES or (name, value) == ("seccomp", "builtin"):
            continue
        if (name, value) == ("seccomp", "unconfined"):
            yield "every system call, since no seccomp profile holds (seccomp=unconfined)"
        elif name == "seccomp":
            yield f"the system calls of its own seccomp profile ({hashlib.sha256(value.encode()).hexdigest()[:12]})"
        elif (name, value) == ("apparmor", "unconfined"):
            yield "no AppArmor profile (apparmor=unconfined)"
        elif (name, value) in (("label", "disable"), ("systempaths", "unconfined")):
            told = {"label": "no SELinux label", "systempaths": "the hidden parts of /proc and /sys"}[name]
            yield f"{told} ({name}={value})"
        else:
            yield f"the security option {name}{sign and '='}{value}"


_DISKS = (
    "/dev/sd*", "/dev/nvme*", "/dev/vd*", "/dev/xvd*", "/dev/mmcblk*", "/dev/dm-*", "/dev/md*", "/dev/mapper/*",
    "/dev/disk/*", "/dev/loop*",
)  # fmt: skip
_GRAVE_DEVICES = (
    (("/dev/mem", "/dev/kmem", "/dev/port"), "the host's memory and ports"),
    (_DISKS, "a disk of the host, with all that is on it"),
    (("/dev/input", "/dev/input/*", "/dev/uinput"), "what is typed on the host, where it is a keyboard"),
    (("/dev/video*", "/dev/v4l/*"), "a camera"),
    (("/dev/snd", "/dev/snd/*"), "sound, microphones too"),
    (("/dev/bus/usb", "/dev/bus/usb/*"), "USB devices, of any kind"),
    (("/dev/kvm",), "virtual machines"),
)
_GPU_NODES = ("/dev/dri", "/dev/dri/*", "/dev/kfd", "/dev/nvidia*", "/dev/dxg", "/dev/nvhost*", "/dev/nvmap")


def _devices(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    for device in plan.devices:
        if not _is_one(device.host, _GPU_NODES):
            name = next((text for nodes, text in _GRAVE_DEVICES if _is_one(device.host, nodes)), "")
            yield f"the device {device.host}" + (f": {name}" if name else "")
    for rule in plan.device_cgroup_rules:
        yield f"every device {_rule_name(rule)}, also one that is plugged in later"


def _rule_name(rule: str) -> str:
    kind, _, rest = rule.partition(" ")
    numbers = rest.partition(" ")[0]
    major = numbers.partition(":")[0]
    drivers = [driver.name for one in CLASSES.values() for driver in one.drivers if str(driver.major) == major]
    if kind == "c" and drivers and numbers.endswith(":*"):
        return f"of {drivers[0]} (c {numbers})"
    what = {"a": "there is", "b": "that is a disk", "c": "that is a character device"}.get(kind, "")
    return f"{what} ({kind} {numbers})" if "*" in major or kind == "a" else f"numbered {kind} {numbers}"


def _gpu(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    for request in plan.device_requests:
        if request.driver == "cdi":
            yield from (f"what the host calls {name} (CDI)" for name in request.device_ids)
        elif any("gpu" in capabilities for capabilities in request.capabilities):
            yield "the GPU" + (f" {', '.join(request.device_ids)}" if request.device_ids else "")
        else:
            yield f"devices of the driver {request.driver or 'of the engine'}"
    if any(_is_one(device.host, _GPU_NODES) for device in plan.devices):
        yield "the GPU"
    if plan.runtime == "nvidia":
        yield "the GPU"
    elif plan.runtime not in ("", "runc", "crun", "runsc"):
        yield f"the engine's runtime {plan.runtime}"


_PARTS = {
    "x11": "the X11 screen: sees every window and every key that is typed",
    "wayland": "windows on the Wayland screen",
    "pulseaudio": "sound: plays, and hears the microphone",
    "pipewire": "sound, and cameras that PipeWire has: plays, hears the microphone",
    "ssh_agent": "the ssh agent: signs in anywhere as you, while a command runs",
}


def _session(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    parts = list(plan.session)
    if any(_normal(mount.source) == _X11_SOCKETS for mount in _binds(plan)):
        parts.append("x11")
    known = (_PARTS[part] for part in _PARTS if part in parts)
    yield from (*known, *(f"the login session's {part}" for part in parts if part not in (*_PARTS, "git")))


def _realtime(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    limited = {one.name for one in plan.ulimits if one.hard}
    if "rtprio" in limited or "SYS_NICE" in plan.cap_add or plan.cpu_rt_runtime:
        yield "realtime priorities: may keep the host's other programs from running"
    if plan.oom_kill_disable:
        yield "memory without end: the kernel does not kill it for want of memory (oom_kill_disable)"


def _others(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    yield from (f"the kernel setting {name}={value}" for name, value in sorted(plan.sysctls))
    if plan.cgroup_parent:
        yield f"a place in the host's control groups: {plan.cgroup_parent}"
    if plan.restart in ("always", "unless-stopped"):
        yield f"starts again by itself, also when the host starts (restart: {plan.restart})"


_KINDS: tuple[tuple[str, Teller], ...] = (
    ("privileged", _privileged),
    ("root", _root),
    ("engine", _engine_socket),
    ("folder", _folders),
    ("folder", _volumes),
    ("network", _network),
    ("namespace", _namespaces),
    ("capability", _capabilities),
    ("security", _security),
    ("device", _devices),
    ("gpu", _gpu),
    ("session", _session),
    ("realtime", _realtime),
    ("setting", _others),
)


def file_powers(paths: Iterable[str], own: Iterable[str]) -> tuple[Power, ...]:
    """Files of the host outside the folders ``own`` that are taken into the image or its environment."""
    folders = [folder for folder in own if folder]
    outside = {_normal(path) for path in paths if path and not any(_within(_normal(path), one) for one in folders)}
    return tuple(Power("folder", safe(f"takes in a copy of {path}")) for path in sorted(outside))


def lending_powers(secrets: Iterable[str], agent: bool) -> tuple[Power, ...]:
    """What a build's steps get of the user while they run, and may send anywhere."""
    found = [
        Power("secret", f"what it puts into the image runs where a build step reads the secret {name}")
        for name in sorted(secrets)
    ]
    if agent:
        found.append(
            Power("session", "what it puts into the image runs where a build step may use the keys in your ssh agent")
        )
    return tuple(found)


def _binds(plan: RunPlan) -> Iterator[Mount]:
    """All mounts of the host's own paths, also those that a volume's options ask for."""
    for mount in plan.mounts:
        device = str(dict(mount.options).get("device", ""))
        if mount.kind == "bind":
            yield mount
        elif mount.kind == "volume" and device.startswith("/"):
            yield replace(mount, kind="bind", source=device)


def _is_one(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def _normal(path: str) -> str:
    """With no ``//``, ``.`` or trailing slash; ``..`` cannot be taken away without looking at the links."""
    return str(PurePosixPath("/" + path.lstrip("/")))


def _within(path: str, folder: str) -> bool:
    return PurePosixPath(path).is_relative_to(_normal(folder))
