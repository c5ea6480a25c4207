"""A profile's ``networks`` and ``run.networks`` → what is made and what the container is connected to. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from robenv.plan.models import Attachment, Network, Pool, RunPlan
from robenv.plan.names import LABEL_NETWORK
from robenv.plan.owner import owner_labels

if TYPE_CHECKING:
    from robenv.profile.schema.profile import Profile
    from robenv.profile.schema.run.network import Network as ProfileNetwork


def plan_networks(profile: Profile, prefix: str) -> tuple[Attachment, ...]:
    """What the container is on, in the order of ``run.networks``: networks that nothing names are not made.

    A network's name is the project's own, as in Compose: ``lan`` in two projects are two networks. ``prefix``: as in
    RunPlan.
    """
    return tuple(
        Attachment(
            _network(key, profile.networks[key], prefix),
            attachment.aliases,
            attachment.ipv4_address,
            attachment.ipv6_address,
        )
        for key, attachment in profile.run.networks.items()
    )


def _network(key: str, network: ProfileNetwork, prefix: str) -> Network:
    if network.external:
        return Network(network.name or key, key, external=True)
    pools = (
        Pool(pool.subnet, pool.gateway, pool.ip_range, tuple(pool.aux_addresses.items()))
        for pool in network.ipam.config
    )
    return Network(
        name=network.name or f"{prefix}_{key}",
        key=key,
        driver=network.driver or "bridge",
        options=tuple(network.driver_opts.items()),
        ipam_driver=network.ipam.driver,
        ipam_options=tuple(network.ipam.options.items()),
        pools=tuple(pools),
        internal=network.internal,
        attachable=network.attachable,
        enable_ipv6=network.enable_ipv6,
        labels=tuple(network.labels.items()),
    )


def network_request(network: Network, plan: RunPlan) -> dict[str, Any]:
    """The body of the Engine API's ``POST /networks/create``, with the labels by which it is found again."""
    ipam: dict[str, Any] = {
        "Driver": network.ipam_driver or "default",
        "Config": [_pool(pool) for pool in network.pools],
    }
    body: dict[str, Any] = {
        "Name": network.name,
        "CheckDuplicate": True,
        "Driver": network.driver,
        "Options": dict(network.options),
        "IPAM": ipam | ({"Options": dict(network.ipam_options)} if network.ipam_options else {}),
        "Internal": network.internal,
        "Attachable": network.attachable,
        "EnableIPv6": network.enable_ipv6,
    }
    own = {**owner_labels(plan), LABEL_NETWORK: _digest(body, network)}
    return body | {"Labels": {**dict(network.labels), **own}}


def endpoint_request(attachment: Attachment) -> dict[str, Any]:
    """How the container is on one network: an EndpointSettings of the Engine API."""
    addresses = {"IPv4Address": attachment.ipv4_address, "IPv6Address": attachment.ipv6_address}
    ipam = {name: address for name, address in addresses.items() if address}
    body: dict[str, Any] = {"Aliases": list(attachment.aliases)} if attachment.aliases else {}
    return body | ({"IPAMConfig": ipam} if ipam else {})


def _pool(pool: Pool) -> dict[str, Any]:
    body: dict[str, Any] = {"Subnet": pool.subnet, "IPRange": pool.ip_range, "Gateway": pool.gateway}
    body["AuxiliaryAddresses"] = dict(pool.aux_addresses)
    return {name: value for name, value in body.items() if value}


def _digest(body: dict[str, Any], network: Network) -> str:
    """12 hex digits: a network whose label says another was made by another profile."""
    text = json.dumps([body, sorted(network.labels)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
