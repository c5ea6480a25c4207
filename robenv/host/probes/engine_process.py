"""What the engine's own process may do, where it runs on this machine: its limits, powers and command line."""

from __future__ import annotations

import json
from typing import Any

from robenv.host.host import Host

PID_FILES = {
    "unix:///var/run/docker.sock": "/var/run/docker.pid",
    "unix:///run/docker.sock": "/var/run/docker.pid",
}
"""Where dockerd writes its process's number, by where it listens: its defaults, and Debian's and Docker's packages'."""
CONFIG_FILE = "/etc/docker/daemon.json"
_SYS_RESOURCE = 1 << 24
"""capabilities(7)"""
_HIGHEST_PRIORITY = 99
_SECOND = 1_000_000


def read_engine_process(host: Host, endpoint: str) -> dict[str, Any]:
    """``rt_budget`` and ``raises_limits`` of ``EngineFacts``, as far as they can be known; else without them.

    https://docs.docker.com/reference/cli/dockerd/ for the flags and their names in daemon.json; proc_pid_status(5),
    proc_pid_limits(5).
    """
    pid = (host.read(PID_FILES[endpoint]) or "").strip() if endpoint in PID_FILES else ""
    process = f"/proc/{pid}"
    command = host.read(f"{process}/cmdline") if pid.isdecimal() else None
    if not command or "dockerd" not in command.partition("\0")[0]:
        return {}
    options = _options(command.split("\0")[1:])
    settings = _settings(host.read(options.get("config-file", CONFIG_FILE))) | options
    known: dict[str, Any] = {"rt_budget": _budget(settings)}
    if (powers := host.line(f"{process}/status", "CapEff:")) is not None:
        priority = _hard(host.line(f"{process}/limits", "Max realtime priority"))
        memory = _hard(host.line(f"{process}/limits", "Max locked memory"))
        enough = priority >= _HIGHEST_PRIORITY and memory == _UNLIMITED
        known["raises_limits"] = enough or bool(int(powers.split()[-1], 16) & _SYS_RESOURCE)
    return known


_UNLIMITED = 2**63


def _hard(line: str | None) -> int:
    """The hard limit of a line whose name has three words."""
    words = (line or "").split()
    if len(words) < 5:
        return 0
    return _UNLIMITED if words[4] == "unlimited" else int(words[4])


def _options(arguments: list[str]) -> dict[str, str]:
    """``--name value`` and ``--name=value`` by name; of one that stands twice the last."""
    found: dict[str, str] = {}
    for index, argument in enumerate(arguments):
        name, equals, value = argument.removeprefix("--").partition("=")
        if argument.startswith("--"):
            found[name] = value if equals else "".join(arguments[index + 1 : index + 2])
    return found


def _settings(text: str | None) -> dict[str, Any]:
    try:
        settings = json.loads(text or "{}")
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}


def _budget(settings: dict[str, Any]) -> int:
    """Microseconds of a second."""
    runtime, period = (_number(settings.get(f"cpu-rt-{name}")) for name in ("runtime", "period"))
    return runtime * _SECOND // (period or _SECOND)


def _number(value: Any) -> int:
    return int(value) if str(value).isdecimal() else 0
