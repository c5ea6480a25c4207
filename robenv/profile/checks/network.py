"""Whether a profile's networks, and how its container is on them, fit together."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING

from robenv.errors import Problem
from robenv.profile.schema.run.network import Attachment, Network, Pool
from robenv.profile.yaml.nodes import Path_
from robenv.profile.yaml.parse_error import did_you_mean
from robenv.util.sanitize import show

if TYPE_CHECKING:
    from robenv.profile.checks.merged import MergedProfile


def networks(whole: MergedProfile) -> Iterator[Problem]:
    for name, network in whole.profile.networks.items():
        yield from _network(whole, ("networks", name), network)
    run = whole.profile.run
    if run.networks and run.network_mode:
        message = f"`networks` and `network_mode: {run.network_mode}` exclude each other"
        hint = "keep one of the two; `network_mode: !reset` takes an inherited one away"
        yield whole.problem(("run", "networks"), message, hint)
    for name, attachment in run.networks.items():
        found = whole.profile.networks.get(name)
        if found is None:
            hint = did_you_mean(name, whole.profile.networks) or f"describe it at the top: networks: {{{name}: {{}}}}"
            yield whole.problem(("run", "networks", name), f"there is no network {show(name)}", hint)
        elif not found.external:
            yield from _attachment(whole, ("run", "networks", name), attachment, found)


def _network(whole: MergedProfile, path: Path_, network: Network) -> Iterator[Problem]:
    if network.external:
        given = sorted(network.model_fields_set - {"name", "external"})
        if given:
            named = ", ".join(f"`{key}`" for key in given)
            message = f"{show(str(path[-1]))} is somebody else's (`external`), so {named} cannot be set here"
            yield whole.problem((*path, given[0]), message, "take it out, or take `external` out")
        return
    if network.driver in ("macvlan", "ipvlan") and not network.driver_opts.get("parent") and not network.internal:
        hint = "driver_opts: {parent: eth0}, by the name that `ip -br link` shows; or internal: true"
        message = f"a network of the driver {network.driver} needs the host's interface that it stands on"
        yield whole.problem(path, message, hint)
    for index, pool in enumerate(network.ipam.config):
        yield from _pool(whole, (*path, "ipam", "config", index), pool)


def _pool(whole: MergedProfile, path: Path_, pool: Pool) -> Iterator[Problem]:
    inside = {"gateway": pool.gateway, "ip_range": pool.ip_range}
    if not pool.subnet:
        if any(inside.values()) or pool.aux_addresses:
            yield whole.problem(path, "`subnet` is missing: what the rest lies in", "such as subnet: 192.168.1.0/24")
        return
    for key, text in inside.items():
        if text and not _lies_in(text, pool.subnet):
            yield whole.problem((*path, key), f"{show(text)} does not lie in the subnet {pool.subnet}")


def _attachment(whole: MergedProfile, path: Path_, attachment: Attachment, network: Network) -> Iterator[Problem]:
    subnets = [pool.subnet for pool in network.ipam.config if pool.subnet]
    for key, address in (("ipv4_address", attachment.ipv4_address), ("ipv6_address", attachment.ipv6_address)):
        if address and not any(_lies_in(address, subnet) for subnet in subnets):
            where = f"lies in none of its subnets: {', '.join(subnets)}" if subnets else "needs a subnet"
            hint = f"networks: {{{path[-1]}: {{ipam: {{config: [{{subnet: …}}]}}}}}}"
            yield whole.problem((*path, key), f"the address {address} {where}", hint)


def _lies_in(text: str, subnet: str) -> bool:
    inner, outer = ipaddress.ip_network(text), ipaddress.ip_network(subnet)
    first, last = int(inner.network_address), int(inner.broadcast_address)
    return (
        inner.version == outer.version and int(outer.network_address) <= first and last <= int(outer.broadcast_address)
    )
