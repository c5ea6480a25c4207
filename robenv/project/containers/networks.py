"""The project's own networks: made before the container, used again, and removed when nobody is left on them."""

from __future__ import annotations

from collections.abc import Callable

from robenv.engine.protocol import Engine, NetworkInfo
from robenv.errors import NameTaken, OperationFailed
from robenv.plan.container.networks import endpoint_request, network_request
from robenv.plan.models import Network, RunPlan
from robenv.plan.names import LABEL_DIRECTORY, LABEL_NETWORK, LABEL_PLACE, LABEL_PROJECT
from robenv.plan.owner import is_of
from robenv.util.file_lock import locked
from robenv.util.sanitize import in_command


def has_bridge(engine: Engine) -> bool:
    """Whether the engine has a network for who asks for none. Podman's has another name, and is made when wanted."""
    return engine.info().product.startswith("Podman") or engine.find_network("bridge") is not None


def check_networks(engine: Engine, plan: RunPlan, note: Callable[[str], None]) -> None:
    """Looks, before anything is built, for the networks that somebody else was to make. Raises OperationFailed."""
    if not plan.networks and plan.network_mode in ("", "default", "bridge") and not has_bridge(engine):
        note(
            "the engine has no bridge network, so the container has none: `run: {network_mode: host}` takes the "
            "network of the engine's machine"
        )
    for attachment in plan.networks:
        network = attachment.network
        if network.external and engine.find_network(network.name) is None:
            name = in_command(network.name, "NAME")
            hint = f"`docker network create {name}` makes it; without `external` robenv makes it itself"
            raise OperationFailed(
                f"there is no network {network.name}, which `{network.key}` says is external", "", hint
            )


def ensure_networks(engine: Engine, plan: RunPlan) -> None:
    """The networks that the plan's container is on. One that the project made otherwise is made anew.

    Raises NameTaken, HostLacks, and OperationFailed where one has to be made anew and is in use.
    """
    for attachment in plan.networks:
        if not attachment.network.external:
            # Another robenv that makes it takes a moment: nothing to tell of.
            with locked(f"network-{attachment.network.name}", lambda _: None):
                _ensure(engine, attachment.network, plan)


def _ensure(engine: Engine, network: Network, plan: RunPlan) -> None:
    request = network_request(network, plan)
    found = engine.find_network(network.name)
    if found is not None:
        if not _is_of(found, plan):
            raise NameTaken(
                f"there is a network {network.name} that is not this project's",
                hint=f"say `external: true` at networks.{network.key} to use it, or give it another `name`",
            )
        if found.labels.get(LABEL_NETWORK) == request["Labels"][LABEL_NETWORK]:
            return
        if not engine.remove_network(found.id):
            raise OperationFailed(
                f"the network {network.name} has changed in the profile and cannot be replaced: it is in use",
                details=f"connected: {', '.join(found.containers)}",
                hint="`robenv down` in the projects that use it, then `robenv up`",
            )
    engine.create_network(request)


def networks_gone(engine: Engine, plan: RunPlan) -> tuple[str, ...]:
    """Return the plan's networks that do not exist.

    `docker network prune` removes those whose containers are stopped, and a container of a removed network does not
    start again, not even where one of that name is made.
    """
    names = (attachment.network.name for attachment in plan.networks)
    return tuple(name for name in names if engine.find_network(name) is None)


def connect_networks(engine: Engine, container: str, plan: RunPlan) -> None:
    """To those beyond the first, on which the container was created."""
    for attachment in plan.networks[1:]:
        engine.connect_network(attachment.network.name, container, endpoint_request(attachment))


def _is_of(network: NetworkInfo, plan: RunPlan) -> bool:
    labels = network.labels
    if LABEL_PLACE in labels:
        return is_of({**labels, LABEL_PROJECT: plan.project}, plan)  # the project may have had another name
    return labels.get(LABEL_PROJECT) == plan.project and labels.get(LABEL_DIRECTORY) == plan.directory
