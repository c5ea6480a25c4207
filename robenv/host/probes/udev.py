"""Which udev rules this machine has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from robenv.host.host import Host

State = Literal["installed", "different", "not installed"]


def rules_state(host: Host, source: str, target: str) -> State:
    """Whether the rules file ``source`` lies at ``target``, as it is now."""
    there = host.read(target)
    if there is None:
        return "not installed"
    return "installed" if there == host.read(source) else "different"
