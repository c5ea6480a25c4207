"""``networks:`` and ``run.networks``: Compose's networks, and how the container is on each of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from robenv.profile.schema.run.parts import Address, Labels, PairList
from robenv.profile.schema.types import (
    TEXT_SCHEMA,
    AnyText,
    Boolean,
    Leaf,
    Line,
    PlainLine,
    Section,
    Short,
    pattern,
    take_line,
    unset,
)
from robenv.profile.yaml.parse_error import BadValue
from robenv.util.sanitize import show

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}"
_MODES = ("host", "none", "null", "default", "container")


def _driver(value: Any) -> str:
    expected = "a network driver such as `bridge`, `macvlan` or `ipvlan`"
    driver = take_line(value, expected)
    if driver in _MODES:
        hint = "run.network_mode takes host, none and container:NAME"
        raise BadValue(f"{show(driver)} is no driver of a network of one's own", hint)
    if not all(character.isalnum() or character in "/._:-" for character in driver):
        raise BadValue(f"{show(driver)} is not {expected}")
    return driver


def _parsed(parse: Callable[[str], object], expected: str) -> Leaf:
    def checked(value: Any) -> str:
        text = take_line(value, expected)
        try:
            parse(text)
        except ValueError as error:
            hint = "the bits behind the prefix must be 0" if "host bits" in str(error) else ""
            raise BadValue(f"{show(text)} is not {expected}", hint) from None
        return text

    return Leaf(checked, TEXT_SCHEMA)


Subnet = Annotated[str, _parsed(ipaddress.ip_network, "a subnet such as `192.168.1.0/24`")]
Ipv4 = Annotated[str, _parsed(ipaddress.IPv4Address, "an IPv4 address such as `192.168.1.20`")]
Ipv6 = Annotated[str, _parsed(ipaddress.IPv6Address, "an IPv6 address such as `fd00::20`")]
NetworkName = Annotated[str, pattern(_NAME, "the name of a network such as `lan`")]


class Pool(Section):
    """A subnet of a network, and what of it containers get."""

    subnet: Annotated[Subnet, Field(description="such as 192.168.7.0/24")] = ""
    gateway: Annotated[Address, Field(description="must lie in the subnet")] = ""
    ip_range: Annotated[Subnet, Field(description="the part of the subnet that addresses are given out of")] = ""
    aux_addresses: Annotated[
        dict[Line, Address], Field(description="addresses of others, that no container is given")
    ] = Field(default_factory=dict)


class Ipam(Section):
    """Who gives out addresses, and which."""

    driver: Annotated[PlainLine, Field(description="default: the engine's own")] = ""
    config: Annotated[tuple[Pool, ...], Field(description="its subnets; default: one that is free")] = ()
    options: Annotated[dict[Line, AnyText], Field(description="of that driver")] = Field(default_factory=dict)


class Network(Section):
    """A network of the project's own, made when the container is; or one that is there already."""

    name: Annotated[NetworkName, Field(description="on the engine; default: made of the project's and the key")] = ""
    driver: Annotated[str, Leaf(_driver, TEXT_SCHEMA), Field(description="default: bridge")] = ""
    driver_opts: Annotated[
        dict[Line, AnyText], PairList, Field(description="such as parent: eth0 for macvlan and ipvlan")
    ] = Field(default_factory=dict)
    ipam: Ipam = unset(Ipam)
    external: Annotated[Boolean, Field(description="somebody else's: used, never made or removed")] = False
    internal: Annotated[Boolean, Field(description="no way out of it")] = False
    attachable: Annotated[Boolean, Field(description="for overlay: others may be put on it by hand")] = False
    enable_ipv6: Annotated[Boolean, Field(description="IPv6 beside IPv4")] = False
    labels: Annotated[Labels, Field(description="of the network, beside robenv's own")] = Field(default_factory=dict)


class Attachment(Section):
    """How the container is on a network."""

    aliases: Annotated[tuple[Line, ...], Field(description="more names that others on it find the container by")] = ()
    ipv4_address: Annotated[Ipv4, Field(description="in a subnet that the network's ipam names")] = ""
    ipv6_address: Annotated[Ipv6, Field(description="likewise")] = ""


def _listed(value: Any) -> Any:
    """The mapping form of a list of names, each with its defaults."""
    if not isinstance(value, (list, tuple)):
        return value
    return {take_line(name, "the name of a network"): {} for name in value}


_Defaults = Short(lambda value: {} if value is None else value, {"type": "null"})
"""A name with nothing behind it."""
Networks = dict[NetworkName, Annotated[Network, _Defaults]]
Attachments = Annotated[
    dict[NetworkName, Annotated[Attachment, _Defaults]], Short(_listed, {"type": "array", "items": TEXT_SCHEMA})
]
