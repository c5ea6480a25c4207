"""The devices of a machine, and what they are planned by."""

from __future__ import annotations

from typing import Any

from robenv.catalog.devices import UDEV_DATA
from robenv.host.host import Host

_ARPHRD_CAN = "280"
"""include/uapi/linux/if_arp.h"""


def read_devices(host: Host) -> dict[str, Any]:
    """The fields of Facts that are read together: devices, not_devices, majors, groups, udev_data, can_interfaces."""
    nodes, others = host.tree("/dev")
    return {
        "devices": nodes,
        "not_devices": others,
        "majors": character_majors(host.read("/proc/devices") or ""),
        "groups": group_numbers(host.read("/etc/group") or ""),
        "udev_data": host.kind(UDEV_DATA) == "folder",
        # Asked by their content: other interfaces come and go with every container.
        "can_interfaces": tuple(path.split("/")[-2] for path in host.holding("/sys/class/net/*/type", _ARPHRD_CAN)),
    }


def character_majors(text: str) -> tuple[tuple[str, int], ...]:
    """(name, major) of the character devices in /proc/devices; the block devices come in a second part."""
    majors = []
    for line in text.partition("Block devices:")[0].split("\n"):
        number, _, name = line.strip().partition(" ")
        if number.isdecimal() and name:
            majors.append((name.strip(), int(number)))
    return tuple(majors)


def group_numbers(text: str) -> tuple[tuple[str, int], ...]:
    """(name, GID) of group(5)'s lines; lines that make no sense are left out."""
    fields = (line.split(":") for line in text.split("\n"))
    return tuple((line[0], int(line[2])) for line in fields if len(line) > 2 and line[0] and line[2].isdecimal())
