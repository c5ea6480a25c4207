"""Networks, by docker-py."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import docker

from robenv.engine.protocol import Json, NetworkInfo
from robenv.engine.transport.docker_py_session import request_json, send
from robenv.engine.transport.errors import status_of, translated_errors
from robenv.errors import HostRequirementMissing, NameTaken, OperationFailed, RobenvError

# (what the engine says, what robenv says with the groups filled in, a way out, the class)
_SAYINGS: tuple[tuple[re.Pattern[str], str, str, type[RobenvError]], ...] = (
    (
        re.compile(r"invalid subinterface vlan name (?P<what>\S+?),|parent interface (?P<other>\S+) .*not found"),
        "it is to stand on {what}, which the engine's machine does not have",
        "`ip -br link` on that machine shows what there is; write it at driver_opts: parent.",
        HostRequirementMissing,
    ),
    (
        re.compile(r"network (?P<what>\S+) is already using parent interface (?P<other>\S+)"),
        "another network stands on {other} already",
        "`docker network ls` shows it: use that one (`external: true` and its `name`), or remove it.",
        OperationFailed,
    ),
    (
        re.compile(r"[Pp]ool overlaps with other one|overlaps with existing routes|conflicts with network"),
        "its subnet overlaps with another network's",
        "Choose another one under ipam; `docker network ls` and `ip route` show those that are taken.",
        OperationFailed,
    ),
    (
        re.compile(r"could not find plugin (?P<what>\S+)|plugin \"?(?P<other>[^\s\"]+)\"? not found"),
        "the engine has no network driver {what}",
        "`docker info` lists its network drivers.",
        HostRequirementMissing,
    ),
    (re.compile(r"network with name \S+ already exists"), "there is one of that name", "", NameTaken),
)


class NetworkCalls:
    """The networks of ``robenv.engine.protocol.Engine``; ``_api`` is docker-py's low-level client."""

    _api: docker.APIClient

    def networks(self, labels: Mapping[str, str | None]) -> list[NetworkInfo]:
        """Those with these labels, by name; a label's value None asks only for the name."""
        wanted = [name if value is None else f"{name}={value}" for name, value in labels.items()]
        with translated_errors("list networks"):
            query = {"filters": json.dumps({"label": wanted})}
            listed = request_json(self._api, "get", "/networks", params=query)
        return sorted((_info(one) for one in listed), key=lambda network: network.name)

    def find_network(self, name: str) -> NetworkInfo | None:
        """By name or ID, with what is connected to it now; None where there is none."""
        try:
            with translated_errors("look for the network", name):
                return _info(request_json(self._api, "get", "/networks/{0}", name))
        except OperationFailed as error:
            if status_of(error) == 404:
                return None
            raise

    def create_network(self, request: Json) -> None:
        """``request`` is the Engine API's create body. Raises NameTaken, HostLacks, OperationFailed."""
        name = str(request["Name"])
        try:
            with translated_errors("create the network", name):
                send(self._api, "post", "/networks/create", json=dict(request))
        except OperationFailed as error:
            raise _explained(error, name) from error

    def connect_network(self, network: str, container: str, endpoint: Json) -> None:
        """Connects a container that need not run yet. ``endpoint`` is an EndpointSettings of the Engine API."""
        body = {"Container": container, "EndpointConfig": dict(endpoint)}
        with translated_errors("connect the container to the network", network):
            send(self._api, "post", "/networks/{0}/connect", network, json=body)

    def remove_network(self, name: str) -> bool:
        """False where something is connected to it; nothing happens where it is gone already."""
        try:
            with translated_errors("remove the network", name):
                send(self._api, "delete", "/networks/{0}", name)
        except OperationFailed as error:
            if "active endpoints" in error.message:
                return False
            if status_of(error) != 404:
                raise
        return True


def _info(raw: Mapping[str, Any]) -> NetworkInfo:
    connected = (one.get("Name") or "" for one in (raw.get("Containers") or {}).values())
    return NetworkInfo(
        id=str(raw["Id"]),
        name=str(raw["Name"]),
        driver=str(raw.get("Driver") or ""),
        labels=dict(raw.get("Labels") or {}),
        containers=tuple(sorted(connected)),
    )


def _explained(error: OperationFailed, name: str) -> RobenvError:
    sentence = error.message.partition(": ")[2]
    for pattern, text, hint, kind in _SAYINGS:
        if match := pattern.search(sentence):
            found = {key: value or "" for key, value in match.groupdict().items()}
            found["what"] = found.get("what") or found.get("other") or ""
            return kind(f"Could not create the network {name}: {text.format(**found)}.", details=sentence, hint=hint)
    return error
