"""Which board or PC a machine is, by what its firmware says."""

from __future__ import annotations

from robenv.host.host import Host


def read_model(host: Host) -> str:
    """The device tree's model, such as ``Raspberry Pi 5 Model B Rev 1.0``; "" on a machine without one."""
    return (host.read("/proc/device-tree/model") or "").rstrip("\0\n ")


def read_board(host: Host) -> str:
    """The board's name, by the device tree (ARM) or DMI (PCs)."""
    tree = read_model(host)
    if tree:
        return tree
    names = (host.read(f"/sys/class/dmi/id/{name}") for name in ("sys_vendor", "product_name"))
    return " ".join(text.strip() for text in names if text and text.strip())
