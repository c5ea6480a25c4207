"""Networks that a container is on, and ports of the host that it has. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from robenv.plan.models import Attachment, Network, RunPlan
from robenv.plan.trust.model import HostPlaces

_PLAIN_MODES = ("", "default", "bridge", "none", "host")
_PLAIN_OPTIONS = ("com.docker.network.driver.mtu",)
"""Options of the driver bridge that change nothing of the host."""
_OF_THE_HOST = ("macvlan", "ipvlan")
"""Drivers of networks on which a container is a machine of its own, beside the host."""
_USUAL = 1024
"""Ports below it are those of the host's own services."""


def network(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    names = [one.network.name for one in plan.networks if one.network.external]
    if plan.network_mode == "host" or "host" in names:
        yield "the host's network: its interfaces, and whatever listens on it, also on localhost"
    kind, _, container = plan.network_mode.partition(":")
    if container:
        yield f"the network of the {kind} {container}"
    elif plan.network_mode not in _PLAIN_MODES:
        names.append(plan.network_mode)
    yield from (f"the network {name}, which is not this project's" for name in names if name != "host")
    for one in plan.networks:
        yield from _place_in(one)
        if not one.network.external:
            yield from _own_network(plan, one.network)


def _place_in(one: Attachment) -> Iterator[str]:
    """Names and addresses on a network that others are on, who may look for somebody else by them."""
    network = one.network
    if network.external:
        yield from (f"the name {alias} on the network {network.name}" for alias in one.aliases)
    if network.external or network.driver in _OF_THE_HOST:
        addresses = filter(None, (one.ipv4_address, one.ipv6_address))
        yield from (f"the address {address} on the network {network.name}" for address in addresses)


def _own_network(plan: RunPlan, network: Network) -> Iterator[str]:
    """One that the engine makes as it is told: it is on the host, and may be made in the place of something there."""
    if network.name != f"{plan.prefix}_{network.key}":
        yield f"the network {network.name}, which is not this project's"
    if network.driver in _OF_THE_HOST:
        yield f"the network that the host is on, as a machine of its own ({network.driver} {network.key})"
    elif network.driver not in ("", "bridge"):
        yield f"a network of the engine's driver {network.driver} ({network.key})"
    own_words = () if network.driver in _OF_THE_HOST else _PLAIN_OPTIONS
    yield from (
        f"the network option {name}={value} ({network.key})" for name, value in network.options if name not in own_words
    )
    if network.ipam_driver not in ("", "default"):
        yield f"addresses by the engine's driver {network.ipam_driver} ({network.key})"
    yield from (f"the address option {name}={value} ({network.key})" for name, value in network.ipam_options)
    for pool in network.pools:
        said = " ".join(filter(None, (pool.subnet, pool.gateway, pool.ip_range))) or "chosen addresses"
        if network.driver in _OF_THE_HOST:
            yield f"addresses out of {said} on the network {network.key}"
        else:
            yield f"what the host sends to {said} goes to its network {network.key}"
    yield from (
        f"the label {name}={value} of the network {network.key}, by which other programs of the host may act"
        for name, value in network.labels
    )


def ports(plan: RunPlan, places: HostPlaces) -> Iterator[str]:
    """All but a port of the host's own loopback, beyond those of its usual services."""
    for port in plan.ports:
        number = port.host_port or "any free one"
        if not _is_loopback(port.host_ip):
            where = f"the address {port.host_ip}" if port.host_ip else "every address"
            yield f"the port {number} on {where} of the host, for whoever reaches that ({port.container})"
        elif 0 < int(port.host_port.partition("-")[0] or 0) < _USUAL:
            yield f"the port {number} of the host, where programs look for a service of its own ({port.container})"


def _is_loopback(address: str) -> bool:
    return bool(address) and ipaddress.ip_address(address.strip("[]")).is_loopback
