"""The names that images have on an engine while `save`, `load` and the like are at work, and nobody else uses.

No half of an image can ever stand under a real name. Each name tells the machine and the process that gave it, so that
what a killed one has left is known and goes.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Sequence

from robenv.engine.protocol import Engine
from robenv.paths import runs

STAGING = "robenv/saved"
"""The repository of names that images in a file have, and that nobody uses."""
_TAGGED = re.compile(rf"{STAGING}:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}")


def staging_name() -> str:
    """A new one: ``robenv/saved:MACHINE-PROCESS-RANDOM``."""
    return f"{STAGING}:{_machine()}-{os.getpid()}-{secrets.token_hex(6)}"


def abandoned(names: Sequence[str]) -> list[str]:
    """Those whose process is no longer there; of other machines' nothing is known."""
    return [name for name in names if (process := _process(name)) and not runs(process)]


def is_staging(name: object) -> bool:
    return isinstance(name, str) and bool(_TAGGED.fullmatch(name))


def find_abandoned(engine: Engine) -> list[str]:
    there = engine.images(named=f"{STAGING}:*")
    return abandoned([name for image in there for name in image.tags])


def _machine() -> str:
    return hashlib.sha256(os.uname().nodename.encode()).hexdigest()[:8]


def _process(name: str) -> int:
    """That of this machine which gave the name; 0 where it was another machine's, or none of ours."""
    machine, _, rest = name.removeprefix(f"{STAGING}:").partition("-")
    process = rest.partition("-")[0]
    ours = machine == _machine() and name.startswith(f"{STAGING}:")
    return int(process) if ours and process.isascii() and process.isdigit() else 0
