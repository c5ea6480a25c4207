"""Which distribution a machine runs."""

from __future__ import annotations

from robenv.host.facts import Distribution
from robenv.host.host import Host


def read_distribution(host: Host) -> Distribution:
    """By os-release(5), from its first place or its second."""
    return distribution_of(host.read("/etc/os-release") or host.read("/usr/lib/os-release") or "")


def distribution_of(os_release: str) -> Distribution:
    """By the text of an os-release file."""
    fields = parse_os_release(os_release)
    return Distribution(
        id=fields.get("ID", ""),
        version=fields.get("VERSION_ID", ""),
        codename=fields.get("VERSION_CODENAME", ""),
        name=fields.get("PRETTY_NAME", ""),
        like=tuple(fields.get("ID_LIKE", "").split()),
    )


def parse_os_release(text: str) -> dict[str, str]:
    """The assignments of an os-release file, unquoted."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            fields[name] = _unquote(value)
    return fields


def _unquote(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    for character in '"$`\\':
        value = value.replace(f"\\{character}", character)
    return value
