"""What DDS needs of this machine's network: large socket buffers, and multicast on some interface."""

from __future__ import annotations

from collections.abc import Iterator

from robenv.doctor.check import CheckContext, Finding
from robenv.host.host import Host, LocalHost

ENOUGH = 10 << 20
"""Bytes of net.core.rmem_max: what mixins/cyclonedds asks for. Kernels start with 208 KiB, newer ones with 4 MiB."""
_SETTINGS = "/etc/sysctl.d/60-robenv-dds.conf"
# The value is that of https://docs.ros.org/en/rolling/How-To-Guides/DDS-tuning.html
LARGER_BUFFERS = f"sudo sh -c 'echo net.core.rmem_max=2147483647 > {_SETTINGS} && sysctl -p {_SETTINGS}'"
LOOPBACK = "sudo ip link set lo multicast on"
_UP, _LOOPBACK, _MULTICAST = 0x1, 0x8, 0x1000
"""IFF_… of netdevice(7)"""
_OF_CONTAINERS = ("docker", "br-", "veth", "virbr")


def network(patient: CheckContext, host: Host | None = None) -> Iterator[Finding]:
    """``host``: what to read the machine by; None reads this one."""
    from robenv.plan.host.middleware import asks_for_middleware

    if patient.project is not None and not asks_for_middleware(patient.project.resolved.profile):
        return
    if patient.info is not None and not patient.info.endpoint.startswith("unix://"):
        return  # What is here says nothing of the engine's machine.
    host = host or LocalHost()
    yield from _buffers(host)
    yield _multicast(host)


def _buffers(host: Host) -> Iterator[Finding]:
    text = (host.read("/proc/sys/net/core/rmem_max") or "").strip()
    if not text.isdecimal():
        return
    size = f"net.core.rmem_max is {int(text) >> 10} KiB"
    if int(text) >= ENOUGH:
        yield Finding("DDS socket buffers", "ok", size)
    else:
        said = f"{size}: images and point clouds over DDS lose packets"
        yield Finding("DDS socket buffers", "warning", said, LARGER_BUFFERS, safe=True)


def _multicast(host: Host) -> Finding:
    flags = {
        path.split("/")[-2]: int(text, 16)
        for path, text in host.texts("/sys/class/net/*/flags").items()
        if text.strip().startswith("0x")
    }
    able = [name for name, bits in flags.items() if bits & _UP and bits & _MULTICAST]
    outward = [name for name in able if not flags[name] & _LOOPBACK and not name.startswith(_OF_CONTAINERS)]
    if outward:
        return Finding("DDS multicast", "ok", ", ".join(outward))
    if any(flags[name] & _LOOPBACK for name in able):
        return Finding("DDS multicast", "ok", "on this machine alone")
    text = "no interface that is up does multicast: nodes do not find each other, on this machine neither"
    return Finding("DDS multicast", "warning", text, LOOPBACK)
