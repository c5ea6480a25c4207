"""The time zone of a machine. Light: the quick way in imports this."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from robenv.host.reader import Host


def read_timezone(host: Host) -> str:
    """The zone's name, such as ``Europe/Berlin``, from $TZ, /etc/localtime's link or /etc/timezone; "" if none says."""
    variable = host.variable("TZ").removeprefix(":")
    if variable:
        return variable.partition("zoneinfo/")[2] if variable.startswith("/") else variable
    zone = (host.link("/etc/localtime") or "").partition("zoneinfo/")[2]
    return zone or (host.read("/etc/timezone") or "").strip()
