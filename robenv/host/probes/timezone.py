"""The time zone of a machine. Light: the quick way in imports this."""

from __future__ import annotations

import os
from contextlib import suppress

from robenv.paths import link_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Answers(Protocol):
        """What this asks of a ``Host``."""

        def variable(self, name: str) -> str: ...

        def link(self, path: str) -> str | None: ...

        def read(self, path: str) -> str | None: ...


class LocalZone:
    """This machine, for the quick way in, which does without the readers of everything else."""

    def variable(self, name: str) -> str:
        return os.environ.get(name, "")

    def link(self, path: str) -> str | None:
        return link_target(path) or None

    def read(self, path: str) -> str | None:
        with suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
            return file.read(1000)
        return None


def read_timezone(host: Answers) -> str:
    """The zone's name, such as ``Europe/Berlin``, from $TZ, /etc/localtime's link or /etc/timezone; "" if none says."""
    variable = host.variable("TZ").removeprefix(":")
    if variable:
        return variable.partition("zoneinfo/")[2] if variable.startswith("/") else variable
    zone = (host.link("/etc/localtime") or "").partition("zoneinfo/")[2]
    return zone or (host.read("/etc/timezone") or "").strip()
