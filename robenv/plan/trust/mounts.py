"""Folders, volumes and sockets of the host that a container has. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from robenv.plan.models import Mount, RunPlan
from robenv.plan.names import release_volume, volume_name
from robenv.plan.trust.model import HostPlaces, normal, within

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


def engine_socket(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    """Also read-only: a socket that can be seen can be connected to."""
    for mount in binds(plan):
        source = normal(mount.source)
        held = [socket for socket in _SOCKET_PLACES if within(socket, source)]
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
    "/run/udev": "the host's list of its devices",
    "/var/run": "the sockets of the host's services",
    "/home": "everybody's home folders",
    "/root": "root's home folder",
    "/tmp": "everybody's temporary files",  # noqa: S108
}
_SESSION = "/run/robenv"
X11_SOCKETS = "/tmp/.X11-unix"  # noqa: S108 (the protocol's own place)


def folders(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    own = (plan.directory, *places.own)
    for mount in binds(plan):
        source = normal(mount.source)
        told = source in (X11_SOCKETS, "/dev/null") or PurePosixPath(source).name in _SOCKETS
        if told or _is_session_folder(plan, mount):
            continue
        if any(within(source, folder) for folder in own if folder):
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
    if home and source == normal(home):
        return "your home folder"
    if source in _NAMED:
        return _NAMED[source]
    if home and within(normal(home), source):
        return "with your home folder in it"
    if PurePosixPath(source).parts[:3] == ("/", "run", "user"):
        return "sockets of a login session"
    return ""


_IN_MEMORY = ("tmpfs", "ramfs", "devpts", "mqueue")


def volumes(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    """A volume that is a file system of its own kind, or another project's; one with a path of the host is among the
    binds."""
    for mount in plan.mounts:
        options = dict(mount.options)
        kind, device = str(options.get("type", "")), str(options.get("device", ""))
        if mount.kind == "volume" and device and not device.startswith("/") and kind not in _IN_MEMORY:
            yield f"the file system {device} ({kind})"
        elif mount.kind == "volume" and not _is_own_volume(plan, mount.source):
            yield f"the volume {mount.source}, which is not this project's"


def _is_own_volume(plan: RunPlan, name: str) -> bool:
    own = (volume_name(plan.prefix, ""), volume_name(plan.prefix, "", plan.platform))
    return name in ("", plan.home_volume, release_volume(plan.project)) or name.startswith(own)


def exchangeable(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    """The engine looks where names lead each time that it starts a container, and robenv only before it does so itself:
    what can write the folder in which a mounted one lies can put a link in its place."""
    if plan.restart in ("", "no") and not places.restarts:
        return
    writable = [normal(bind.source) for bind in binds(plan) if not bind.read_only]
    for mount in binds(plan):
        source = normal(mount.source)
        if any(source != folder and within(source, folder) for folder in writable):
            yield f"any folder of the host in the place of {source}, once the engine starts it again by itself"


_KNOWN_OPTIONS = {
    "bind": ("create_host_path", "consistency"),
    "volume": ("nocopy", "subpath", "type", "device", "o"),
    "tmpfs": ("size", "mode", "options"),
}
"""Options of mounts that give nothing of the host, or that other tellers judge."""
_OWN_PROPAGATION = ("", "private", "rprivate")
_TMPFS = re.compile(
    r"(?:(?:size|mode|uid|gid|nr_inodes|nr_blocks)=[0-9]+[kmgKMG%]?|(?:no)?(?:exec|suid|dev|atime)|r[ow])"
)


def mount_options(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    """What a mount does to the host's own mounts or files, beyond showing them."""
    for mount in plan.mounts:
        options = dict(mount.options)
        propagation = str(options.pop("propagation", ""))
        if propagation not in _OWN_PROPAGATION:
            yield f"mounts below {mount.source} pass between host and container ({propagation})"
        if label := options.pop("selinux", ""):
            yield f"gives files of the host at {mount.source} another SELinux label ({label})"
        for word in str(options.get("options", "")).split(",") if mount.kind == "tmpfs" else ():
            if word and not _TMPFS.fullmatch(word):
                yield f"memory at {mount.target} with the mount option {word}"
        for name, value in options.items():
            if name not in _KNOWN_OPTIONS.get(mount.kind, ()):
                yield f"a {mount.kind} at {mount.target} with {name}={value}"


def binds(plan: RunPlan) -> Iterator[Mount]:
    """All mounts of the host's own paths, also those that a volume's options ask for."""
    for mount in plan.mounts:
        device = str(dict(mount.options).get("device", ""))
        if mount.kind == "bind":
            yield mount
        elif mount.kind == "volume" and device.startswith("/"):
            yield replace(mount, kind="bind", source=device)
