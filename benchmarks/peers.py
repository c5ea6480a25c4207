"""The peers, from their registries, each in a folder of its own under benchmarks/.peers."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.measure import ROOT, run

_FOLDER = ROOT / "benchmarks" / ".peers"


def devcontainer() -> str:
    """The path of the devcontainer CLI (npm), installed where it is missing."""
    command = _FOLDER / "devcontainer" / "node_modules" / ".bin" / "devcontainer"
    if not command.exists():
        command.parents[2].mkdir(parents=True, exist_ok=True)
        run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(command.parents[2]), "@devcontainers/cli"])
    return str(command)


def rocker() -> str:
    """The path of rocker (PyPI), installed where it is missing."""
    folder = _FOLDER / "rocker"
    command = folder / "bin" / "rocker"
    if not command.exists():
        run([sys.executable, "-m", "venv", "--clear", str(folder)])
        # It imports pkg_resources, which later releases of setuptools have no more.
        run([str(folder / "bin" / "pip"), "install", "--quiet", "rocker", "setuptools<81"])
    return str(command)


def versions() -> dict[str, str]:
    python = str(Path(rocker()).with_name("python"))
    program = "from importlib.metadata import version; print(version('rocker'))"
    return {"devcontainer": run([devcontainer(), "--version"]).strip(), "rocker": run([python, "-c", program]).strip()}
