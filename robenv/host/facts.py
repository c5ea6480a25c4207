"""What this machine is, as far as a plan depends on it: a value, read on demand by ``robenv.host.probe``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Facts:
    """``platform`` is ``os/arch[/variant]`` in Docker's words, of the engine (which need not be this machine)."""

    uid: int
    gid: int
    user_name: str
    platform: str
    timezone: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
