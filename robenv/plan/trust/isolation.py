"""What shuts a container off from the host, where it is taken away: namespaces, capabilities, users. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from robenv.plan.host.capabilities import DOCKER_DEFAULT, NO_NEW_PRIVILEGES, blocks_new_privileges
from robenv.plan.models import RunPlan
from robenv.plan.trust.model import HostPlaces


def privileged(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    if plan.privileged:
        yield "privileged: all devices and capabilities, as good as root on the host"


def root(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    """Root needs no capability to leave a setuid program of its own in a folder that the host has too."""
    if plan.privileged:
        return
    how = ""
    if plan.user.uid == 0:
        how = "" if places.uid == 0 else "as UID 0"
    elif not blocks_new_privileges(plan):
        how = "by sudo" if plan.user.sudo else "by setuid programs"
    if how:
        yield f"root inside, {how}: can leave programs in the project's folder that run as root on the host"


def users(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    """Whoever works inside may leave programs in the project's folder that run, on the host, as the user or the group
    that they work as: for that a number is enough, and no privilege."""
    leaves = "can leave programs in the project's folder that run as it"
    if plan.user.uid not in (0, places.uid):
        yield f"works as the host's UID {plan.user.uid}, which is not yours: {leaves}"
    own = {places.gid, 0 if plan.user.uid == 0 else places.gid}
    numbers, names = dict.fromkeys([plan.user.gid, *plan.groups]), []
    for group in plan.group_add:
        if group.isascii() and group.isdigit():
            numbers[int(group)] = None
        else:
            names.append(group)
    yield from (f"{places.group(gid)}: {leaves}" for gid in sorted(numbers) if gid not in own)
    yield from (f"the group {name}, by the number that the image gives it: {leaves}" for name in sorted(set(names)))


_HOSTS = {
    "pid": "the host's processes: sees all of them (pid: host)",
    "ipc": "the host's shared memory (ipc: host)",
    "uts": "the host's name (uts: host)",
    "userns_mode": "the host's user IDs: root inside is root outside (userns_mode: host)",
    "cgroup": "the host's control groups (cgroup: host)",
}
_OTHERS = {"pid": "the processes", "ipc": "the shared memory"}
_ITS_OWN = {"ipc": ("none", "private", "shareable"), "cgroup": ("private",)}


def namespaces(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    for name, of_host in _HOSTS.items():
        mode = getattr(plan, name)
        kind, _, other = mode.partition(":")
        if mode == "host":
            yield of_host
        elif other and name in _OTHERS:
            yield f"{_OTHERS[name]} of the {kind} {other}"
        elif mode and mode not in _ITS_OWN.get(name, ()):
            yield f"the setting run.{name}: {mode}"


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


def capabilities(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    for name in sorted(set(plan.cap_add) - DOCKER_DEFAULT):
        yield f"the capability {name}" + (f": dangerous, {_DANGEROUS[name]}" if name in _DANGEROUS else "")


def security_option(option: str) -> tuple[str, str, str]:
    """Its name, the sign, and the value, as the engine takes it apart."""
    return option.partition("=" if "=" in option else ":")


def security(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    for option in plan.security_opt:
        name, sign, value = security_option(option)
        if name == NO_NEW_PRIVILEGES or (name, value) == ("seccomp", "builtin"):
            continue
        if (name, value) == ("seccomp", "unconfined"):
            yield "every system call, since no seccomp profile holds (seccomp=unconfined)"
        elif name == "seccomp":
            yield f"the system calls of its own seccomp profile ({hashlib.sha256(value.encode()).hexdigest()})"
        elif (name, value) == ("apparmor", "unconfined"):
            yield "no AppArmor profile (apparmor=unconfined)"
        elif (name, value) in (("label", "disable"), ("systempaths", "unconfined")):
            told = {"label": "no SELinux label", "systempaths": "the hidden parts of /proc and /sys"}[name]
            yield f"{told} ({name}={value})"
        else:
            yield f"the security option {name}{sign and '='}{value}"
