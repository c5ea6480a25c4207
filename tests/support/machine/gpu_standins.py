"""Stand-ins for what NVIDIA puts on a machine. Nothing here is a GPU: they record what an engine asks of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_RUNTIME = """#!/bin/sh
# A stand-in for nvidia-container-runtime: keeps the specification of what it is to create, and lets runc do the rest.
bundle= previous= creates=
for word; do
  [ "$word" != create ] || creates=yes
  [ "$previous" != --bundle ] || bundle=$word
  previous=$word
done
if [ "$creates" ]; then cp "$bundle/config.json" '@RECORD@'; fi
exec runc "$@"
"""

_HOOK = """#!/bin/sh
# A stand-in for nvidia-container-runtime-hook: keeps how it was called, the container's state and its specification.
echo "$@" >'@RECORD@.arguments'
cat >'@RECORD@.state'
bundle=$(sed -n 's/.*"bundle":"\\([^"]*\\)".*/\\1/p' '@RECORD@.state')
cp "$bundle/config.json" '@RECORD@'
"""


class StandIn:
    """A program in a folder of its own, and what it has recorded."""

    def __init__(self, folder: Path, name: str, script: str) -> None:
        folder.mkdir()
        self.folder = folder
        self.program = folder / name
        self._record = folder / "record"
        self.program.write_text(script.replace("@RECORD@", str(self._record)))
        self.program.chmod(0o755)

    @property
    def called(self) -> bool:
        return self._record.exists()

    @property
    def arguments(self) -> str:
        return Path(f"{self._record}.arguments").read_text().strip()

    @property
    def spec(self) -> dict[str, Any]:
        """The OCI runtime specification that it was last given."""
        document: dict[str, Any] = json.loads(self._record.read_text())
        return document

    @property
    def environment(self) -> dict[str, str]:
        return dict(line.partition("=")[::2] for line in self.spec["process"]["env"])


def runtime(folder: Path) -> StandIn:
    """To be registered with an engine as the runtime ``nvidia``."""
    return StandIn(folder, "nvidia-container-runtime", _RUNTIME)


def hook(folder: Path) -> StandIn:
    """To be found in an engine's PATH when it starts, which makes it take device requests for GPUs."""
    return StandIn(folder, "nvidia-container-runtime-hook", _HOOK)
