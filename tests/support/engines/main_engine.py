"""Runs a command with a newer Docker Engine and its containerd image store in the place of the system's engine.

    python -m tests.support.engines.main_engine COMMAND…   (where no engine answers; as root, through sudo if need be)

So is what people get who install Docker Engine 29 or later. Its data goes with it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from robenv.engine.transport.endpoint import DEFAULT_URL
from scripts import own_root
from scripts.engine import answers, root_command, run
from tests.support.engines.newer_engine import PACKAGES, START, NewerEngine
from tests.support.engines.newer_packages import unpacked

_IPTABLES = ("iptables", "ip6tables", "iptables-save", "iptables-restore")


class MainEngine(NewerEngine):
    """In the network of this machine, whose archives its builds and containers reach."""

    def __init__(self) -> None:
        super().__init__()
        self._root = _with_iptables(unpacked("engine", (*PACKAGES, "iptables")))
        self.url = DEFAULT_URL

    @property
    def options(self) -> list[str]:
        folders = [f"--{name}={self.folder / path}" for name, path in _FOLDERS.items()]
        return ["--exec-opt", "native.cgroupdriver=cgroupfs", "--feature", "containerd-snapshotter=true", *folders]

    @property
    def command(self) -> list[str]:
        return [*own_root.prefix(), "unshare", "--mount", "sh", "-c", START, str(self._root), *self.options]


_FOLDERS = {"data-root": "data", "exec-root": "exec"}  # its process is looked for where the system's is


def _with_iptables(root: Path) -> Path:
    """Its names are what the package's scripts make."""
    for name in _IPTABLES:
        link = root / "usr/sbin" / name
        if not link.is_symlink():
            link.symlink_to("xtables-nft-multi")
    return root


def main(command: Sequence[str]) -> int:
    if os.geteuid() != 0:
        return run(root_command([sys.executable, "-m", "tests.support.engines.main_engine", *command]))
    if answers():
        print("an engine answers already: it would not be a newer one", file=sys.stderr)
        return 4
    engine = MainEngine()
    try:
        version = engine.start().api().version()
        print(f"engine: {version['Version']}, API {version['ApiVersion']}, with the containerd image store", flush=True)
        return run(command)
    finally:
        if engine.running:
            engine.stop()
        engine.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
