"""Compose's one-line forms of volumes, devices and ports, taken apart into its long forms."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Any

from robenv.profile.schema.quantities import parse_range
from robenv.profile.yaml.parse_error import BadValue
from robenv.util.sanitize import show

_PROPAGATION = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
_CONSISTENCY = ("consistent", "cached", "delegated")
_PERMISSIONS = re.compile("(?!.*(.).*\\1)[rwm]{1,3}")
_PORT = re.compile(
    r"(?:(?:(?P<ip>\[[0-9A-Fa-f:.]+\]|[0-9.]+):)?(?P<host>[0-9-]*):)?(?P<container>[0-9-]+)(?:/(?P<protocol>[a-z]+))?"
)
PROTOCOLS = ("tcp", "udp", "sctp")


@dataclass(frozen=True)
class PortMapping:
    """A port of the container and where the host has it."""

    container: str
    """``8080/tcp``"""
    host_ip: str = ""
    host_port: str = ""
    """A port, a range ``8000-8010``, or "" for any free one."""


def is_path(source: str) -> bool:
    """Whether a volume's source names a folder of the host, and not a volume."""
    return source.startswith(("/", "./", "../", "~")) or source in (".", "..")


def expand_volume(text: str) -> dict[str, Any]:
    """Compose's long form of ``[SOURCE:]TARGET[:MODE,…]``. Raises BadValue."""
    parts = text.split(":")
    if len(parts) > 3 or not all(parts):
        raise BadValue(f"{show(text)} is not a volume: expected SOURCE:TARGET[:MODE]", "or use the long form")
    if len(parts) == 1:
        return {"type": "volume", "target": text}
    source, target = parts[:2]
    kind = "bind" if is_path(source) else "volume"
    volume: dict[str, Any] = {"type": kind, "source": source, "target": target}
    for mode in parts[2].split(",") if len(parts) == 3 else ():
        _volume_mode(volume, kind, mode)
    return volume


def _volume_mode(volume: dict[str, Any], kind: str, mode: str) -> None:
    if mode in ("ro", "rw"):
        volume["read_only"] = mode == "ro"
    elif mode in _CONSISTENCY:
        volume["consistency"] = mode
    elif mode in _PROPAGATION and kind == "bind":
        volume.setdefault("bind", {})["propagation"] = mode
    elif mode in ("z", "Z") and kind == "bind":
        volume.setdefault("bind", {})["selinux"] = mode
    elif mode == "nocopy" and kind == "volume":
        volume.setdefault("volume", {})["nocopy"] = True
    else:
        raise BadValue(f"{show(mode)} is not a mode of a {kind}", "the usual modes are `ro` and `rw`")


def expand_device(text: str) -> dict[str, Any]:
    """The long form of ``HOST[:CONTAINER[:PERMISSIONS]]``. Raises BadValue."""
    parts = text.split(":")
    expected = "a device such as `/dev/ttyUSB0` or `/dev/video0:/dev/camera:rw`"
    if len(parts) > 3 or not all(parts):
        raise BadValue(f"{show(text)} is not {expected}")
    if len(parts) == 2 and _PERMISSIONS.fullmatch(parts[1]):
        return {"source": parts[0], "target": parts[0], "permissions": parts[1]}
    device = {"source": parts[0], "target": parts[1] if len(parts) > 1 else parts[0]}
    if len(parts) == 3:
        device["permissions"] = parts[2]
    return device


_WISH = re.compile(r"(?P<by>.+?)(?::(?P<target>/[^:]*))?(?::(?P<permissions>[rwm]{1,3}))?")


def expand_wish(text: str) -> dict[str, Any]:
    """The long form of ``DEVICE[:CONTAINER][:PERMISSIONS]``. Stable names by path hold colons of their own:
    ``/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0``."""
    match = _WISH.fullmatch(text)
    return {key: value for key, value in match.groupdict().items() if value} if match else {"by": text}


def permissions(text: str) -> str:
    if not _PERMISSIONS.fullmatch(text):
        raise BadValue(f"{show(text)} are not permissions of a device: expected letters of `rwm`, each once")
    return text


def parse_port(text: str) -> tuple[PortMapping, ...]:
    """``[[IP:][HOST]:]CONTAINER[/PROTOCOL]``, ranges spread out. Raises BadValue."""
    found = _PORT.fullmatch(text) if len(text) < 128 else None
    if found is None:
        raise BadValue(
            f"{show(text)} is not a port: expected such as `8080`, `8080:80` or `127.0.0.1:5000-5010:5000-5010/udp`"
        )
    ip = (found["ip"] or "").strip("[]")
    return spread_ports(found["container"], found["host"] or "", ip, found["protocol"] or "tcp")


def spread_ports(container: str, host: str, ip: str, protocol: str) -> tuple[PortMapping, ...]:
    """One mapping a container port; a host range of equal length is spread with it."""
    if protocol not in PROTOCOLS:
        raise BadValue(f"{show(protocol)} is not a protocol: expected tcp, udp or sctp")
    first, last = parse_range(container)
    if first == 0:
        raise BadValue("a container has no port 0")
    if not host:
        return tuple(PortMapping(f"{port}/{protocol}", ip) for port in range(first, last + 1))
    host_first, host_last = parse_range(host)
    if host_last - host_first == last - first:
        shift = host_first - first
        return tuple(PortMapping(f"{port}/{protocol}", ip, str(port + shift)) for port in range(first, last + 1))
    if first != last:
        raise BadValue(f"the ranges {show(host)} and {show(container)} do not have the same length")
    return (PortMapping(f"{first}/{protocol}", ip, host),)


SECCOMP = "seccomp="


def names_seccomp_file(option: str) -> bool:
    """Whether an option of ``security_opt`` names a file with a seccomp profile."""
    return option.startswith(SECCOMP) and option.removeprefix(SECCOMP) not in ("unconfined", "builtin")


def same_place(path: str) -> str:
    """One spelling for each container path."""
    return posixpath.normpath("/" + path.lstrip("/"))
