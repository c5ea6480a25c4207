"""What only one running container can have, so that of two releases that want it the first has to stop. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from robenv.plan.container.create_request import port_bindings
from robenv.plan.models import Port


def conflicting_use(new: Mapping[str, Any], old: Mapping[str, Any]) -> tuple[str, ...]:
    """Why ``old`` has to be stopped before ``new`` can start, in words; () where it need not be.

    Plans as JSON: of ``RunPlan.to_json`` or a label.
    """
    claimed = set(_claims(old))
    shared = tuple(claim for claim in dict.fromkeys(_claims(new)) if claim in claimed)
    # It cannot be ended from inside, where every process of the robot would be signalled.
    return (*shared, *([f"its PID namespace (pid: {old['pid']})"] if old.get("pid") else []))


def stops_first(reasons: tuple[str, ...]) -> str:
    """What is told of it beforehand."""
    return (
        f"the running release is stopped before the new one starts: only one at a time can have {', '.join(reasons)}; "
        "nothing runs in between"
    )


def _claims(plan: Mapping[str, Any]) -> Iterator[str]:
    mode = str(plan.get("network_mode") or "")
    if mode not in ("host", "none") and not mode.startswith("container:"):  # there the engine publishes nothing
        for port, bindings in port_bindings(Port(**one) for one in plan.get("ports") or ()).items():
            protocol = port.partition("/")[2]
            # Out of a range, or where no port is named, the engine takes one that is free.
            yield from (
                f"port {binding['HostPort']}/{protocol}" for binding in bindings if binding["HostPort"].isdigit()
            )
    for attachment in plan.get("networks") or ():
        name = attachment["network"]["name"]
        for key in ("ipv4_address", "ipv6_address"):
            if attachment.get(key):
                yield f"the address {attachment[key]} in the network {name}"
